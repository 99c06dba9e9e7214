"""Make a stack: configuration from the datacenter's description, secrets generated.

Idempotent: what is there stays, what is missing is added. Secrets go to Pulumi through
standard input, so they show in no file, argument list or log.
"""

import json
import secrets
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Annotated, Any

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from pydantic import BaseModel, ConfigDict, Field, ValidationError
from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

from infra.errors import TenantError
from infra.operations.stack import Stack, environment_file, open_stack
from infra.plan.model import Plan
from infra.settings import CONFIG_NAMESPACE, Settings, parse_settings

MANAGEMENT_KEY = f"{CONFIG_NAMESPACE}:management-key"
DATABASES = f"{CONFIG_NAMESPACE}:databases"
VCENTER_PASSWORD = "vsphere:password"  # noqa: S105 (the key, not the password)
PASSWORD_BYTES = 24
"""Entropy of a generated password: 192 bits."""


class DatacenterError(TenantError, ValueError):
    """The datacenter's description cannot be used: exit 2."""

    exit_code = 2


class _Described(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class VCenter(_Described):
    """How to log in. password_file: read once, stored encrypted in the stack."""

    server: str
    user: str
    password_file: Path
    allow_unverified_tls: bool = False


class ProviderManagement(_Described):
    """The provider-management network as the provider describes it."""

    port_group: str
    prefix: str
    package_proxy: str
    time_servers: list[str] = []


class Description(_Described):
    """What a provider hands over: how to reach a datacenter and what its parts are called."""

    name: Annotated[str, Field(pattern=r"^[a-z][a-z0-9-]*$")]
    backend: str
    passphrase_file: Path
    vcenter: VCenter
    datacenter: str
    cluster: str
    datastore: str
    switch: str
    template: str
    management: ProviderManagement
    bastion_proxy_command: str | None = None
    protect_volumes: bool = True


def read_description(path: Path) -> Description:
    """Read a datacenter's description.

    Raises:
        DatacenterError: when the file is missing, no YAML, or incomplete; one line per fault.
    """
    try:
        return Description.model_validate(YAML(typ="safe").load(path.read_text()))
    except OSError as error:
        message = (
            f"{path}: cannot be read: {error.strerror}. The description is a YAML file from"
            " the datacenter's provider. Is the datacenter up, and the path right?"
        )
        raise DatacenterError(message) from error
    except YAMLError as error:
        message = f"{path}: is no YAML: {error}. A mapping is allowed. Correct the file."
        raise DatacenterError(message) from error
    except ValidationError as error:
        faults = [
            f"{path}: {'.'.join(str(step) for step in fault['loc'])}: {fault['msg'].lower()},"
            f" given {fault['input']!r}. Allowed keys: {', '.join(Description.model_fields)}."
            " Correct the description."
            for fault in error.errors()
        ]
        raise DatacenterError("\n".join(faults)) from error


def initialise(plan: Plan, description: Description, bastion_address: str) -> Stack:
    """Make or complete the stack `<tenant>-<datacenter>`.

    Args:
        plan: of the tenant's record; says which secrets are needed.
        description: of the datacenter.
        bastion_address: the bastion's IPv4 address in provider-management.

    Returns:
        The stack, ready for `pulumi up`.

    Raises:
        DatacenterError: the description cannot be used.
        DeploymentError: Pulumi refuses.
    """
    name = f"{plan.tenant}-{description.name}"
    stack = _note_environment(name, description)
    stack.run("stack", "select", "--create")
    known = _read_config(stack)
    management_key = known.get(MANAGEMENT_KEY) or _generate_key()
    settings = parse_settings(
        {
            "id": plan.tenant,
            "datacenter": {
                "name": description.datacenter,
                "cluster": description.cluster,
                "datastore": description.datastore,
                "switch": description.switch,
                "template": description.template,
            },
            "management": {
                **description.management.model_dump(),
                "bastion_address": bastion_address,
                "proxy_command": description.bastion_proxy_command,
            },
            "protect_volumes": description.protect_volumes,
            "management_public_key": _public_key(management_key),
        },
        name,
    )
    databases = json.loads(known.get(DATABASES, "{}"))
    passwords = {
        application: databases.get(application) or secrets.token_urlsafe(PASSWORD_BYTES)
        for application in plan.applications
    }
    _store_plain(stack, known, settings, description.vcenter)
    _store_secrets(
        stack,
        known,
        {
            MANAGEMENT_KEY: management_key,
            DATABASES: json.dumps(passwords, sort_keys=True),
            VCENTER_PASSWORD: description.vcenter.password_file.read_text().strip(),
        },
    )
    return stack


def _note_environment(stack: str, description: Description) -> Stack:
    """Note where state and passphrase are, so that later commands need no exports."""
    environment_file(stack).write_text(
        f"PULUMI_BACKEND_URL={description.backend}\n"
        f"PULUMI_CONFIG_PASSPHRASE_FILE={description.passphrase_file}\n"
    )
    if description.backend.startswith("file://"):
        Path(description.backend.removeprefix("file://")).mkdir(parents=True, exist_ok=True)
    return open_stack(stack)


def _read_config(stack: Stack) -> dict[str, str]:
    """Read the stack's configuration in the clear, objects as JSON text."""
    return {
        key: entry["value"]
        for key, entry in json.loads(stack.read("config", "--json", "--show-secrets")).items()
    }


def _store_plain(
    stack: Stack, known: Mapping[str, str], settings: Settings, vcenter: VCenter
) -> None:
    values: dict[str, Any] = {
        f"{CONFIG_NAMESPACE}:{key.replace('_', '-')}": value
        for key, value in settings.model_dump(mode="json", exclude_none=True).items()
    } | {
        "vsphere:vsphereServer": vcenter.server,
        "vsphere:user": vcenter.user,
        "vsphere:allowUnverifiedSsl": vcenter.allow_unverified_tls,
    }
    changed = {key: value for key, value in values.items() if not _is_same(known, key, value)}
    if changed:
        assignments = [
            argument
            for key, value in changed.items()
            for path, leaf in _leaves(key, value)
            for argument in ("--plaintext", f"{path}={leaf}")
        ]
        stack.run("config", "set-all", "--path", *assignments)


def _store_secrets(stack: Stack, known: Mapping[str, str], values: Mapping[str, str]) -> None:
    for key, value in values.items():
        if known.get(key) != value:
            stack.run("config", "set", "--secret", key, stdin=value)


def _is_same(known: Mapping[str, str], key: str, value: object) -> bool:
    text = known.get(key)
    if text is None:
        return False
    if isinstance(value, dict):
        return bool(json.loads(text) == value)
    return text == _text(value)


def _leaves(path: str, value: object) -> Iterator[tuple[str, str]]:
    """Flatten a value to Pulumi's property paths: `tenant:management.time_servers[0]`."""
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from _leaves(f"{path}.{key}", inner)
    elif isinstance(value, list):
        for index, inner in enumerate(value):
            yield from _leaves(f"{path}[{index}]", inner)
    else:
        yield path, _text(value)


def _text(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _generate_key() -> str:
    return (
        Ed25519PrivateKey.generate()
        .private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.OpenSSH,
            serialization.NoEncryption(),
        )
        .decode()
    )


def _public_key(private_key: str) -> str:
    key = serialization.load_ssh_private_key(private_key.encode(), password=None)
    return (
        key.public_key()
        .public_bytes(serialization.Encoding.OpenSSH, serialization.PublicFormat.OpenSSH)
        .decode()
    )
