"""A town hall for a record: zones outside of the datacenter, behind a router of their own."""

from typing import Any

UPLINK = "internet"
EDGE, ROUTER = "203.0.113.11", "203.0.113.12"
"""Addresses of edge and router in the network between them."""

COUNTER = "balie"
SITE = {
    COUNTER: ("workplaces and counter", "10.22.50"),
    "mfp": ("printers", "10.22.60"),
    "wifi-gast": ("guests", "10.22.70"),
}
"""Zones of the town hall: purpose, and the first three numbers of the segment's addresses."""

SMALL = {"vcpu": 1, "memory_mib": 512}


def add_town_hall(content: Any) -> None:
    """Give a record a town hall; nobody is there yet."""
    content["outside"] = {
        UPLINK: {"prefix": "203.0.113.0/24", "purpose": "between edge and town hall"}
    }
    content["sites"] = {
        "gemeentehuis": {"purpose": "the town hall", "uplink": UPLINK, "zones": [*SITE]}
    }
    for number, (zone, (purpose, start)) in enumerate(SITE.items()):
        segment = {"vlan": 1210 + number, "prefix": f"{start}.0/24", "gateway": f"{start}.1"}
        content["zones"][zone] = {"level": "low", "purpose": purpose, "segments": {zone: segment}}
    for server in content["servers"].values():
        if "edge" in server["roles"]:
            server["interfaces"][UPLINK] = EDGE
    content["servers"]["router01"] = {
        **SMALL,
        "segment": COUNTER,
        "address": "10.22.50.1",
        "interfaces": {"mfp": "10.22.60.1", "wifi-gast": "10.22.70.1", UPLINK: ROUTER},
        "roles": ["router"],
    }
    flows = content["flows"]
    flows["management-ssh"]["to"].append(COUNTER)
    for flow in ("names", "names-large", "time", "packages"):
        flows[flow]["from"].append(COUNTER)
