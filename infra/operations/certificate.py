"""Request certificates from a trust service provider, and take in what it gave.

Who signs is nobody here: what leaves is a request, what comes back is a file.
"""

import datetime
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import cast

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.asymmetric.types import CertificatePublicKeyTypes
from cryptography.x509.oid import NameOID

from infra.certificate import CertificateError, split_pem
from infra.operations.secret import CERTIFICATE_KEYS, complete_secrets, store_by_name
from infra.operations.stack import Stack
from infra.operations.stack_config import read_config, store_plain
from infra.plan.model import Plan
from infra.plan.partner import find_endpoints
from infra.settings import CERTIFICATES

COUNTRY = "NL"


def write_requests(stack: Stack, plan: Plan, folder: Path) -> list[Path]:
    """Write the requests of a stack's servers into a folder, and make the keys that are missing.

    Raises:
        CertificateError: the folder cannot be written to.
        DeploymentError: Pulumi refuses.
    """
    complete_secrets(stack, plan)
    keys = _find_keys(read_config(stack))
    written = []
    for server, text in request_certificates(plan, keys).items():
        file = folder / f"{plan.servers[server].fqdn}.csr"
        try:
            file.write_text(text)
        except OSError as error:
            message = (
                f"{file}: cannot be written: {error.strerror}. A folder that is there and may be"
                " written to is needed. Name another one with --folder."
            )
            raise CertificateError(message) from error
        written.append(file)
    return written


def find_certificates(known: Mapping[str, str]) -> dict[str, str]:
    """Find the chains in a stack's configuration, by server: those of a key that it still has."""
    keys, chains = _find_keys(known), json.loads(known.get(CERTIFICATES, "{}"))
    return {
        server: chain for server, chain in chains.items() if find_key(keys.get(server, ""), chain)
    }


def find_key(keys: str, chain: str) -> str:
    """Find the key that a chain is of.

    Args:
        keys: a server's private keys in PEM.
        chain: in PEM, the server's own certificate first.

    Returns:
        The key in PEM; nothing when it is none of these.
    """
    wanted = _public(x509.load_pem_x509_certificate(chain.encode()).public_key())
    return next((key for key in split_pem(keys) if _public_of(key) == wanted), "")


def _find_keys(known: Mapping[str, str]) -> dict[str, str]:
    keys: dict[str, str] = json.loads(known.get(CERTIFICATE_KEYS, "{}"))
    return keys


def request_certificates(plan: Plan, keys: Mapping[str, str]) -> dict[str, str]:
    """Make a request for each server that meets partners.

    Args:
        plan: of the tenant.
        keys: private keys in PEM by server, the newest last.

    Returns:
        PKCS 10 in PEM by server: of its newest key, for its full name, in the name of the
        municipality.
    """
    return {
        server: _request(plan, server, split_pem(keys[server])[-1])
        for server in find_endpoints(plan.servers)
    }


def _request(plan: Plan, server: str, key: str) -> str:
    fqdn = plan.servers[server].fqdn
    subject = x509.Name(
        [
            x509.NameAttribute(NameOID.COUNTRY_NAME, COUNTRY),
            x509.NameAttribute(NameOID.ORGANIZATION_NAME, plan.name),
            x509.NameAttribute(NameOID.COMMON_NAME, fqdn),
        ]
    )
    request = (
        x509.CertificateSigningRequestBuilder()
        .subject_name(subject)
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(fqdn)]), critical=False)
        .sign(_read_key(key), hashes.SHA256())
    )
    return request.public_bytes(serialization.Encoding.PEM).decode()


