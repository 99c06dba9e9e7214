"""Each peer has its own prefixes; whoever has no key gets nowhere."""

from collections.abc import Callable
from typing import Any

from tests.molecule.fixtures import change, play


def test_prefixes_of_every_peer_lead_into_the_tunnel(connect: Callable[[str], Any]) -> None:
    host = connect("host01")
    for address in ("10.31.2.9", "10.31.3.9", "10.31.4.9"):
        assert " dev wg0 " in host.check_output("ip route get %s", address)
    assert "udp" in host.check_output("ss -Hlun sport = :51999 && echo udp")


def test_neighbour_without_a_key_gets_no_answer(connect: Callable[[str], Any]) -> None:
    neighbour = connect("host02")
    neighbour.check_output("ping -c 1 -W 5 10.255.0.21")
    neighbour.check_output("ip route replace 10.31.1.1 via 10.255.0.21 src 10.255.0.22")
    neighbour.check_output("ip address replace 10.31.2.1/32 dev eth0")
    assert neighbour.run("ping -c 1 -W 2 -I 10.31.2.1 10.31.1.1").failed, "the answer is for a peer"


def test_another_port_is_foretold_and_taken(connect: Callable[[str], Any]) -> None:
    assert change({"tunnel_port": 51998}) == {
        "host01": [
            "configure | Write this end of the tunnel",
            "service | Run the unit, now and at boot",
        ]
    }
    assert connect("host01").check_output("ss -Hlun sport = :51998")
    play()


def test_peer_without_prefixes_is_refused() -> None:
    peer = {"public_key": "x", "endpoint": "10.255.0.22"}
    assert play({"tunnel_peers": {"half": peer}}).failures == [
        "host01: preflight | Refuse peers that are not whole: tunnel_peers: half: public_key,"
        " endpoint and prefixes must all be given. Give them in the inventory."
    ]
