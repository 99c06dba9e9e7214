"""Judge a vCenter's configuration: the attack cases that no packet can try (I24 to I26, I28).

Pure. Says what the vCenter is told to do, not that it does it; must not read it.
Source: docs/adr/0017; VMware's STIG for vSphere 8 as named at each rule.
"""

from collections.abc import Collection, Iterator

from infra.isolation.canary import find_secrets
from infra.isolation.facts import Configuration
from infra.isolation.outcome import End, Outcome
from infra.isolation.port_group import judge_port_group
from infra.plan.model import Plan

PROVIDER = End(tenant="provider", zone="vcenter", server=None)
"""The side that a vCenter's configuration belongs to."""

FIRST_BOOT = {"guestinfo.metadata", "guestinfo.userdata", "guestinfo.vendordata"}
"""What a clone takes from its template, unless it gets its own. Source: cloud-init, VMware."""


def judge_configuration(
    plan: Plan, found: Configuration, secrets: Collection[str] = ()
) -> list[Outcome]:
    """Hold what was read against the plan.

    Args:
        plan: of the tenant.
        found: of the vCenter that the tenant is deployed in.
        secrets: the stack's own; none of them may be legible anywhere.

    Returns:
        One outcome for each of I24, I25 and I26, and one for each segment for I28.
    """
    planned = {server.name for server in plan.servers.values()}
    seen = {machine.name for machine in found.machines}
    read = {machine.name for machine in found.machines if FIRST_BOOT & machine.texts.keys()}
    controls = {"every server of the plan was seen": planned <= seen}
    return [
        _outcome(
            "I24",
            _everywhere(plan),
            "look for accounts, beside the provider's, that reach the tenant's folder, pool, port"
            " groups or servers, and for servers that are not in their place",
            {**controls, "permissions were legible": bool(found.permissions)},
            [*_judge_accounts(found), *_judge_places(plan, found)],
        ),
        _outcome(
            "I25",
            _everywhere(plan),
            "look for secrets in the guest settings, OVF properties and notes of every VM and of"
            " the template",
            {**controls, "their guest settings were legible": planned <= read},
            list(_judge_texts(found, secrets)),
        ),
        _outcome(
            "I26",
            _everywhere(plan),
            "look for mirrored ports and for collectors of flow records",
            controls,
            list(_judge_taps(found)),
        ),
        *(
            _outcome(
                "I28",
                End(tenant=plan.tenant, zone=segment.zone, server=None),
                f"compare port group {plan.tenant}-{key} and its ports with the plan (C34)",
                *judge_port_group(plan, found, key),
            )
            for key, segment in plan.segments.items()
        ),
    ]


def _everywhere(plan: Plan) -> End:
    return End(tenant=plan.tenant, zone="all", server=None)


def _outcome(
    case: str, source: End, attack: str, controls: dict[str, bool], faults: list[str]
) -> Outcome:
    failed = [f"not so: {name}" for name, succeeded in controls.items() if not succeeded]
    return Outcome(
        case=case,
        source=source,
        target=PROVIDER,
        family="vcenter",
        layer="configuration only",
        attack=attack,
        token=None,
        sent=0,
        arrived=0,
        controls=controls,
        # What was found is found, whatever else could not be seen.
        verdict="fail" if faults else "inconclusive" if failed else "pass",
        detail="; ".join(faults or failed),
    )


def _judge_accounts(found: Configuration) -> Iterator[str]:
    """The plan gives no account of the vCenter to a tenant, so none but the provider's is due.

    The provider's are those that may act on the whole vCenter, and the one that deploys.
    Source: STIG VCSA-80-000095, VCSA-80-000284.
    """
    own = _principal(found.account)
    for permission in found.permissions:
        if not permission.is_at_root and _principal(permission.principal) != own:
            yield f"{permission.place}: {permission.principal} has role {permission.role}"


def _principal(name: str) -> str:
    """Give an account's name in one of the two forms that a vCenter uses."""
    domain, backslash, user = name.partition("\\")
    return (f"{user}@{domain}" if backslash else name).lower()


def _judge_places(plan: Plan, found: Configuration) -> Iterator[str]:
    planned = {server.name for server in plan.servers.values()}
    for machine in found.machines:
        is_planned = machine.name in planned
        for kind, place in (("folder", machine.folder), ("resource pool", machine.pool)):
            if is_planned and place != plan.tenant:
                yield f"{machine.name}: is in {kind} {place}, not in {plan.tenant}"
            elif not is_planned and place == plan.tenant:
                yield f"{machine.name}: is in {kind} {plan.tenant}, and is not in the plan"


def _judge_texts(found: Configuration, secrets: Collection[str]) -> Iterator[str]:
    """Source: STIG VMCH-80-000199, -000200 (copy and paste), -000213."""
    for machine in found.machines:
        for place, text in sorted(machine.texts.items()):
            for what in find_secrets(text, secrets):
                yield f"{machine.name}: {place}: holds {what}"
            if place.startswith("isolation.tools.") and text.lower() == "false":
                yield f"{machine.name}: {place}: is off"
        if machine.name == found.template:
            yield from (
                f"{machine.name}: {place}: is there, and every server would take it over"
                for place in sorted(FIRST_BOOT & machine.texts.keys())
            )


def _judge_taps(found: Configuration) -> Iterator[str]:
    """Source: STIG VCSA-80-000271 (NetFlow), VCSA-80-000300 (port mirroring)."""
    switch = found.switch
    for mirror in switch.mirrors:
        state = "on" if mirror.is_enabled else "prepared"
        yield f"{switch.name}: port mirroring session {mirror.name} is {state}"
    if switch.collector:
        yield f"{switch.name}: sends records of flows to {switch.collector}"
    for group in switch.port_groups:
        if group.setting.has_netflow:
            yield f"{group.name}: makes records of flows"
        for port in group.ports:
            if port.setting.has_netflow and not group.setting.has_netflow:
                yield f"{group.name}: port {port.key}: makes records of flows"
