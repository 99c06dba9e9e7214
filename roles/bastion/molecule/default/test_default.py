"""A client gets names and packages from the bastion, and no other names."""

from collections.abc import Callable
from typing import Any

from tests.molecule.fixtures import change, play


def test_client_finds_a_name_of_the_tenant(connect: Callable[[str], Any]) -> None:
    client = connect("client01")
    assert client.check_output("getent ahostsv4 db01").split()[0] == "10.31.30.11"
    assert "db01.voorbeeld.internal" in client.check_output("getent hosts 10.31.30.11")


def test_client_finds_a_partner_and_nothing_below_or_beside_it(
    connect: Callable[[str], Any],
) -> None:
    client = connect("client01")
    assert client.check_output("getent ahosts brp.rvig.example").split()[0] == "198.51.100.11"
    for name in ("www.brp.rvig.example", "rvig.example"):
        assert client.run("getent ahostsv4 %s", name).rc == 2


def test_client_finds_no_name_of_others(connect: Callable[[str], Any]) -> None:
    assert connect("client01").run("getent ahostsv4 example.org").rc == 2


def test_client_gets_packages(connect: Callable[[str], Any]) -> None:
    connect("client01").check_output(
        "apt-get update -qq --error-on=any -o Acquire::http::Proxy=http://10.255.0.21:3142"
    )


def test_new_name_is_foretold_and_served(connect: Callable[[str], Any]) -> None:
    names = {"app01.voorbeeld.internal": "10.31.20.11"}
    assert change({"bastion_names": names}) == {
        "host01": [
            "configure | Write the tenant's names",
            "service | Run the unit, now and at boot",
        ]
    }
    client = connect("client01")
    assert client.check_output("getent ahostsv4 app01").split()[0] == "10.31.20.11"
    assert client.run("getent ahostsv4 db01").rc == 2


def test_partner_within_the_domain_is_refused() -> None:
    assert play({"bastion_partners": {"brp.voorbeeld.internal": "198.51.100.11"}}).failures == [
        "host01: preflight | Refuse partners inside the domain: bastion_partners:"
        " brp.voorbeeld.internal: within voorbeeld.internal. Only names of others are served beside"
        " the tenant's. Give it as one of bastion_names."
    ]


def test_name_of_another_domain_is_refused() -> None:
    assert play({"bastion_names": {"www.example.org": "10.31.20.12"}}).failures == [
        "host01: preflight | Refuse names outside the domain: bastion_names: www.example.org: not"
        " within voorbeeld.internal. Only the tenant's own names can be served. Remove them."
    ]
