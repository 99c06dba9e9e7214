"""Two applications from one code: each its own port, name, account and password."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.molecule.fixtures import change, play

SOURCE = str(Path(__file__).parent / "application")
CREDENTIAL = "/etc/credstore/wens.database-password"


def _get(host: Any, name: str, port: int) -> str:
    return str(
        host.check_output(
            "curl -sS -H 'Host: %s.dorp.internal' http://10.255.0.21:%s/", name, str(port)
        )
    )


def test_each_answers_on_its_own_port(connect: Callable[[str], Any]) -> None:
    host = connect("host01")
    assert _get(host, "groet", 8080) == "groet"
    assert _get(host, "wens", 8081) == "wens"
    assert "421" in _get(host, "wens", 8080)


def test_accounts_differ(connect: Callable[[str], Any]) -> None:
    ask = "ps -o user= -p $(systemctl show -P MainPID %s.service)"
    host = connect("host01")
    assert host.check_output(ask, "groet") != host.check_output(ask, "wens")


def test_new_password_is_foretold_and_restarts_one_of_them(connect: Callable[[str], Any]) -> None:
    host = connect("host01")
    process = "systemctl show -P MainPID groet.service"
    before = host.check_output(process)
    passwords = {"groet": "only-for-this-test", "wens": "new"}
    applications = {
        name: {
            "source": SOURCE,
            "server_name": f"{name}.dorp.internal",
            "port": port,
            "database": {
                "address": "10.255.0.99",
                "name": name,
                "account": name,
                "password": passwords[name],
            },
        }
        for name, port in (("groet", 8080), ("wens", 8081))
    }
    # Of the task that writes the password, Ansible tells nothing, not even that it changed.
    assert change({"webapp_applications": applications}) == {
        "host01": ["service | Run the unit, now and at boot"]
    }
    assert host.file(CREDENTIAL).content_string == "new\n"
    assert host.check_output(process) == before


def test_folder_without_application_is_refused() -> None:
    assert play({"webapp_applications": {"leeg": {"source": "/srv"}}}).failures == [
        "host01: preflight | Refuse an application whose code is not on the controller:"
        " webapp_applications.leeg.source: /srv: no wsgi.py in it. It must be the application's"
        " folder, with the WSGI callable `application` in wsgi.py. Mend the path or add the file."
    ]
