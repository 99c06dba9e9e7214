"""Where a lab lives: directories, namespaces and cgroups, all derived from its name.

The one place that knows these names. It must not touch the machine.
"""

import os
import re
from dataclasses import dataclass
from pathlib import Path

from lab.error import LabInputError

# No hyphen: it separates the lab's name from the rest in every derived name, so that the names of
# two labs never begin alike ("lab-fabric" cannot be a lab). Short: a cgroup and a namespace carry
# it together with a 36-character UUID.
_NAME = re.compile(r"[a-z][a-z0-9]{0,15}")

STATION_PORT = "station"


@dataclass(frozen=True)
class Layout:
    """The places of the lab called `name`."""

    name: str

    def __post_init__(self) -> None:
        if not _NAME.fullmatch(self.name):
            message = (
                f'LAB_NAME: "{self.name}" is not a name for a lab. Allowed are a lower-case letter '
                "and then up to 15 lower-case letters and digits. Choose another name."
            )
            raise LabInputError(message)

    @classmethod
    def from_environment(cls) -> "Layout":
        """Return the layout of the lab that LAB_NAME names ("lab" when it is not set)."""
        return cls(os.environ.get("LAB_NAME") or "lab")

    @property
    def run(self) -> Path:
        """The lab's tmpfs: whatever is secret or says what runs right now."""
        return Path("/run/lab") / self.name

    @property
    def lock(self) -> Path:
        """Held by `lab up` and `lab down`, so that two of them take turns."""
        return Path("/run/lab") / f"{self.name}.lock"

    @property
    def state(self) -> Path:
        """What must not sit in memory: the hosts' file systems and disks."""
        return Path("/var/lib/lab") / self.name

    @property
    def password_file(self) -> Path:
        """The vCenter password, alone in a file, as the tenant's tools take it."""
        return self.run / "vcenter-password"

    @property
    def credentials_file(self) -> Path:
        """User and password as lab-vcenter takes them."""
        return self.run / "vcenter-credentials.json"

    @property
    def passphrase_file(self) -> Path:
        """The passphrase that encrypts the secrets of the lab's stacks."""
        return self.run / "passphrase"

    @property
    def backend(self) -> Path:
        """Where the stacks of this lab keep their states."""
        return self.run / "pulumi"

    @property
    def port_file(self) -> Path:
        """The port of the vCenter: chosen once, the same for as long as the lab is up."""
        return self.run / "vcenter-port"

    @property
    def certificate_file(self) -> Path:
        """The certificate that the running vCenter made for itself."""
        return self.run / "vcenter.pem"

    @property
    def trust(self) -> Path:
        """The directory of what stands for a trust service provider, with its keys."""
        return self.run / "trust"

    @property
    def description_file(self) -> Path:
        """What a provider hands to an engineer: written last, when everything serves."""
        return self.run / "datacenter.yaml"

    @property
    def fabric(self) -> str:
        """The network namespace with all bridges: layer 2 only."""
        return f"{self.name}-fabric"

    @property
    def provider(self) -> str:
        """The network namespace of the provider's own station."""
        return f"{self.name}-provider"

    @property
    def namespace_prefix(self) -> str:
        """What the names of all this lab's network namespaces begin with."""
        return f"{self.name}-"

    def host_namespace(self, uuid: str) -> str:
        """Return the network namespace of the host of the VM with this instance UUID."""
        return f"{self.name}-{uuid}"

    def host_run(self, uuid: str) -> Path:
        """Return the directory of what is known of a host while it runs."""
        return self.run / "hosts" / uuid

    def host_state(self, uuid: str) -> Path:
        """Return the directory of a host's file system and disks."""
        return self.state / "hosts" / uuid
