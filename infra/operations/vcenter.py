"""Look into the vCenter of a stack for what a run left there unfinished, and take it away.

Only by name and place, as the program would have made it. Must not decide what may go.
"""

import base64
import http.client
import json
import ssl
import time
import urllib.request
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from typing import Any

from pyVim.connect import Disconnect, SmartConnect
from pyVmomi import vim, vmodl

from infra.errors import TenantError
from infra.settings import VCENTER_PASSWORD

ANSWER_S = 60
"""How long the vCenter may take for one answer."""
TASK_S = 600
"""How long a task of the vCenter, or the start of a guest, may take."""
_PAUSE_S = 0.5
_TAGGING = "/rest/com/vmware/cis/tagging"

FAILURES = (OSError, http.client.HTTPException, vmodl.MethodFault)
"""What a session can fail with when the vCenter is away, slow, or refuses."""


class VCenterError(TenantError, RuntimeError):
    """The vCenter does not end what it began, or fails at it: exit 4."""

    exit_code = 4


@dataclass(frozen=True, kw_only=True)
class Found:
    """Something in the vCenter. id: as Pulumi's state would know it. users: what depends on it."""

    id: str
    users: tuple[str, ...]
    remove: Callable[[], None]


@contextmanager
def open_vcenter(config: Mapping[str, str]) -> Iterator["VCenter"]:
    """Log in with a stack's configuration, and log out.

    Args:
        config: the stack's, in the clear.

    Raises:
        FAILURES: no session.
    """
    host, _, port = config["vsphere:vsphereServer"].partition(":")
    tls = ssl.create_default_context()
    if config.get("vsphere:allowUnverifiedSsl") == "true":
        tls.check_hostname = False
        tls.verify_mode = ssl.CERT_NONE
    instance = SmartConnect(
        host=host,
        port=int(port or 443),
        user=config["vsphere:user"],
        pwd=config[VCENTER_PASSWORD],
        sslContext=tls,
        httpConnectionTimeout=ANSWER_S,
    )
    try:
        yield VCenter(instance, config, tls)
    finally:
        Disconnect(instance)
        # Which logging out does not.
        instance._stub.DropConnections()


