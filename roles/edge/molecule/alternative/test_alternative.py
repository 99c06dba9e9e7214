"""Each direction has its own flows; a guest and a forged address get nowhere."""

from collections.abc import Callable
from typing import Any

import pytest

from tests.molecule.fixtures import change, play


@pytest.fixture(autouse=True)
def _listeners(connect: Callable[[str], Any]) -> None:
    for name in ("app01", "db01"):
        connect(name).check_output("systemctl start listener@8080 listener@8081")


def _reaches(client: Any, address: str, port: int) -> bool:
    reached: bool = client.run("nc -z -w 3 %s %s", address, str(port)).succeeded
    return reached


def test_each_direction_has_its_own_flow(connect: Callable[[str], Any]) -> None:
    app, db = connect("app01"), connect("db01")
    assert [_reaches(app, "10.31.30.11", port) for port in (8080, 8081)] == [True, False]
    assert [_reaches(db, "10.31.20.11", port) for port in (8080, 8081)] == [False, True]


def test_guest_gets_nowhere(connect: Callable[[str], Any]) -> None:
    assert _reaches(connect("app01"), "10.31.30.11", 8080)
    assert not _reaches(connect("guest01"), "10.31.30.11", 8080)


def test_address_of_another_segment_is_forged(connect: Callable[[str], Any]) -> None:
    """The kernel drops it before the filter would: its answer would leave by another device."""
    count = "nstat --ignore --zeros TcpExtIPReversePathFilter"
    before = connect("host01").check_output(count)
    guest = connect("guest01")
    guest.check_output("ip address replace 10.31.20.12/32 dev eth1")
    assert guest.run("nc -z -w 1 -s 10.31.20.12 10.31.30.11 8080").failed
    assert connect("host01").check_output(count) != before


SEGMENT = """
import socket
opened = socket.create_connection(("10.31.30.11", 8080), timeout=3)
print(opened.getsockopt(socket.IPPROTO_TCP, socket.TCP_MAXSEG))
"""


def test_segments_fit_the_way_on_where_that_takes_less(connect: Callable[[str], Any]) -> None:
    """As into a tunnel: to the other end, 40 bytes of headers and 12 of options are no segment."""
    host = connect("host01")
    route = host.check_output("ip -oneline route show 10.31.20.0/24").strip()
    assert connect("app01").check_output("python3 -c %s", SEGMENT) == str(1500 - 52)
    host.check_output(f"ip route change {route} mtu 1300")
    try:
        assert connect("app01").check_output("python3 -c %s", SEGMENT) == str(1300 - 52)
    finally:
        host.check_output(f"ip route change {route} mtu 0")


def test_flow_added_is_foretold_and_passes(connect: Callable[[str], Any]) -> None:
    guest = connect("guest01")
    assert not _reaches(guest, "10.31.30.11", 8080)
    flow = {
        "flow": "guest-data",
        "sources": ["10.31.50.11/32"],
        "destinations": ["10.31.30.11/32"],
        "protocol": "tcp",
        "port": 8080,
        "in_device": "eth3",
        "out_device": "eth2",
    }
    done = change({"edge_forward": [flow]})
    assert done["host01"][0] == "configure | Propose the edge filter"
    assert _reaches(guest, "10.31.30.11", 8080)


TO_OUTSIDE = {
    "flow": "app-data",
    "sources": ["10.31.20.0/24"],
    "destinations": ["10.31.30.0/24"],
    "protocol": "tcp",
    "port": 8080,
    "in_device": "eth1",
    "out_device": "eth2",
}


def test_packets_outside_bear_the_routers_address(connect: Callable[[str], Any]) -> None:
    last = "journalctl --unit=listener@8080 --output=cat | grep received | tail -1"
    for outside, source in (({}, "10.31.20.11"), ({"eth2": "10.31.30.1"}, "10.31.30.1")):
        assert play({"edge_outside": outside, "edge_forward": [TO_OUTSIDE]}).failures == []
        assert _reaches(connect("app01"), "10.31.30.11", 8080)
        assert f" {source} " in connect("db01").check_output(last)
    play()


FROM_OUTSIDE = {
    "flow": "guest-app",
    "sources": ["10.31.50.11/32"],
    "destinations": ["10.31.20.11/32"],
    "protocol": "tcp",
    "port": 8080,
    "in_device": "eth3",
    "out_device": "eth1",
}


def test_flow_from_outside_ends_at_its_host(connect: Callable[[str], Any]) -> None:
    assert (
        play({"edge_outside": {"eth3": "10.31.50.1"}, "edge_forward": [FROM_OUTSIDE]}).failures
        == []
    )
    guest = connect("guest01")
    assert [_reaches(guest, "10.31.50.1", port) for port in (8080, 8081)] == [True, False]
    last = "journalctl --unit=listener@8080 --output=cat | grep received | tail -1"
    assert " 10.31.50.11 " in connect("app01").check_output(last)
    assert play({"edge_outside": {"eth3": "10.31.50.1"}, "edge_forward": []}).failures == []
    assert not _reaches(guest, "10.31.50.1", 8080)
    play()


def test_flow_from_outside_to_a_whole_segment_is_refused() -> None:
    wide = FROM_OUTSIDE | {"destinations": ["10.31.20.0/24"]}
    assert play({"edge_outside": {"eth3": "10.31.50.1"}, "edge_forward": [wide]}).failures == [
        "host01: preflight | Refuse what begins outside and ends at several hosts: edge_forward:"
        " 10.31.20.0/24: destinations of a flow by a device of edge_outside. One address is"
        " allowed, such as 10.21.70.11/32, because this host's own is translated to it. Correct the"
        " flow."
    ]


def test_flow_without_its_owner_of_a_port_is_refused() -> None:
    (failure,) = play({"edge_forward": [{"flow": "half"}]}).failures
    assert "missing required arguments: destinations, in_device, out_device, port" in failure
