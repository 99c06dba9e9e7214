"""State the contract between the Pulumi program and everything after it.

One stack output, `contract`, carries all that inventory, configuration and checks need, so
that no later step reads the record, vCenter or a host to find what was known before. It holds
secrets and is therefore one secret output. Must not import Pulumi: both sides use it.
"""

import hashlib
import json
from collections.abc import Mapping
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, SecretStr

from infra.certificate import split_pem
from infra.plan.model import Plan
from infra.plan.partner import find_endpoints
from infra.plan.tunnel import find_ends
from infra.settings import Management

CONTRACT = "contract"
"""Name of the stack output."""


class Contract(BaseModel):
    """Base of every part: closed and frozen."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Instance(Contract):
    """What vCenter made of one server. uuid: the VM's, new when it is replaced."""

    uuid: str


class Secrets(Contract):
    """The stack's secrets. Printing shows asterisks only.

    management_key: OpenSSH private key of the account `ansible`. former_management_key: the one
    that it replaces, while hosts may still have that. first_boot_key: opens a server that was
    never configured; None where the management key does, until `tenant up`. databases:
    password by application id. tunnels: WireGuard private key by the end's name. certificate_keys:
    private keys in PEM by server key, the newest last; the certificate's is in use.
    """

    management_key: SecretStr
    former_management_key: SecretStr | None = None
    first_boot_key: SecretStr | None = None
    databases: dict[str, SecretStr]
    tunnels: dict[str, SecretStr] = {}
    certificate_keys: dict[str, SecretStr] = {}

    @property
    def keys(self) -> list[str]:
        """The keys of which every host accepts at least one, the likeliest first."""
        keys = (self.management_key, self.former_management_key, self.first_boot_key)
        return [key.get_secret_value() for key in keys if key]

    @property
    def texts(self) -> list[str]:
        """All of them in the clear, for looking where they must not be."""
        single = (*self.databases.values(), *self.tunnels.values())
        several = self.certificate_keys.values()
        return [
            *self.keys,
            *(secret.get_secret_value() for secret in single),
            *(key for keys in several for key in split_pem(keys.get_secret_value())),
        ]


class StackOutputs(Contract):
    """Everything after `pulumi up` starts from this.

    version: of this contract. certificates: chains in PEM by server key.
    """

    version: Literal[2] = 2
    plan: Plan
    management: Management
    instances: dict[str, Instance]
    certificates: dict[str, str] = {}
    secrets: Secrets

    @property
    def lacking(self) -> list[str]:
        """What needs a secret and has none: the record grew, and `pulumi up` alone deployed it."""
        wanted = {
            "application": (self.plan.applications, self.secrets.databases),
            "tunnel's end": (find_ends(self.plan.tunnels), self.secrets.tunnels),
            "endpoint": (find_endpoints(self.plan.servers), self.secrets.certificate_keys),
        }
        return [
            f"{kind} {name}"
            for kind, (names, known) in wanted.items()
            for name in names
            if name not in known
        ]

    @property
    def fingerprint(self) -> str:
        """SHA-256 of what is deployed, secrets aside: by it evidence says what was tested."""
        content = self.model_dump(mode="json", exclude={"secrets"})
        return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()


def export(
    plan: Plan,
    management: Management,
    instances: dict[str, str],
    secrets: Mapping[str, Any],
    certificates: Mapping[str, str] | None = None,
) -> str:
    """Assemble the contract as JSON text, with the secrets in the clear.

    Text, because Pulumi's SDK makes an `Output` of every single value in a mapping: for 100
    servers that was most of the program's time.

    Args:
        plan: the compiled plan.
        management: the stack's management network.
        instances: VM uuid by server key.
        secrets: what `Secrets` holds.
        certificates: chains by server; None when no server has any.

    Returns:
        What `StackOutputs.model_validate_json` accepts. Only for a secret output.
    """
    content = {
        "version": 2,
        "plan": plan.model_dump(mode="json"),
        "management": management.model_dump(mode="json"),
        "instances": {key: {"uuid": uuid} for key, uuid in instances.items()},
        "certificates": certificates or {},
        "secrets": secrets,
    }
    return json.dumps(content)
