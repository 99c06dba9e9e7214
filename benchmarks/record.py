"""Write records of any size, alike in kind: zones, servers spread over them, flows between them."""

import base64
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

from infra.record.place import PROVIDER_FILE, TENANTS

ZONES = ("office", "app", "data", "dmz", "partner", "print", "test", "public")
"""Beside the bastion's own zone: nine segments, of the ten that one edge can carry."""

RELAYED = {
    "names": ("udp", 53),
    "names-large": ("tcp", 53),
    "time": ("udp", 123),
    "packages": ("tcp", 3142),
}
"""What every server has from the bastion."""

SERVICE_SERVERS = ("edge01", "bastion01")
ROLES = {"app": "webapp", "data": "database"}
"""Roles by zone; what lives elsewhere is a workplace."""

SERVERS_PER_APPLICATION = 10

FIRST_VLAN = 1301
"""Of no tenant of ours: both may be in one datacenter."""

_KEY = base64.b64encode(b"\x00\x00\x00\x0bssh-ed25519\x00\x00\x00\x20" + bytes(32)).decode()


def write_record(folder: Path, *, servers: int, flows: int) -> Path:
    """Write a record, and the provider's file beside its folder.

    Args:
        folder: the tenant's, which is made here; no other record may stand beside it.
        servers: how many, edge and bastion among them.
        flows: how many, those that every tenant needs among them.

    Returns:
        The same folder, for `infra.record.load`.
    """
    machines = dict(_servers(servers))
    content = {
        "name": "Gemeente Maatgevend",
        "domain": "maat.internal",
        "limits": {"vcpu_mhz": 1000 * servers, "memory_mib": 512 * servers},
        "administrators": {"a-one": {"name": "A. One", "keys": [f"ssh-ed25519 {_KEY}"]}},
        "zones": {zone: _zone(zone, number) for number, zone in enumerate(("beheer", *ZONES))},
        "servers": machines,
        "flows": dict(_flows([*machines][len(SERVICE_SERVERS) :], flows)),
    }
    (folder / "applications").mkdir(parents=True)
    shutil.copy(TENANTS / PROVIDER_FILE, folder.parent)
    (folder / "tenant.yaml").write_text(yaml.safe_dump(content, sort_keys=False))
    for number in range(1, servers // SERVERS_PER_APPLICATION + 1):
        file = folder / "applications" / f"toepassing{number:03}.yaml"
        file.write_text(yaml.safe_dump(_application(number), sort_keys=False))
    return folder


def _address(segment: int, host: int) -> str:
    return f"10.{21 + segment}.{host // 256}.{host % 256}"


def _zone(zone: str, number: int) -> dict[str, Any]:
    segment = {
        "vlan": FIRST_VLAN + number,
        "prefix": f"{_address(number, 0)}/16",
        "gateway": _address(number, 1),
    }
    return {"level": "medium", "purpose": f"zone {zone}", "segments": {zone: segment}}


def _servers(count: int) -> Iterator[tuple[str, dict[str, Any]]]:
    size = {"vcpu": 1, "memory_mib": 512}
    legs = {zone: _address(number, 1) for number, zone in enumerate(ZONES, start=1)}
    edge = {"segment": "beheer", "address": _address(0, 1), "interfaces": legs}
    # It works for all of them.
    yield "edge01", {**edge, **size, "vcpu": 2, "roles": ["edge"]}
    bastion = {"segment": "beheer", "address": _address(0, 11)}
    yield "bastion01", {**bastion, **size, "roles": ["bastion"]}
    for index in range(count - len(SERVICE_SERVERS)):
        row, number = divmod(index, len(ZONES))
        address = _address(1 + number, 11 + row)
        server: dict[str, Any] = {
            "segment": ZONES[number],
            "address": address,
            "roles": [ROLES.get(ZONES[number], "workplace")],
        }
        if index % 4 == 0:
            disk = {"unit": 1, "size_gib": 20, "mount": "/srv/data"}
            server["disks"] = {"data": disk}
        yield f"{ZONES[number]}{row + 1:03}", {**server, **size}


def _flows(clients: list[str], count: int) -> Iterator[tuple[str, dict[str, Any]]]:
    everywhere = ["edge01", *ZONES]
    yield "management-ssh", _flow(["bastion01"], everywhere, "tcp", 22)
    for name, (protocol, port) in RELAYED.items():
        yield name, _flow(everywhere, ["bastion01"], protocol, port)
    applications = (len(clients) + len(SERVICE_SERVERS)) // SERVERS_PER_APPLICATION
    for number in range(1, applications + 1):
        web, database = f"app{number:03}", f"data{number:03}"
        yield f"web-{number:03}", _flow([f"office{number:03}"], [web], "tcp", 80)
        yield f"database-{number:03}", _flow([web], [database], "tcp", 5432)
    for index in range(count - 1 - len(RELAYED) - 2 * applications):
        row, place = divmod(index, len(clients))
        source, destination = clients[place], clients[(place + 1 + row) % len(clients)]
        yield f"flow-{index:04}", _flow([source], [destination], "tcp", 8000 + row)


def _flow(sources: list[str], destinations: list[str], protocol: str, port: int) -> dict[str, Any]:
    return {
        "from": [*sources],
        "to": [*destinations],
        "protocol": protocol,
        "port": port,
        "purpose": "something that somebody needs",
        "owner": "informatiemanager",
    }


def _application(number: int) -> dict[str, Any]:
    return {
        "name": f"Toepassing {number}",
        "gemma": "Zaakafhandelcomponent",
        "supplier": "somebody",
        "owner": "informatiemanager",
        "web": {"server": f"app{number:03}", "port": 80},
        "database": {"server": f"data{number:03}"},
    }