class VCenter:
    """One session."""

    def __init__(self, instance: Any, config: Mapping[str, str], tls: ssl.SSLContext) -> None:
        """Take an open session and the stack's configuration."""
        self._content = instance.RetrieveContent()
        self._config = config
        self._tls = tls
        datacenter = json.loads(config["tenant:datacenter"])
        self._datacenter: str = datacenter["name"]
        self._template: str = datacenter["template"]

    @property
    def content(self) -> Any:
        """The vCenter's own entry to all that it has."""
        return self._content

    def await_idle(self, machines: Iterable[str]) -> None:
        """Wait until no task runs any more that makes or changes these VMs.

        Args:
            machines: their places below the datacenter's folder of VMs, as `tenant/tenant-db01`.

        Raises:
            VCenterError: one does not end.
        """
        for place in (self._template, *machines):
            machine = self._at("vm", place)
            for task in machine.recentTask if machine else ():
                _await(f"{place}: {task.info.descriptionId}", partial(_has_ended, task))

    def find(self, kind: str, inputs: Mapping[str, Any]) -> Found | None:
        """Find what the program would make.

        Args:
            kind: Pulumi's type of the resource.
            inputs: of the resource; one that is not known yet leads nowhere.
        """
        finders = {
            "vsphere:index/virtualMachine:VirtualMachine": self._find_machine,
            "vsphere:index/folder:Folder": self._find_folder,
            "vsphere:index/resourcePool:ResourcePool": self._find_pool,
            "vsphere:index/distributedPortGroup:DistributedPortGroup": self._find_port_group,
            "vsphere:index/computeClusterVmAntiAffinityRule:ComputeClusterVmAntiAffinityRule": (
                self._find_rule
            ),
            "vsphere:index/tagCategory:TagCategory": self._find_category,
            "vsphere:index/tag:Tag": self._find_tag,
        }
        try:
            return finders[kind](inputs) if kind in finders else None
        except vmodl.fault.ManagedObjectNotFound:
            return None

    def has_machine(self, uuid: str) -> bool:
        """Say whether a VM is there, whatever its name and place."""
        return self._content.searchIndex.FindByUuid(None, uuid, True) is not None

    def power_on(self, uuid: str) -> str | None:
        """Power a VM on that is off, and wait until its guest has an address.

        Returns:
            Its name; None when it was on, or is not there.

        Raises:
            VCenterError: it does not come up.
        """
        machine = self._content.searchIndex.FindByUuid(None, uuid, True)
        if machine is None or machine.runtime.powerState != "poweredOff":
            return None
        name = str(machine.name)
        _finish(f"{name}: power on", machine.PowerOnVM_Task())
        _await(f"{name}: an address of its guest", lambda: bool(machine.guest.ipAddress))
        return name

    def _find_machine(self, inputs: Mapping[str, Any]) -> Found | None:
        machine = self._at("vm", f"{inputs['folder']}/{inputs['name']}")
        if machine is None:
            return None
        return Found(id=machine.config.uuid, users=(), remove=partial(_destroy_machine, machine))

    def _find_folder(self, inputs: Mapping[str, Any]) -> Found | None:
        folder = self._at("vm", inputs["path"])
        return folder and _found(folder, folder.childEntity)

    def _find_pool(self, inputs: Mapping[str, Any]) -> Found | None:
        parent = self._object(vim.ResourcePool, inputs["parentResourcePoolId"])
        pool = _named(parent.resourcePool, inputs["name"])
        return pool and _found(pool, [*pool.vm, *pool.resourcePool])

    def _find_port_group(self, inputs: Mapping[str, Any]) -> Found | None:
        uuid = inputs["distributedVirtualSwitchUuid"]
        switch = self._content.dvSwitchManager.QueryDvsByUuid(uuid)
        port_group = _named(switch.portgroup, inputs["name"])
        return port_group and _found(port_group, port_group.vm)

    def _find_rule(self, inputs: Mapping[str, Any]) -> Found | None:
        cluster = self._object(vim.ClusterComputeResource, inputs["computeClusterId"])
        rule = _named(cluster.configurationEx.rule, inputs["name"])
        if rule is None:
            return None

        def remove() -> None:
            change = vim.cluster.RuleSpec(operation="remove", removeKey=rule.key)
            task = cluster.ReconfigureComputeResource_Task(
                vim.cluster.ConfigSpecEx(rulesSpec=[change]), True
            )
            _finish(f"{rule.name}: remove", task)

        return Found(id=f"{cluster._moId}:{rule.key}", users=(), remove=remove)

    def _find_category(self, inputs: Mapping[str, Any]) -> Found | None:
        with self._tagging() as call:
            for id_ in call("GET", "category"):
                if call("GET", f"category/id:{id_}")["name"] == inputs["name"]:
                    tags = call("POST", f"tag/id:{id_}?~action=list-tags-for-category")
                    return Found(
                        id=id_, users=tuple(tags), remove=partial(self._untag, "category", id_)
                    )
        return None

    def _find_tag(self, inputs: Mapping[str, Any]) -> Found | None:
        with self._tagging() as call:
            if inputs["categoryId"] not in call("GET", "category"):
                return None
            listed = f"tag/id:{inputs['categoryId']}?~action=list-tags-for-category"
            for id_ in call("POST", listed):
                if call("GET", f"tag/id:{id_}")["name"] == inputs["name"]:
                    uses = f"tag-association/id:{id_}?~action=list-attached-objects"
                    users = tuple(str(user["id"]) for user in call("POST", uses))
                    return Found(id=id_, users=users, remove=partial(self._untag, "tag", id_))
        return None

    def _untag(self, kind: str, id_: str) -> None:
        with self._tagging() as call:
            call("DELETE", f"{kind}/id:{id_}")

    @contextmanager
    def _tagging(self) -> Iterator[Callable[[str, str], Any]]:
        """Open a session with the tags: they have an interface of their own."""
        address = f"https://{self._config['vsphere:vsphereServer']}"

        def ask(method: str, path: str, headers: dict[str, str]) -> Any:
            request = urllib.request.Request(  # noqa: S310 - https, see above
                address + path, method=method, headers=headers
            )
            with urllib.request.urlopen(  # noqa: S310
                request, timeout=ANSWER_S, context=self._tls
            ) as answer:
                # Of nothing some give an empty list, some null, some no text.
                return json.loads(answer.read() or b"{}").get("value") or ()

        login = f"{self._config['vsphere:user']}:{self._config[VCENTER_PASSWORD]}"
        basic = {"Authorization": f"Basic {base64.b64encode(login.encode()).decode()}"}
        session = "/rest/com/vmware/cis/session"
        token = {"vmware-api-session-id": ask("POST", session, basic)}
        try:
            yield lambda method, path: ask(method, f"{_TAGGING}/{path}", token)
        finally:
            ask("DELETE", session, token)

    def _at(self, root: str, place: str) -> Any:
        path = f"{self._datacenter}/{root}/{place}"
        return self._content.searchIndex.FindByInventoryPath(path)

    def _object(self, kind: Any, moid: str) -> Any:
        return kind(moid, self._content.rootFolder._stub)


def _named(items: Iterable[Any], name: str) -> Any:
    return next((item for item in items if item.name == name), None)


def _found(entity: Any, users: Iterable[Any]) -> Found:
    def remove() -> None:
        _finish(f"{entity.name}: remove", entity.Destroy_Task())

    return Found(id=entity._moId, users=tuple(user.name for user in users), remove=remove)


def _destroy_machine(machine: Any) -> None:
    if machine.runtime.powerState == "poweredOn":
        _finish(f"{machine.name}: power off", machine.PowerOffVM_Task())
    _finish(f"{machine.name}: remove", machine.Destroy_Task())


def _has_ended(task: Any) -> bool:
    try:
        return task.info.state in ("success", "error")
    except vmodl.fault.ManagedObjectNotFound:
        return True  # the vCenter forgets those that have long ended


def _finish(what: str, task: Any) -> None:
    _await(what, partial(_has_ended, task))
    if task.info.state == "error":
        message = f"vCenter: {what}: {task.info.error.msg}. Mend it and run the same command again."
        raise VCenterError(message)


def _await(what: str, is_so: Callable[[], bool]) -> None:
    deadline = time.monotonic() + TASK_S
    while not is_so():
        if time.monotonic() > deadline:
            message = f"vCenter: {what}: not within {TASK_S} s. See its tasks, then run it again."
            raise VCenterError(message)
        time.sleep(_PAUSE_S)
