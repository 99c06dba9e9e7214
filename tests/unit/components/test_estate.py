"""A plan becomes exactly these vSphere resources."""

import asyncio
import base64
import json
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import pulumi
import pytest

from infra.components.datacenter import Shared, Template
from infra.components.estate import Estate, EstateArgs
from infra.operations.picture import EXAMPLE
from infra.plan import compile_plan
from infra.plan.model import Plan
from infra.record import load

SHARED = Shared(
    datacenter_id="datacenter-2",
    cluster_id="domain-c1",
    root_pool_id="resgroup-1",
    datastore_id="datastore-1",
    switch_uuid="50 01",
    management_network_id="dvportgroup-9",
    outside_network_ids={"internet": "dvportgroup-10"},
    template=Template(
        id="422f",
        guest_id="debian12_64Guest",
        firmware="efi",
        scsi_type="pvscsi",
        adapter_type="vmxnet3",
        disk_gib=8,
        is_thin=True,
    ),
)
SEPARATION = "vsphere:index/computeClusterVmAntiAffinityRule:ComputeClusterVmAntiAffinityRule"


@dataclass
class Recorder(pulumi.runtime.Mocks):
    """Remember every resource asked for."""

    made: list[pulumi.runtime.MockResourceArgs] = field(default_factory=list)

    def new_resource(
        self, args: pulumi.runtime.MockResourceArgs
    ) -> tuple[str | None, dict[str, Any]]:
        """Answer with the inputs, as a provider that computes nothing."""
        self.made.append(args)
        return f"{args.name}-id", {**args.inputs, "uuid": f"{args.name}-uuid"}

    def call(self, args: pulumi.runtime.MockCallArgs) -> dict[str, Any]:
        """Refuse: components look nothing up."""
        message = f"unexpected call {args.token}"
        raise AssertionError(message)

    def inputs(self, token: str) -> dict[str, dict[str, Any]]:
        """Give inputs by logical name of all resources of a type."""
        return {made.name: made.inputs for made in self.made if made.typ == token}


@pytest.fixture(scope="module")
def plan() -> Plan:
    return compile_plan(load(EXAMPLE))


def declare(plan: Plan) -> Recorder:
    """Declare a plan's estate against mocks; return what was asked for."""
    recorder = Recorder()
    pulumi.runtime.set_mocks(recorder, project="tenant", stack="werkendam-test")

    @pulumi.runtime.test
    def run() -> pulumi.Output[Any]:
        estate = Estate(
            "werkendam",
            EstateArgs(
                plan=plan,
                shared=SHARED,
                management_address="10.255.0.11/24",
                public_key="ssh-ed25519 AAAA",
                is_protected=True,
            ),
        )
        return pulumi.Output.all(estate.uuids, estate.urn)

    run()
    return recorder


@pytest.fixture(scope="module", autouse=True)
def _event_loop() -> Iterator[None]:
    """Close the loops that Pulumi's mocks make, one in each of their threads, and leave open."""
    make = asyncio.new_event_loop
    made: list[asyncio.AbstractEventLoop] = []

    def make_and_remember() -> asyncio.AbstractEventLoop:
        made.append(make())
        return made[-1]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(asyncio, "new_event_loop", make_and_remember)
        asyncio.set_event_loop(make_and_remember())
        yield
    asyncio.set_event_loop(None)
    for loop in made:
        loop.close()


@pytest.fixture(scope="module")
def recorder(plan: Plan, _event_loop: None) -> Recorder:
    return declare(plan)


def test_exactly_the_plans_resources_are_made(recorder: Recorder, plan: Plan) -> None:
    segments, servers, separations = len(plan.segments), len(plan.servers), len(plan.separations)
    expected = {
        "tenant:estate:Estate": 1,
        "tenant:network:NetworkSegment": segments,
        "tenant:server:Server": servers,
        "vsphere:index/folder:Folder": 1,
        "vsphere:index/resourcePool:ResourcePool": 1,
        "vsphere:index/tagCategory:TagCategory": 1,
        "vsphere:index/tag:Tag": len({segment.zone for segment in plan.segments.values()}),
        "vsphere:index/distributedPortGroup:DistributedPortGroup": segments,
        "vsphere:index/virtualMachine:VirtualMachine": servers,
        SEPARATION: separations,
    }
    assert Counter(made.typ for made in recorder.made) == Counter(expected)