def accept_certificates(stack: Stack, plan: Plan, files: Iterable[Path]) -> list[str]:
    """Store chains in the stack's configuration, each for the server whose key it is of.

    That key is in use from then on; those from before it are forgotten.

    Args:
        stack: of the tenant.
        plan: of the tenant.
        files: chains in PEM: a server's certificate, its issuers in order, the root.

    Returns:
        The servers that have one now, of these files.

    Raises:
        CertificateError: with one line a file that is no such chain; then none is stored.
        DeploymentError: Pulumi refuses.
    """
    known = read_config(stack)
    keys = _find_keys(known)
    owners = {
        _public_of(key): server
        for server in find_endpoints(plan.servers)
        for key in split_pem(keys.get(server, ""))
    }
    accepted: dict[str, str] = {}
    faults: list[str] = []
    for file in files:
        chain = _read_chain(file)
        found = [*_find_faults(chain, plan, owners)]
        faults += [
            f"{file}: {fault} Ask for another one with `tenant certificates request {plan.tenant}`."
            for fault in found
        ]
        if not found:
            accepted[owners[_public(chain[0].public_key())]] = _write_chain(chain)
    if faults:
        raise CertificateError("\n".join(faults))
    # The chain says which key is in use: interrupted between the two, both are there.
    store_plain(stack, known, {CERTIFICATES: {**find_certificates(known), **accepted}})
    left = {server: _drop_former(keys[server], chain) for server, chain in accepted.items()}
    store_by_name(stack, known, CERTIFICATE_KEYS, {**keys, **left})
    return sorted(accepted)


def _drop_former(keys: str, chain: str) -> str:
    several = split_pem(keys)
    return "".join(several[several.index(find_key(keys, chain)) :])


def _find_faults(
    chain: Sequence[x509.Certificate], plan: Plan, owners: Mapping[bytes, str]
) -> Iterator[str]:
    """Find why a chain is of no server of the plan. owners: server by its public key."""
    if len(chain) < 2:
        yield (
            f"holds {len(chain)} certificates. Allowed: a server's, its issuers' and the root's, in"
            " PEM and in this order."
        )
        return
    for holder, issuer in zip(chain, [*chain[1:], chain[-1]], strict=True):
        try:
            holder.verify_directly_issued_by(issuer)
        except (ValueError, TypeError, InvalidSignature):
            yield (
                f"{holder.subject.rfc4514_string()} is not issued by"
                f" {issuer.subject.rfc4514_string()}. Allowed: each certificate before that of its"
                " issuer, the root's last."
            )
    end = chain[0].not_valid_after_utc
    if end < datetime.datetime.now(datetime.UTC):
        yield f"ended on {end:%Y-%m-%d}. Allowed: certificates that are still good."
    server = owners.get(_public(chain[0].public_key()))
    if server is None:
        yield (
            f"is of a key that no server of {plan.tenant} has. Allowed: certificates that this"
            " stack requested."
        )
        return
    fqdn, names = plan.servers[server].fqdn, _names(chain[0])
    if fqdn not in names:
        yield f"is for {', '.join(names) or 'no name'}. Allowed: {fqdn}, by the key of {server}."


def _read_chain(file: Path) -> list[x509.Certificate]:
    """Read the certificates of a file; none where there are none.

    Raises:
        CertificateError: the file cannot be read.
    """
    try:
        return x509.load_pem_x509_certificates(file.read_bytes())
    except OSError as error:
        message = f"{file}: cannot be read: {error.strerror}. A file in PEM is needed. Name it."
        raise CertificateError(message) from error
    except ValueError:
        return []


def _write_chain(chain: Iterable[x509.Certificate]) -> str:
    """Write the certificates alone, without what people put between them."""
    encoding = serialization.Encoding.PEM
    return "".join(certificate.public_bytes(encoding).decode() for certificate in chain)


def _names(certificate: x509.Certificate) -> list[str]:
    try:
        extension = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName)
    except x509.ExtensionNotFound:
        return []
    return extension.value.get_values_for_type(x509.DNSName)


def _read_key(text: str) -> RSAPrivateKey:
    key = serialization.load_pem_private_key(text.encode(), password=None)
    return cast(RSAPrivateKey, key)  # as `complete_secrets` generates it


def _public_of(key: str) -> bytes:
    return _public(_read_key(key).public_key())


def _public(key: CertificatePublicKeyTypes) -> bytes:
    return key.public_bytes(
        serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
    )
