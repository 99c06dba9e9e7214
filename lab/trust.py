"""Sign certificates as a trust service provider would, whom nobody outside this lab trusts.

A root and an issuing authority below it, like PKIoverheid's for private services. Their keys live
in the lab's memory and die with it. Must not know whose certificates these are.
"""

import datetime
import os
from dataclasses import dataclass
from pathlib import Path
from typing import cast

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from lab.error import LabInputError
from lab.layout import Layout

VALID_DAYS = 365
AUTHORITY_DAYS = 3650

_PublicKey = ec.EllipticCurvePublicKey | rsa.RSAPublicKey
_PEM = serialization.Encoding.PEM


@dataclass(frozen=True)
class _Authority:
    """Who signs. chain: its certificate in PEM and those of its issuers, the root's last."""

    key: ec.EllipticCurvePrivateKey
    certificate: x509.Certificate
    chain: str


def sign(layout: Layout, request: Path, days: int = VALID_DAYS) -> str:
    """Sign a request for a certificate of server and client.

    Args:
        layout: of a lab that is up.
        request: file with a PKCS 10 request in PEM.
        days: how long the certificate is to be good, from now.

    Returns:
        The chain in PEM: the certificate, its issuer's, the root's.

    Raises:
        LabInputError: the file is no such request, not signed by the key that it names, or without
            names.
    """
    needed = "A PKCS 10 request in PEM is needed. Name another file."
    try:
        wanted = x509.load_pem_x509_csr(request.read_bytes())
    except OSError as error:
        message = f"{request}: cannot be read: {error.strerror}. {needed}"
        raise LabInputError(message) from error
    except ValueError as error:
        # The library's own words lead to its questions and answers, and not to this file.
        message = f"{request}: is no request for a certificate. {needed}"
        raise LabInputError(message) from error
    key = wanted.public_key()
    if not isinstance(key, rsa.RSAPublicKey) or not wanted.is_signature_valid:
        message = f"{request}: is not of an RSA key, or not signed by it. Make the request anew."
        raise LabInputError(message)
    try:
        names = wanted.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except (x509.ExtensionNotFound, ValueError) as error:
        message = f"{request}: {error} The names of a server are needed. Make the request anew."
        raise LabInputError(message) from error
    issuer = _issuer(layout.trust)
    certificate = (
        _builder(wanted.subject, key, issuer, days)
        .add_extension(names, critical=False)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_usage(is_authority=False), critical=True)
        .add_extension(
            x509.ExtendedKeyUsage(
                [ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH]
            ),
            critical=False,
        )
        .sign(issuer.key, hashes.SHA256())
    )
    return certificate.public_bytes(_PEM).decode() + issuer.chain


def _issuer(folder: Path) -> _Authority:
    """Give the issuing authority; the first time, make it and its root."""
    folder.mkdir(mode=0o700, exist_ok=True)
    root = _authority(folder / "root.pem", "Lab Private Root CA", None)
    return _authority(folder / "issuer.pem", "Lab Private Services CA", root)


def _authority(file: Path, name: str, issuer: _Authority | None) -> _Authority:
    """Give an authority, made when its file is not there; without an issuer it is a root."""
    if not file.exists():
        key = ec.generate_private_key(ec.SECP384R1())
        subject = x509.Name(
            [
                x509.NameAttribute(NameOID.COUNTRY_NAME, "NL"),
                x509.NameAttribute(NameOID.ORGANIZATION_NAME, "Lab"),
                x509.NameAttribute(NameOID.COMMON_NAME, name),
            ]
        )
        made = (
            _builder(subject, key.public_key(), issuer, AUTHORITY_DAYS)
            .add_extension(
                x509.BasicConstraints(ca=True, path_length=0 if issuer else 1), critical=True
            )
            .add_extension(_usage(is_authority=True), critical=True)
            .sign(issuer.key if issuer else key, hashes.SHA384())
        )
        _write(file, key, made.public_bytes(_PEM) + (issuer.chain.encode() if issuer else b""))
    content = file.read_bytes()
    loaded = serialization.load_pem_private_key(content, password=None)
    signing = cast(ec.EllipticCurvePrivateKey, loaded)  # as made above
    certificates = x509.load_pem_x509_certificates(content)
    chain = "".join(each.public_bytes(_PEM).decode() for each in certificates)
    return _Authority(signing, certificates[0], chain)


def _builder(
    subject: x509.Name, key: _PublicKey, issuer: _Authority | None, days: int
) -> x509.CertificateBuilder:
    """Begin a certificate; without an issuer, of one that signs itself."""
    now = datetime.datetime.now(datetime.UTC)
    signing = issuer.key.public_key() if issuer else key
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer.certificate.subject if issuer else subject)
        .public_key(key)
        .serial_number(x509.random_serial_number())
        # Hosts whose clocks are a little behind must take it at once.
        .not_valid_before(now - datetime.timedelta(hours=1))
        .not_valid_after(now + datetime.timedelta(days=days))
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(signing), critical=False)
    )


def _usage(*, is_authority: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not is_authority,
        key_encipherment=not is_authority,
        key_cert_sign=is_authority,
        crl_sign=is_authority,
        content_commitment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )


def _write(file: Path, key: ec.EllipticCurvePrivateKey, certificates: bytes) -> None:
    private = key.private_bytes(
        _PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    fresh = file.with_suffix(".new")
    descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
    with os.fdopen(descriptor, "wb") as handle:
        handle.write(private + certificates)
    fresh.rename(file)
