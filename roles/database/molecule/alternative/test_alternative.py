"""Accounts stay out of each other's databases; the server listens where it is told."""

from collections.abc import Callable
from typing import Any

from tests.molecule.fixtures import change, play

ASK = (
    "PGPASSWORD=only-for-this-test psql -XAtc 'select current_database()'"
    " 'host=10.31.30.11 dbname=%s user=parkeerder sslmode=require'"
)


def test_account_owns_its_database(connect: Callable[[str], Any]) -> None:
    owners = connect("host01").check_output(
        "sudo -u postgres psql -XAtc"
        " 'select datname, rolname from pg_database join pg_roles r on datdba = r.oid'"
    )
    assert {"parkeren|parkeerder", "archief|archivaris"} <= set(owners.splitlines())


def test_account_stays_out_of_the_others_database(connect: Callable[[str], Any]) -> None:
    host = connect("host01")
    assert host.run(ASK, "parkeren").stdout == "parkeren\n"
    assert "no pg_hba.conf entry" in host.run(ASK, "archief").stderr


def test_server_listens_on_its_address_only(connect: Callable[[str], Any]) -> None:
    client = connect("app01")
    assert client.run("nc -z -w 3 10.31.30.11 5432").succeeded
    assert client.run("nc -z -w 3 10.255.0.21 5432").failed


def test_client_for_another_database_is_foretold() -> None:
    account = {"account": "archivaris", "password": "also-for-this-test"}
    assert change(
        {"database_databases": {"archief": account | {"clients": ["10.31.30.12/32"]}}}
    ) == {
        "host01": ["configure | Write who may connect", "service | Run the unit, now and at boot"]
    }


def test_list_in_the_place_of_databases_is_refused() -> None:
    (failure,) = play({"database_databases": ["archief"]}).failures
    assert "argument 'database_databases' is of type" in failure
