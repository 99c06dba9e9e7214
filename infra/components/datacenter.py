"""Look up the provider's shared parts by name. Creates nothing."""

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Self

import pulumi
import pulumi_vsphere as vsphere

from infra.errors import TenantError
from infra.settings import Datacenter


class LookUpError(TenantError, LookupError):
    """The vCenter does not give the provider's parts: exit 4."""

    exit_code = 4


@dataclass(frozen=True, kw_only=True)
class Template:
    """The VM template that servers are cloned from. disk_gib: of its one disk."""

    id: str
    guest_id: str
    firmware: str
    scsi_type: str
    adapter_type: str
    disk_gib: int
    is_thin: bool


@dataclass(frozen=True, kw_only=True)
class Shared:
    """vCenter ids of the parts that the provider owns and tenants use.

    outside_network_ids: by the names that the plan asks for.
    """

    datacenter_id: str
    cluster_id: str
    root_pool_id: str
    datastore_id: str
    switch_uuid: str
    management_network_id: str
    outside_network_ids: Mapping[str, str]
    template: Template


def connect(config: pulumi.Config, password: pulumi.Output[str] | None) -> vsphere.Provider:
    """Log in to the vCenter.

    Made here, because Pulumi would start a provider of its own making with the password in the
    plugin's environment (docs/adr/0014). What is not given, the plugin takes from its environment.

    Args:
        config: of the provider's namespace, without the password.
        password: of the user in it.
    """
    return vsphere.Provider(
        "vcenter",
        vsphere_server=config.get("vsphereServer"),
        user=config.get("user"),
        password=password,
        allow_unverified_ssl=config.get_bool("allowUnverifiedSsl"),
    )


def look_up(
    datacenter: Datacenter,
    management_port_group: str,
    outside: Iterable[str],
    vcenter: vsphere.Provider,
) -> Shared:
    """Find the shared parts in vCenter.

    Args:
        datacenter: their names.
        management_port_group: name of the provider-management port group.
        outside: names of the port groups outside in which the tenant has legs.
        vcenter: to ask.

    Returns:
        Their ids.

    Raises:
        LookUpError: with one line for each that vCenter does not give.
    """
    there = pulumi.InvokeOptions(provider=vcenter)
    with _Faults() as faults, faults.of("datacenter", datacenter.name):
        dc = vsphere.get_datacenter(name=datacenter.name, opts=there).id
    with _Faults() as faults:
        with faults.of("cluster", datacenter.cluster):
            cluster = vsphere.get_compute_cluster(
                name=datacenter.cluster, datacenter_id=dc, opts=there
            )
        with faults.of("datastore", datacenter.datastore):
            datastore = vsphere.get_datastore(
                name=datacenter.datastore, datacenter_id=dc, opts=there
            )
        with faults.of("switch", datacenter.switch):
            switch = vsphere.get_distributed_virtual_switch(
                name=datacenter.switch, datacenter_id=dc, opts=there
            )
        with faults.of("port group", management_port_group):
            network = vsphere.get_network(name=management_port_group, datacenter_id=dc, opts=there)
        networks = {}
        for name in outside:
            with faults.of("port group", name):
                networks[name] = vsphere.get_network(name=name, datacenter_id=dc, opts=there).id
        with faults.of("template", datacenter.template):
            template = vsphere.get_virtual_machine(
                name=datacenter.template, datacenter_id=dc, opts=there
            )
    root_disk = template.disks[0]
    return Shared(
        datacenter_id=dc,
        cluster_id=cluster.id,
        root_pool_id=cluster.resource_pool_id,
        datastore_id=datastore.id,
        switch_uuid=switch.id,
        management_network_id=network.id,
        outside_network_ids=networks,
        template=Template(
            id=template.id,
            guest_id=template.guest_id or "",
            firmware=template.firmware or "bios",
            scsi_type=template.scsi_type,
            adapter_type=template.network_interface_types[0],
            disk_gib=root_disk.size,
            is_thin=root_disk.thin_provisioned,
        ),
    )


class _Faults:
    """Gathers what several look-ups fail with, so that all faults are told at once."""

    def __init__(self) -> None:
        self._lines: list[str] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self._lines:
            raise LookUpError("\n".join(self._lines))

    @contextmanager
    def of(self, what: str, name: str) -> Iterator[None]:
        """Note the failure of one look-up."""
        try:
            yield
        except Exception as error:  # the SDK raises nothing narrower
            self._lines.append(f'look up {what} "{name}": {error}')
