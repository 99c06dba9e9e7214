"""An account reaches its database over TLS with its password, and in no other way."""

from collections.abc import Callable
from typing import Any

from tests.molecule.fixtures import change, play

ASK = (
    "PGPASSWORD=%s psql -XAtc 'select current_database()'"
    " 'host=10.255.0.21 dbname=meldingen user=meldingen sslmode=%s'"
)
RUN = "service | Run the unit, now and at boot"


def test_account_reaches_its_database(connect: Callable[[str], Any]) -> None:
    assert connect("host01").run(ASK, "only-for-this-test", "require").stdout == "meldingen\n"


def test_wrong_password_and_plain_text_are_refused(connect: Callable[[str], Any]) -> None:
    host = connect("host01")
    assert "password authentication failed" in host.run(ASK, "guess", "require").stderr
    assert "no pg_hba.conf entry" in host.run(ASK, "only-for-this-test", "disable").stderr


def test_text_is_unicode(connect: Callable[[str], Any]) -> None:
    encoding = connect("host01").check_output(
        "sudo -u postgres psql -XAtc 'show server_encoding' meldingen"
    )
    assert encoding == "UTF8"


def test_client_withdrawn_is_foretold_and_refused(connect: Callable[[str], Any]) -> None:
    databases = {"meldingen": {"account": "meldingen", "password": "only-for-this-test"}}
    databases["meldingen"]["clients"] = []
    assert change({"database_databases": databases}) == {
        "host01": ["configure | Write who may connect", RUN]
    }
    refusal = connect("host01").run(ASK, "only-for-this-test", "require").stderr
    assert "no pg_hba.conf entry" in refusal


def test_server_without_clients_listens_to_nobody() -> None:
    """The one client was withdrawn before."""
    assert change({"database_address": "", "database_databases": {}}) == {
        "host01": ["configure | Write the settings", RUN]
    }


def test_clients_without_an_address_are_refused() -> None:
    assert play({"database_address": ""}).failures == [
        'host01: preflight | Refuse clients where nobody listens: database_address: "", yet these'
        " have clients: meldingen. The server's own address must be given where anybody may"
        " connect. Give it in the inventory."
    ]
