"""The flow passes from where it belongs; its neighbours, and the way back, do not."""

from collections.abc import Callable
from typing import Any

import pytest

from tests.molecule.fixtures import change, play


@pytest.fixture(autouse=True)
def _listeners(connect: Callable[[str], Any]) -> None:
    for name in ("desk01", "db01"):
        connect(name).check_output("systemctl start listener@8080 listener@8081")


def _reaches(client: Any, address: str, port: int) -> bool:
    reached: bool = client.run("nc -z -w 3 %s %s", address, str(port)).succeeded
    return reached


def test_flow_passes_and_its_neighbour_does_not(connect: Callable[[str], Any]) -> None:
    desk = connect("desk01")
    assert _reaches(desk, "10.31.30.11", 8080)
    assert not _reaches(desk, "10.31.30.11", 8081)


def test_flow_has_one_direction(connect: Callable[[str], Any]) -> None:
    assert _reaches(connect("desk01"), "10.31.30.11", 8080)
    assert not _reaches(connect("db01"), "10.31.10.11", 8080)


def test_forwarding_hangs_on_the_filter(connect: Callable[[str], Any]) -> None:
    host = connect("host01")
    assert host.sysctl("net.ipv4.ip_forward") == 1
    bound = host.check_output("systemctl show --property=BindsTo --value edge-forwarding.service")
    assert "nftables.service" in bound


def test_flow_withdrawn_is_foretold_and_ends(connect: Callable[[str], Any]) -> None:
    done = change({"edge_forward": []})
    assert done["host01"][0] == "configure | Propose the edge filter"
    assert not _reaches(connect("desk01"), "10.31.30.11", 8080)
    play()
    assert _reaches(connect("desk01"), "10.31.30.11", 8080)


def test_file_changed_by_hand_is_foretold_to_be_mended(connect: Callable[[str], Any]) -> None:
    connect("host01").check_output("echo '# mine' >> /etc/sysctl.d/60-edge.conf")
    assert change({}) == {
        "host01": [
            "configure | Distrust what routers are told",
            "service | Run the unit, now and at boot",
        ]
    }


def test_flow_by_an_unknown_device_is_refused() -> None:
    assert play(
        {"edge_interfaces": {"eth1": {"segment": "office", "prefixes": ["10.31.10.0/24"]}}}
    ).failures == [
        "host01: preflight | Refuse flows by devices that have no segment: edge_forward: eth2: no"
        " such device in edge_interfaces. Allowed are eth1. Give the device its segment, or correct"
        " the flow."
    ]
