"""A workplace asks only where its flows allow."""

from collections.abc import Callable
from typing import Any

from tests.molecule.fixtures import change, play

STATUS = "curl -sS -o /dev/null -w '%%{http_code}' --max-time 3 %s"


def test_client_asks_where_a_flow_allows(connect: Callable[[str], Any]) -> None:
    host = connect("host01")
    assert host.run(STATUS, "http://10.255.0.1:3128/").rc == 0
    assert host.run(STATUS, "http://10.255.0.1:3129/").rc == 28, "dropped, so it times out"


def test_client_removed_by_hand_is_foretold_to_come_back(connect: Callable[[str], Any]) -> None:
    host = connect("host01")
    host.check_output("apt-get -qq remove curl")
    assert change({}) == {"host01": ["install | Install the clients"]}
    assert host.exists("curl")


def test_host_with_a_domain_only_is_refused(connect: Callable[[str], Any]) -> None:
    host = connect("host01")
    host.check_output("cp /etc/resolv.conf /tmp/kept && echo search x > /etc/resolv.conf")
    try:
        assert play().failures == [
            "host01: preflight | Refuse a workplace that could find nothing by name:"
            " /etc/resolv.conf: no nameserver in it, and staff find applications by name. Role base"
            " writes it from base_resolver. Run that role first, with an address in base_resolver."
        ]
    finally:
        host.check_output("cp /tmp/kept /etc/resolv.conf")