def test_every_port_group_rejects_impersonation_and_overrides(
    recorder: Recorder, plan: Plan
) -> None:
    groups = recorder.inputs("vsphere:index/distributedPortGroup:DistributedPortGroup")
    assert sorted(inputs["vlanId"] for inputs in groups.values()) == sorted(
        segment.vlan for segment in plan.segments.values()
    )
    for name, inputs in groups.items():
        for policy in ("allowPromiscuous", "allowMacChanges", "allowForgedTransmits"):
            assert inputs[policy] is False, f"{name}: {policy}"
        overrides = {key: value for key, value in inputs.items() if key.endswith("OverrideAllowed")}
        assert len(overrides) == 8, f"{name}: {overrides}"
        assert not any(overrides.values()), f"{name}: {overrides}"
        assert inputs["portConfigResetAtDisconnect"] is True, name


def test_only_the_bastion_has_a_leg_in_provider_management(recorder: Recorder) -> None:
    machines = recorder.inputs("vsphere:index/virtualMachine:VirtualMachine")
    with_leg = {
        name
        for name, inputs in machines.items()
        for nic in inputs["networkInterfaces"]
        if nic["networkId"] == SHARED.management_network_id
    }
    assert with_leg == {"werkendam-bastion01-vm"}


def test_leg_outside_is_in_the_providers_network(plan: Plan) -> None:
    edge = plan.servers["edge01"]
    leg = edge.nics[-1].model_copy(
        update={"device": "eth9", "segment": "internet", "address": "203.0.113.2/24"}
    )
    with_leg = edge.model_copy(update={"nics": (*edge.nics, leg)})
    recorder = declare(plan.model_copy(update={"servers": {**plan.servers, "edge01": with_leg}}))
    machine = recorder.inputs("vsphere:index/virtualMachine:VirtualMachine")[f"{edge.name}-vm"]
    assert machine["networkInterfaces"][-1]["networkId"] == "dvportgroup-10"
    groups = recorder.inputs("vsphere:index/distributedPortGroup:DistributedPortGroup")
    assert {group["name"] for group in groups.values()} == {f"werkendam-{s}" for s in plan.segments}


def test_a_volume_is_its_own_disk_on_its_own_unit(recorder: Recorder) -> None:
    inputs = recorder.inputs("vsphere:index/virtualMachine:VirtualMachine")["werkendam-db01-vm"]
    assert [(d["label"], d["unitNumber"], d["size"]) for d in inputs["disks"]] == [
        ("root", 0, 8),
        ("data", 1, 20),
    ]


def test_first_boot_gets_names_addresses_and_the_key_only(recorder: Recorder, plan: Plan) -> None:
    machines = recorder.inputs("vsphere:index/virtualMachine:VirtualMachine")
    extra = machines["werkendam-bastion01-vm"]["extraConfig"]
    assert extra["guestinfo.metadata.encoding"] == "base64"
    metadata = json.loads(base64.b64decode(extra["guestinfo.metadata"]))
    userdata = base64.b64decode(extra["guestinfo.userdata"]).decode()
    legs = metadata["network"]["ethernets"]
    assert metadata["local-hostname"] == "bastion01.werkendam.internal"
    assert [legs[device]["addresses"] for device in ("eth0", "eth1")] == [
        ["10.21.40.11/24"],
        ["10.255.0.11/24"],
    ]
    assert legs["eth0"]["match"]["macaddress"] == plan.servers["bastion01"].nics[0].mac
    assert "routes" not in legs["eth1"], "the provider-management leg must not be a way out"
    assert userdata.startswith("#cloud-config\n")
    config = json.loads(userdata.partition("\n")[2])
    assert set(config) == {"users", "disable_root", "ssh_pwauth", "updates", "bootcmd"}
    assert config["updates"] == {"network": {"when": ["boot"]}}, "a changed address must arrive"
    assert "{ 10.21.40.11 }" in config["bootcmd"][0], (
        "the bastion, whatever the filter on disk says"
    )


def test_servers_that_share_a_role_are_separated() -> None:
    record = load(EXAMPLE)
    second = record.servers["db01"].model_copy(
        update={"address": record.servers["db01"].address + 1}
    )
    pair = record.model_copy(update={"servers": record.servers | {"db02": second}})
    rules = declare(compile_plan(pair)).inputs(SEPARATION)
    assert "werkendam-database-separation" in rules
    rule = rules["werkendam-database-separation"]
    assert rule["virtualMachineIds"] == ["werkendam-db01-vm-id", "werkendam-db02-vm-id"]
    assert rule["mandatory"] is True
