"""Read from a stack's vCenter what isolates a tenant, as plain data for `infra.isolation`.

Only reads. Must not judge, nor print what it read: a text may hold a secret.
"""

import base64
import binascii
import gzip
from collections.abc import Iterator, Mapping
from typing import Any

from pyVmomi import vim, vmodl

from infra.isolation.configuration import judge_configuration
from infra.isolation.facts import Configuration, Machine, Nic, Permission
from infra.isolation.outcome import Outcome
from infra.operations.isolation.switch import read_switch
from infra.operations.vcenter import open_vcenter
from infra.outputs import StackOutputs
from infra.plan.model import Plan
from infra.settings import Datacenter, Management

_READ_KEYS = ("guestinfo.", "isolation.tools.")
"""Of a VM's extra configuration: what its guest can read, and what lets it use a console."""

_Properties = Mapping[Any, Mapping[str, Any]]
"""Properties by object, then by path; what the vCenter does not give is missing."""


def examine_configuration(config: Mapping[str, str], outputs: StackOutputs) -> list[Outcome]:
    """Read the vCenter of a stack and judge it: cases I24 to I26 and I28.

    Args:
        config: the stack's, in the clear.
        outputs: of the stack.

    Raises:
        vcenter.FAILURES: the vCenter does not answer.
    """
    found = read_configuration(config, outputs.plan)
    return judge_configuration(outputs.plan, found, outputs.secrets.texts)


def read_configuration(config: Mapping[str, str], plan: Plan) -> Configuration:
    """Read what isolates a tenant.

    Args:
        config: the stack's, in the clear.
        plan: of the tenant; says only what is the tenant's.

    Raises:
        vcenter.FAILURES: the vCenter does not answer.
    """
    datacenter = Datacenter.model_validate_json(config["tenant:datacenter"])
    management = Management.model_validate_json(config["tenant:management"])
    with open_vcenter(config) as vcenter:
        content = vcenter.content
        machines = _retrieve(
            content,
            vim.VirtualMachine,
            "name",
            "parent",
            "resourcePool",
            "config.template",
            "config.annotation",
            "config.extraConfig",
            "config.vAppConfig",
            "config.hardware.device",
            "customValue",
        )
        groups = _retrieve(content, vim.dvs.DistributedVirtualPortgroup, "name", "config")
        folders = _retrieve(content, vim.Folder, "name")
        pools = _retrieve(content, vim.ResourcePool, "name")
        (switch,) = (
            found
            for found, read in _retrieve(content, vim.DistributedVirtualSwitch, "name").items()
            if read["name"] == datacenter.switch
        )
        ours = {
            group: read
            for group, read in groups.items()
            if read["config"].distributedVirtualSwitch == switch
        }
        keys = {read["config"].key: str(read["name"]) for read in ours.values()}
        places = {place: str(read["name"]) for place, read in {**folders, **pools}.items()}
        names = {machine: str(read["name"]) for machine, read in machines.items()}
        own = {plan.tenant, *(f"{plan.tenant}-{key}" for key in plan.segments)}
        own |= {server.name for server in plan.servers.values()}
        named = {**places, **names, **{group: str(read["name"]) for group, read in ours.items()}}
        return Configuration(
            account=config["vsphere:user"],
            management=management.port_group,
            template=datacenter.template,
            switch=read_switch(switch, ours, names),
            permissions=tuple(
                _read_permissions(content, [thing for thing in named if named[thing] in own])
            ),
            machines=tuple(_read_machine(read, places, keys) for read in machines.values()),
        )


def _retrieve(content: Any, kind: Any, *paths: str) -> dict[Any, dict[str, Any]]:
    """Read properties of all objects of a kind, in one question."""
    types = vmodl.query.PropertyCollector
    view = content.viewManager.CreateContainerView(content.rootFolder, [kind], True)
    try:
        walk = types.TraversalSpec(name="all", path="view", skip=False, type=vim.view.ContainerView)
        question = types.FilterSpec(
            objectSet=[types.ObjectSpec(obj=view, skip=True, selectSet=[walk])],
            propSet=[types.PropertySpec(type=kind, pathSet=[*paths])],
        )
        collector = content.propertyCollector
        answer = collector.RetrievePropertiesEx([question], types.RetrieveOptions())
        found = {}
        while answer:
            for read in answer.objects:
                found[read.obj] = {part.name: part.val for part in read.propSet}
            answer = answer.token and collector.ContinueRetrievePropertiesEx(answer.token)
        return found
    finally:
        view.Destroy()


def _read_permissions(content: Any, things: list[Any]) -> Iterator[Permission]:
    manager = content.authorizationManager
    roles = {role.roleId: role.name for role in manager.roleList}
    told = set()
    for thing in things:
        for permission in manager.RetrieveEntityPermissions(thing, True):
            key = (permission.entity, permission.principal, permission.roleId)
            is_for_it = permission.propagate or permission.entity == thing
            if is_for_it and key not in told:
                told.add(key)
                is_at_root = permission.entity == content.rootFolder
                yield Permission(
                    place="the whole vCenter" if is_at_root else permission.entity.name,
                    is_at_root=is_at_root,
                    principal=permission.principal,
                    role=roles.get(permission.roleId, str(permission.roleId)),
                )


def _read_machine(
    read: Mapping[str, Any], places: Mapping[Any, str], keys: Mapping[str, str]
) -> Machine:
    nics = (
        device
        for device in read.get("config.hardware.device", ())
        if isinstance(device, vim.vm.device.VirtualEthernetCard)
    )
    return Machine(
        name=read["name"],
        folder=places.get(read.get("parent")),
        pool=places.get(read.get("resourcePool")),
        is_template=read.get("config.template", False),
        nics=tuple(
            Nic(mac=nic.macAddress, port_group=keys.get(_port_group_key(nic))) for nic in nics
        ),
        texts=dict(_read_texts(read)),
    )


def _port_group_key(nic: Any) -> str:
    port = getattr(nic.backing, "port", None)
    return port.portgroupKey if port else ""


def _read_texts(read: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Give what a guest or a client can read, by place, decoded."""
    if note := read.get("config.annotation"):
        yield "note", note
    extra = {option.key: str(option.value) for option in read.get("config.extraConfig", ())}
    for key, value in extra.items():
        if key.startswith(_READ_KEYS):
            yield key, _decode(value, extra.get(f"{key}.encoding", ""))
    for value in read.get("customValue", ()):
        yield f"custom attribute {value.key}", value.value
    properties = read.get("config.vAppConfig")
    for part in properties.property if properties else ():
        yield f"OVF property {part.id}", part.value or part.defaultValue or ""


def _decode(value: str, encoding: str) -> str:
    """Undo what cloud-init lets guestinfo be encoded with; what is not so encoded stays."""
    try:
        match encoding:
            case "gzip+base64" | "gz+b64":
                return gzip.decompress(base64.b64decode(value)).decode(errors="replace")
            case "base64" | "b64":
                return base64.b64decode(value).decode(errors="replace")
    except (binascii.Error, OSError, EOFError):
        return value
    return value
