"""Make records for tests: valid ones of any size, as hypothesis draws them."""

from ipaddress import IPv4Address, IPv4Network

from hypothesis import strategies as st

from infra.record.model import (
    Administrator,
    Flow,
    Limits,
    Segment,
    Server,
    Tenant,
    Zone,
)

ZONES = ("beheer", "app", "data", "office", "dmz")
KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
"""The all-zero point: a well-formed key that nobody holds."""
PORTS = (22, 53, 80, 443, 5432, 8443)


def _prefix(index: int) -> IPv4Network:
    return IPv4Network((int(IPv4Address("10.21.0.0")) + 256 * index, 24))


def _server(segment: str, address: IPv4Address, role: str, **further: object) -> Server:
    values = {
        "segment": segment,
        "address": address,
        "vcpu": 1,
        "memory_mib": 512,
        "roles": (role,),
        **further,
    }
    return Server.model_validate(values)


@st.composite
def tenants(draw: st.DrawFn) -> Tenant:
    """Draw a record: 2 to 5 zones of one segment, an edge, a bastion, servers and flows."""
    zones = ZONES[: draw(st.integers(2, len(ZONES)))]
    prefixes = {zone: _prefix(index) for index, zone in enumerate(zones)}
    gateways = {zone: prefix[1] for zone, prefix in prefixes.items()}
    servers = {
        "edge01": _server(
            "beheer",
            gateways["beheer"],
            "edge",
            interfaces={zone: gateways[zone] for zone in zones if zone != "beheer"},
        ),
        "bastion01": _server("beheer", prefixes["beheer"][11], "bastion"),
    }
    for zone in zones[1:]:
        for number in range(1, draw(st.integers(1, 3)) + 1):
            address = prefixes[zone][20 + number]
            servers[f"{zone}{number:02}"] = _server(zone, address, "workplace")
    flows = {
        "management-ssh": _flow(("bastion01",), ("edge01", *zones[1:]), 22),
        "packages": _flow(("edge01", *zones[1:]), ("bastion01",), 3142),
    }
    names = sorted({*servers, *zones} - {"edge01", "beheer"})
    for index in range(draw(st.integers(0, 4))):
        source = draw(st.sampled_from(names))
        destination = draw(st.sampled_from([name for name in names if name != source]))
        port = draw(st.sampled_from(PORTS))
        flows[f"flow-{index}"] = _flow((source,), (destination,), port)
    return Tenant(
        id="drawn",
        name="Drawn",
        domain="drawn.internal",
        limits=Limits(vcpu_mhz=10000, memory_mib=65536),
        administrators={"a-one": Administrator(name="A. One", keys=(KEY,))},
        zones={
            zone: Zone(
                level="medium",
                purpose="a zone",
                segments={
                    zone: Segment(vlan=100 + index, prefix=prefixes[zone], gateway=gateways[zone])
                },
            )
            for index, zone in enumerate(zones)
        },
        servers=servers,
        flows=flows,
        applications={},
    )


def _flow(sources: tuple[str, ...], destinations: tuple[str, ...], port: int) -> Flow:
    return Flow.model_validate(
        {
            "from": sources,
            "to": destinations,
            "protocol": "tcp",
            "port": port,
            "purpose": "a purpose",
            "owner": "an owner",
        }
    )
