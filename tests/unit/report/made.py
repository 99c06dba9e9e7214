"""Make plans of any size and findings of any verdict, for the tests of the report."""

from collections.abc import Mapping
from ipaddress import IPv4Network

from infra.isolation.outcome import End, Findings, Outcome, Untested, Verdict
from infra.plan import compile_plan
from infra.plan.model import Plan
from infra.record.model import (
    Administrator,
    Flow,
    Level,
    Limits,
    Outside,
    Partner,
    Segment,
    Server,
    Site,
    Tenant,
    Zone,
)
from infra.report.case import CASES
from infra.report.summary import PROVIDER
from tests.unit.plan.records import KEY

OWN = "drawn"
OUTSIDE = IPv4Network("203.0.113.0/24")
PARTNERS = {
    "rvig": Partner(address=OUTSIDE[80], fqdn="rvig.partner.nl", purpose="BRP", owner="burgerzaken")
}
UNTESTED = {"I05": "no sensor stands behind the physical trunk"}
_LEVELS: tuple[Level, ...] = ("high", "medium", "low")
_NAMES = (
    "beheer", "app", "data", "records", "dmz", "kantoor", "koppelvlak", "backup", "werkplek",
    "balie", "mfp", "wifi-gast",
)  # fmt: skip


def make_plan(
    zones: int,
    servers: int,
    *,
    name: str = "Gemeente Getekend",
    longest: str = "",
    sites: int = 0,
) -> Plan:
    """Make a plan of this many zones and servers, edge and bastion among them.

    Args:
        zones: 1 to 12; a segment each.
        servers: at least 2, dealt over the zones.
        name: of the municipality.
        longest: appended to each name of a server.
        sites: how many of the last zones are sites of their own, each with a router besides; the
            first never is.
    """
    keys = _NAMES[:zones]
    prefixes = {key: IPv4Network(f"10.21.{number}.0/24") for number, key in enumerate(keys)}
    far = keys[max(1, zones - sites) :]
    edge = {key: prefixes[key][1] for key in keys[1:] if key not in far}
    edge |= {"internet": OUTSIDE[11]} if far else {}
    made = {
        "edge01": _server("beheer", prefixes["beheer"][1], "edge", interfaces=edge),
        "bastion01": _server("beheer", prefixes["beheer"][11], "bastion"),
    }
    for number, key in enumerate(far, start=12):
        legs = {"internet": OUTSIDE[number]}
        made[f"router{number}"] = _server(key, prefixes[key][1], "router", interfaces=legs)
    for number in range(servers - 2):
        zone = keys[number % zones]
        address = prefixes[zone][20 + number]
        made[f"{zone}{number:02}{longest}"] = _server(zone, address, "workplace")
    return compile_plan(
        Tenant(
            id=OWN,
            name=name,
            domain="drawn.internal",
            limits=Limits(vcpu_mhz=10000, memory_mib=65536),
            administrators={"a-one": Administrator(name="A. One", keys=(KEY,))},
            zones={
                key: Zone(
                    level=_LEVELS[number % 3],
                    purpose="a zone",
                    segments={
                        key: Segment(
                            vlan=1101 + number, prefix=prefixes[key], gateway=prefixes[key][1]
                        )
                    },
                )
                for number, key in enumerate(keys)
            },
            servers=made,
            sites={
                f"locatie-{key}": Site(purpose="a site", uplink="internet", zones=(key,))
                for key in far
            },
            outside={"internet": Outside(prefix=OUTSIDE, purpose="to sites", partners=PARTNERS)}
            if far
            else {},
            flows={
                "management-ssh": _flow(("bastion01",), ("edge01", *keys[1:]), 22),
                "packages": _flow(("edge01", *keys[1:]), ("bastion01",), 3142),
                **{f"web-{key}": _flow((key,), (keys[1],), 443) for key in keys[2:]},
            },
            applications={},
        )
    )


def make_findings(
    plan: Plan,
    verdicts: Mapping[str, Verdict] | None = None,
    *,
    without: tuple[str, ...] = (),
) -> Findings:
    """Make findings in which every case was tried from every zone and passed.

    Args:
        plan: whose zones attack.
        verdicts: by case, of the first attempt of those that did not pass.
        without: cases that the suite forgot.
    """
    outcomes: list[Outcome] = []
    for case in CASES:
        if case in without or case in UNTESTED:
            continue
        for zone in dict.fromkeys(server.zone for server in plan.servers.values()):
            first = not outcomes or outcomes[-1].case != case
            verdict = (verdicts or {}).get(case, "pass") if first else "pass"
            outcomes += _attempts(case, plan.tenant, zone, verdict, len(outcomes))
    return Findings(
        tenant=plan.tenant,
        time="2026-11-28T23:41:07+00:00",
        deployed="9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
        tools={"scapy": "2.5.0", "tcpdump": "4.99.3", "nftables": "1.0.6"},
        duration_s=143.6,
        outcomes=tuple(outcomes),
        untested=tuple(Untested(case=case, reason=reason) for case, reason in UNTESTED.items()),
    )


def _attempts(case: str, own: str, zone: str, verdict: Verdict, number: int) -> list[Outcome]:
    """Try one thing, listened for at a neighbour and at the provider; the first has the verdict."""
    is_packets = case not in {"I24", "I25", "I26", "I28"}
    targets = [End(tenant=PROVIDER, zone="vcenter", server=None)]
    if is_packets:
        tenant = "datacentrum" if case in {"I18", "I19", "I20"} else "aalburg"
        servers = {"vmotion": "decoy01", "storage": "decoy02", "data": "db01"}
        targets = [End(tenant=tenant, zone=z, server=server) for z, server in servers.items()]
    return [
        Outcome(
            case=case,
            source=End(tenant=own, zone=zone, server=f"{zone}01" if is_packets else None),
            target=target,
            family="ipv4" if is_packets else "vcenter",
            layer=(
                ("lab model" if case in {"I04", "I06", "I10", "I11"} else "real packets")
                if is_packets
                else "configuration only"
            ),
            attack=f"{case}: ICMP, 6 TCP and 3 UDP ports through the own edge",
            token=f"isolation 8d3f1c02 {number:05}" if is_packets else None,
            sent=12 if is_packets else 0,
            arrived=7 if given == "fail" and is_packets else 0,
            controls={
                "the witness heard the same": given != "inconclusive",
                "the target heard its own network": True,
            },
            verdict=given,
            detail="" if given == "pass" else "TCP 22 came through, seen at eth0",
            capture=f"captures/{target.tenant}-{target.zone}.pcap" if is_packets else None,
        )
        for target, given in ((t, verdict if t is targets[0] else "pass") for t in targets)
    ]


def _server(segment: str, address: object, role: str, **further: object) -> Server:
    values = {"vcpu": 1, "memory_mib": 512, "roles": (role,), **further}
    return Server.model_validate({"segment": segment, "address": address, **values})


def _flow(sources: tuple[str, ...], destinations: tuple[str, ...], port: int) -> Flow:
    ends = {"from": sources, "to": destinations}
    words = {"purpose": "a purpose", "owner": "an owner"}
    return Flow.model_validate({**ends, "protocol": "tcp", "port": port, **words})
