"""Two ends of a tunnel reach each other by it, and only root reads their keys."""

from collections.abc import Callable
from typing import Any

from tests.molecule.fixtures import change, play

FILE = "/etc/wireguard/wg0.conf"
KEY_FILE = "/etc/wireguard/wg0.key"


def test_ends_reach_each_other_by_the_tunnel(connect: Callable[[str], Any]) -> None:
    for name, own, other in (
        ("host01", "10.31.1.1", "10.31.2.1"),
        ("host02", "10.31.2.1", "10.31.1.1"),
    ):
        host = connect(name)
        assert f"dev wg0 src {own}" in host.check_output("ip route get %s", other)
        host.check_output("ping -c 1 -W 5 %s", other)


def test_only_root_reads_the_key(connect: Callable[[str], Any]) -> None:
    host = connect("host01")
    file = host.file(KEY_FILE)
    assert file.content_string.strip() not in host.file(FILE).content_string
    assert (file.user, file.group, file.mode) == ("root", "root", 0o600)


def test_file_changed_by_hand_is_foretold_to_be_mended(connect: Callable[[str], Any]) -> None:
    connect("host01").check_output(f"echo '# mine' >> {FILE}")
    assert change({}) == {
        "host01": [
            "configure | Write this end of the tunnel",
            "service | Run the unit, now and at boot",
        ]
    }
    # The other end holds on to its session for 15 s before it asks for a new one.
    connect("host02").check_output("ping -c 1 -w 30 10.31.1.1")


def test_end_without_peers_is_refused() -> None:
    assert play({"tunnel_peers": {}}).failures == [
        f'{host}: preflight | Refuse an end without address, key or peers: tunnel_address: "{own}",'
        " tunnel_private_key: given, tunnel_peers: none. An IPv4 address, a key as `wg genkey`"
        " writes it and at least one peer are needed. Give them in the inventory."
        for host, own in (("host01", "10.31.1.1"), ("host02", "10.31.2.1"))
    ]
