"""Give the shape of a stack's configuration: the one place where datacenters differ.

Written by `tenant init`, read by the Pulumi program. Must not know what the values are used
for. The stack's secrets are not here: they go straight into `infra.outputs`.
"""

from collections.abc import Mapping
from ipaddress import IPv4Address, IPv4Network
from typing import Annotated, Any, Protocol

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from infra.errors import TenantError

CONFIG_NAMESPACE = "tenant"
"""Pulumi's configuration namespace of the program: the project's name in Pulumi.yaml."""

CERTIFICATES = f"{CONFIG_NAMESPACE}:certificates"
"""Key of the chains of certificates: public, by server."""

VCENTER_PASSWORD = f"{CONFIG_NAMESPACE}:vcenter-password"
"""Key of the vCenter user's password; in our namespace, so that no plugin's environment has it."""


class SettingsError(TenantError, ValueError):
    """The stack's configuration is incomplete or wrong: exit 2."""

    exit_code = 2


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Datacenter(_Part):
    """Names of the provider's shared parts: looked up, never created."""

    name: str
    cluster: str
    datastore: str
    switch: str
    template: str


class Management(_Part):
    """The provider-management network, in which only the tenant's bastion has a leg.

    bastion_address: that leg's, in prefix. package_proxy: host:port there. time_servers: NTP,
    reached by the bastion alone; none means the bastion's own clock leads. proxy_command: an
    OpenSSH ProxyCommand for the first hop; None when the engineer reaches prefix directly.
    """

    port_group: str
    prefix: IPv4Network
    bastion_address: IPv4Address
    package_proxy: Annotated[str, Field(pattern=r"^[0-9.]+:[0-9]+$")]
    time_servers: tuple[IPv4Address, ...] = ()
    proxy_command: str | None = None

    @property
    def bastion_interface(self) -> str:
        """The bastion's leg with its prefix length, as 10.255.0.11/24."""
        return f"{self.bastion_address}/{self.prefix.prefixlen}"


class Settings(_Part):
    """Everything that is not secret in a stack's configuration.

    id: which record. protect_volumes: servers with volumes refuse to be deleted; on for
    production. management_public_key: OpenSSH line that opens the management account of a new
    server; another one would restart every server (docs/adr/0013). certificates: chains in PEM by
    server, from its own to the root (docs/adr/0022).
    """

    id: str
    datacenter: Datacenter
    management: Management
    protect_volumes: bool
    management_public_key: str
    certificates: dict[str, str] = {}


class StackConfig(Protocol):
    """What `pulumi.Config` offers and this module needs."""

    def get(self, key: str) -> str | None:
        """Return the value as text."""

    def get_object(self, key: str) -> Any | None:
        """Return the value parsed from JSON."""


def read_settings(config: StackConfig, stack: str) -> Settings:
    """Read and check a stack's configuration.

    Args:
        config: the namespace of this program.
        stack: its name, for messages.

    Raises:
        SettingsError: with one line per fault, naming file, key, value and remedy.
    """
    return parse_settings(
        {
            "id": config.get("id"),
            "datacenter": config.get_object("datacenter"),
            "management": config.get_object("management"),
            "protect_volumes": config.get_object("protect-volumes"),
            "management_public_key": config.get("management-public-key"),
            "certificates": config.get_object("certificates") or {},
        },
        stack,
    )


def parse_settings(values: Mapping[str, Any], stack: str) -> Settings:
    """Check configuration values, None for those that are missing.

    Raises:
        SettingsError: with one line per fault, naming file, key, value and remedy.
    """
    try:
        return Settings.model_validate(values)
    except ValidationError as error:
        faults = [
            f"Pulumi.{stack}.yaml: {CONFIG_NAMESPACE}:"
            f"{'.'.join(str(step) for step in fault['loc'])}: {fault['msg'].lower()}, given"
            f" {fault['input']!r}. The stack needs every key that `tenant init` writes."
            " Run `tenant init` again."
            for fault in error.errors()
        ]
        raise SettingsError("\n".join(faults)) from error
