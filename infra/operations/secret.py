"""Generate, complete and rotate a stack's secrets: encrypted in it, else in memory only."""

import json
import secrets

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from infra.operations.stack import Stack
from infra.operations.stack_config import read_config, store_secrets
from infra.plan.model import Plan
from infra.settings import CONFIG_NAMESPACE

MANAGEMENT_KEY = f"{CONFIG_NAMESPACE}:management-key"
DATABASES = f"{CONFIG_NAMESPACE}:databases"
PASSWORD_BYTES = 24
"""Entropy of a generated password: 192 bits."""


def complete_passwords(stack: Stack, plan: Plan) -> None:
    """Give every application of the plan a database password, and forget those of others.

    Raises:
        DeploymentError: Pulumi refuses.
    """
    known = read_config(stack)
    present = json.loads(known.get(DATABASES, "{}"))
    passwords = {name: present.get(name) or generate_password() for name in plan.applications}
    _store(stack, known, passwords)


def rotate_passwords(stack: Stack, plan: Plan) -> None:
    """Give every application of the plan a new database password; `tenant up` brings it in.

    Raises:
        DeploymentError: Pulumi refuses.
    """
    _store(stack, read_config(stack), {name: generate_password() for name in plan.applications})


def _store(stack: Stack, known: dict[str, str], passwords: dict[str, str]) -> None:
    store_secrets(stack, known, {DATABASES: json.dumps(passwords, sort_keys=True)})


def generate_password() -> str:
    """Generate a password of letters, digits, - and _."""
    return secrets.token_urlsafe(PASSWORD_BYTES)


def generate_key() -> str:
    """Generate an Ed25519 private key in OpenSSH's format."""
    return (
        Ed25519PrivateKey.generate()
        .private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.OpenSSH,
            serialization.NoEncryption(),
        )
        .decode()
    )


def public_key(private_key: str) -> str:
    """Give the public line of an OpenSSH private key."""
    key = serialization.load_ssh_private_key(private_key.encode(), password=None)
    return (
        key.public_key()
        .public_bytes(serialization.Encoding.OpenSSH, serialization.PublicFormat.OpenSSH)
        .decode()
    )
