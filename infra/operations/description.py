"""Read what a provider hands over: how to reach a datacenter and what its parts are called."""

from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, ValidationError
from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

from infra.errors import TenantError


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
