"""Generate, complete and rotate a stack's secrets: encrypted in it, else in memory only.

Nothing here reaches a host: `tenant up` brings in what the stack holds.
"""

import base64
import json
import secrets
from collections.abc import Callable, Iterable, Mapping

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

from infra.errors import TenantError
from infra.operations.stack import Stack
from infra.operations.stack_config import read_config, store_secrets
from infra.outputs import StackOutputs
from infra.plan.model import Plan
from infra.plan.partner import find_endpoints
from infra.plan.tunnel import find_ends
from infra.settings import CONFIG_NAMESPACE

MANAGEMENT_KEY = f"{CONFIG_NAMESPACE}:management-key"
FORMER_KEY = f"{CONFIG_NAMESPACE}:former-management-key"
FIRST_BOOT_KEY = f"{CONFIG_NAMESPACE}:first-boot-key"
DATABASES = f"{CONFIG_NAMESPACE}:databases"
TUNNELS = f"{CONFIG_NAMESPACE}:tunnels"
CERTIFICATE_KEYS = f"{CONFIG_NAMESPACE}:certificate-keys"
PASSWORD_BYTES = 24
"""Entropy of a generated password: 192 bits."""
CERTIFICATE_KEY_BITS = 3072


class RotationError(TenantError, RuntimeError):
    """The rotation of before is not finished: exit 3."""

    exit_code = 3


def complete_keys(stack: Stack, known: Mapping[str, str]) -> str:
    """Generate the keys that are missing.

    Args:
        stack: to store them in.
        known: its configuration in the clear.

    Returns:
        The public line of the first-boot key.

    Raises:
        DeploymentError: Pulumi refuses.
    """
    # The servers of a stack from before there was such a key booted with the management key.
    first_boot = known.get(FIRST_BOOT_KEY) or known.get(MANAGEMENT_KEY) or generate_key()
    management = known.get(MANAGEMENT_KEY) if FIRST_BOOT_KEY in known else None
    store_secrets(
        stack, known, {FIRST_BOOT_KEY: first_boot, MANAGEMENT_KEY: management or generate_key()}
    )
    return public_key(first_boot)


def complete_secrets(stack: Stack, plan: Plan) -> None:
    """Generate what is missing: keys; by application, tunnel's end or certificate its secret.

    Those of applications and servers that are no longer there are forgotten.

    Raises:
        DeploymentError: Pulumi refuses.
    """
    known = read_config(stack)
    complete_keys(stack, known)
    _complete(stack, known, DATABASES, plan.applications, generate_password)
    _complete(stack, known, TUNNELS, find_ends(plan.tunnels), generate_tunnel_key)
    endpoints = find_endpoints(plan.servers)
    _complete(stack, known, CERTIFICATE_KEYS, endpoints, generate_certificate_key)


def _complete(
    stack: Stack,
    known: Mapping[str, str],
    key: str,
    names: Iterable[str],
    generate: Callable[[], str],
) -> None:
    """Store one secret for each name: the present one, or a new one."""
    present = json.loads(known.get(key, "{}"))
    wanted = {name: present.get(name) or generate() for name in names}
    store_by_name(stack, known, key, wanted)


def rotate_passwords(stack: Stack, plan: Plan) -> None:
    """Give every application of the plan a new database password.

    Raises:
        DeploymentError: Pulumi refuses.
    """
    passwords = {name: generate_password() for name in plan.applications}
    store_by_name(stack, read_config(stack), DATABASES, passwords)


def rotate_tunnel_keys(stack: Stack, plan: Plan) -> None:
    """Give every end of a tunnel of the plan a new key.

    Raises:
        DeploymentError: Pulumi refuses.
    """
    keys = {name: generate_tunnel_key() for name in find_ends(plan.tunnels)}
    store_by_name(stack, read_config(stack), TUNNELS, keys)


def rotate_certificate_keys(stack: Stack, plan: Plan) -> None:
    """Give every server that meets partners a new key, beside those that it has.

    The one in use stays so until a certificate of the new one is accepted.

    Raises:
        DeploymentError: Pulumi refuses.
    """
    known = read_config(stack)
    present = json.loads(known.get(CERTIFICATE_KEYS, "{}"))
    keys = {
        name: present.get(name, "") + generate_certificate_key()
        for name in find_endpoints(plan.servers)
    }
    store_by_name(stack, known, CERTIFICATE_KEYS, keys)


def rotate_management_key(stack: Stack) -> None:
    """Make a new management key and keep the former one until no host needs it.

    Raises:
        RotationError: hosts may still have a former one.
        DeploymentError: Pulumi refuses.
    """
    known = read_config(stack)
    if FORMER_KEY in known:
        message = (
            f"Pulumi.{stack.name}.yaml: {FORMER_KEY}: the last rotation is not finished: hosts may"
            " still have that key. One rotation at a time is allowed. Run `tenant up` first."
        )
        raise RotationError(message)
    # In this order: interrupted between the two, the former key is the present one.
    store_secrets(stack, known, {FORMER_KEY: known[MANAGEMENT_KEY]})
    store_secrets(stack, known, {MANAGEMENT_KEY: generate_key()})


def forget_former_key(stack: Stack, outputs: StackOutputs) -> None:
    """Forget the former management key, now that every host was configured.

    Args:
        stack: that may hold it.
        outputs: with which every host was configured.

    Raises:
        DeploymentError: Pulumi refuses.
    """
    known = read_config(stack)
    deployed = outputs.secrets.management_key.get_secret_value()
    # A rotation since then has not reached the hosts.
    if FORMER_KEY in known and known[MANAGEMENT_KEY] == deployed:
        stack.run("config", "rm", FORMER_KEY)


def store_by_name(
    stack: Stack, known: Mapping[str, str], key: str, values: Mapping[str, str]
) -> None:
    """Store secrets by name under one key of the configuration.

    Raises:
        DeploymentError: Pulumi refuses.
    """
    # A stack that never had such secrets is not told of them.
    if values or key in known:
        store_secrets(stack, known, {key: json.dumps(values, sort_keys=True)})


def generate_password() -> str:
    """Generate a password of letters, digits, - and _."""
    return secrets.token_urlsafe(PASSWORD_BYTES)


def generate_key() -> str:
    """Generate an Ed25519 private key in OpenSSH's format, as Pulumi keeps it: trimmed."""
    return (
        Ed25519PrivateKey.generate()
        .private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.OpenSSH,
            serialization.NoEncryption(),
        )
        .decode()
        .strip()
    )


def generate_tunnel_key() -> str:
    """Generate a WireGuard private key, as `wg genkey` writes it."""
    return base64.b64encode(X25519PrivateKey.generate().private_bytes_raw()).decode()


def generate_certificate_key() -> str:
    """Generate an RSA private key in PEM (PKCS 8), as long as NCSC calls good."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=CERTIFICATE_KEY_BITS)
    return key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    ).decode()


def tunnel_public_key(private_key: str) -> str:
    """Give the public key of a WireGuard private key, as `wg pubkey` does."""
    key = X25519PrivateKey.from_private_bytes(base64.b64decode(private_key))
    return base64.b64encode(key.public_key().public_bytes_raw()).decode()


def public_key(private_key: str) -> str:
    """Give the public line of an OpenSSH private key."""
    key = serialization.load_ssh_private_key(private_key.encode(), password=None)
    return (
        key.public_key()
        .public_bytes(serialization.Encoding.OpenSSH, serialization.PublicFormat.OpenSSH)
        .decode()
    )
