"""The names in the lab's datacenter, from the description that its vCenter starts with.

One source for both: what is read here is what the vCenter shows. It must not know of tenants.
"""

from ipaddress import IPv4Network
from pathlib import Path

from pydantic import BaseModel, ConfigDict, ValidationError
from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

from lab.error import LabInputError
from lab.fabric.port import Segment

DESCRIPTION = Path(__file__).parent / "datacenter.yaml"


class _Named(BaseModel):
    model_config = ConfigDict(frozen=True)

    name: str


class Management(BaseModel):
    """The network through which the provider reaches a tenant's bastion."""

    model_config = ConfigDict(frozen=True)

    port_group: str
    vlan: int
    prefix: IPv4Network


class Datacenter(BaseModel):
    """What of the description concerns others than the vCenter, which checks all of it."""

    model_config = ConfigDict(frozen=True)

    datacenter: str
    cluster: _Named
    datastores: dict[str, object]
    switch: _Named
    management: Management
    template: _Named

    @property
    def management_segment(self) -> Segment:
        """Where the management network runs."""
        return Segment(self.switch.name, self.management.vlan)


def read_datacenter(file: Path = DESCRIPTION) -> Datacenter:
    """Read the description.

    Raises:
        LabInputError: it is not YAML, or something is missing; the vCenter tells the rest.
    """
    try:
        return Datacenter.model_validate(YAML(typ="safe", pure=True).load(file))
    except YAMLError as error:
        message = f"{file}: {error}. A YAML mapping is allowed. Correct it."
        raise LabInputError(message) from error
    except ValidationError as error:
        faults = "; ".join(
            f"{'.'.join(map(str, fault['loc']))}: {fault['msg']}" for fault in error.errors()
        )
        message = f"{file}: {faults}. Correct it; lab-vcenter names the line."
        raise LabInputError(message) from error
