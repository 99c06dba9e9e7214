"""Only the prefixes that are listed are answered, and only on the address that is given."""

from collections.abc import Callable
from typing import Any

from tests.molecule.fixtures import change, play


def test_relay_listens_where_told(connect: Callable[[str], Any]) -> None:
    client = connect("client01")
    client.check_output(
        "apt-get update -qq --error-on=any -o Acquire::http::Proxy=http://10.31.40.11:3143"
    )
    assert client.run("nc -z -w 3 10.31.40.11 3142").failed
    assert client.run("nc -z -w 3 10.255.0.21 3143").failed


def test_stranger_is_not_answered(connect: Callable[[str], Any]) -> None:
    change({"bastion_names": {"db01.dorp.internal": "10.31.30.11"}})
    assert connect("client01").check_output("getent ahostsv4 db01").split()[0] == "10.31.30.11"
    assert connect("stranger01").run("getent ahostsv4 db01").rc == 2


def test_other_port_is_foretold() -> None:
    change({})
    assert change({"bastion_package_port": 3144}) == {
        "host01": [
            "configure | Write the package relay's units",
            "service | Run the unit, now and at boot",
        ]
    }


def test_proxy_without_port_is_refused() -> None:
    assert play({"bastion_package_upstream": "10.255.0.1"}).failures == [
        "host01: preflight | Refuse a bastion without address, domain or package proxy:"
        ' bastion_address: "10.31.40.11", bastion_domain: "dorp.internal",'
        ' bastion_package_upstream: "10.255.0.1". All three must be given, the last as'
        " address:port. Give them in the inventory."
    ]
