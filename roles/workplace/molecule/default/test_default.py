"""A workplace can ask for pages."""

from collections.abc import Callable
from typing import Any

from tests.molecule.fixtures import change, play


def test_clients_are_there(connect: Callable[[str], Any]) -> None:
    host = connect("host01")
    for client in ("curl", "python3"):
        assert host.exists(client), client
    assert host.file("/etc/ssl/certs/ca-certificates.crt").size > 0


def test_client_removed_by_hand_is_foretold_to_come_back(connect: Callable[[str], Any]) -> None:
    host = connect("host01")
    host.check_output("apt-get -qq remove curl")
    assert not host.exists("curl")
    assert change({}) == {"host01": ["install | Install the clients"]}
    assert host.exists("curl")


def test_host_without_resolver_is_refused(connect: Callable[[str], Any]) -> None:
    host = connect("host01")
    host.check_output("cp /etc/resolv.conf /tmp/kept && : > /etc/resolv.conf")
    try:
        assert play().failures == [
            "host01: preflight | Refuse a workplace that could find nothing by name:"
            " /etc/resolv.conf: no nameserver in it, and staff find applications by name. Role base"
            " writes it from base_resolver. Run that role first, with an address in base_resolver."
        ]
    finally:
        host.check_output("cp /tmp/kept /etc/resolv.conf")
