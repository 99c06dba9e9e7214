"""Say which servers must have a certificate; take chains of certificates and keys apart.

A chain is PEM text: the holder's certificate, its issuers in order, the root that is trusted. It
is public and stands in the stack's configuration. So do, encrypted, a server's private keys: PEM
text too, the newest last. Must not make keys or requests.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass

from infra.errors import TenantError
from infra.plan.model import Plan
from infra.plan.partner import find_endpoints
from infra.settings import CERTIFICATES

_BLOCK = re.compile(r"-----BEGIN .+?-----END [A-Z ]+-----", re.DOTALL)
"""One thing in PEM. Source: RFC 7468."""


class CertificateError(TenantError, ValueError):
    """A certificate is missing or is not what is asked for: exit 2."""

    exit_code = 2


@dataclass(frozen=True, kw_only=True)
class Chain:
    """A chain taken apart. own: certificate and issuers in PEM; root: whom the holder trusts."""

    own: str
    root: str


def split_chain(text: str) -> Chain:
    """Take a chain apart at its root, the last one."""
    *own, root = split_pem(text)
    return Chain(own="".join(own), root=root)


def split_pem(text: str) -> list[str]:
    """Take PEM text apart into the things that it holds, in order."""
    return [f"{block}\n" for block in _BLOCK.findall(text)]


def require_certificates(plan: Plan, certificates: Mapping[str, str], stack: str) -> None:
    """Require a certificate for every server that meets partners.

    Args:
        plan: of the tenant.
        certificates: chains by server, of the stack's configuration.
        stack: its name, for messages.

    Raises:
        CertificateError: with one line a server.
    """
    missing = [key for key in find_endpoints(plan.servers) if key not in certificates]
    if missing:
        message = "\n".join(
            f"Pulumi.{stack}.yaml: {CERTIFICATES}.{key}: is missing. Every server with role"
            " digikoppeling needs the chain that a trust service provider gave for a key of it. Run"
            f" `tenant certificates request {plan.tenant}`, have it signed, then `tenant"
            " certificates accept`."
            for key in missing
        )
        raise CertificateError(message)
