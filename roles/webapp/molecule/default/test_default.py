"""The application answers by its name, with what its database holds."""

from collections.abc import Callable
from typing import Any

from tests.molecule.fixtures import change, play

PAGE = "curl -sS -w '%%{http_code}' -H 'Host: %s' http://10.255.0.21/"


def _get(client: Any, name: str) -> str:
    """Return the page, its status after it."""
    return str(client.check_output(PAGE, name))


def test_application_answers_by_its_name(connect: Callable[[str], Any]) -> None:
    page = _get(connect("db01"), "meldingen.voorbeeld.internal")
    assert "<html" in page
    assert page.endswith("200")


def test_other_names_are_not_here(connect: Callable[[str], Any]) -> None:
    assert _get(connect("db01"), "parkeren.voorbeeld.internal").endswith("421")


def test_application_runs_as_nobody_else(connect: Callable[[str], Any]) -> None:
    host = connect("host01")
    assert host.file("/srv/meldingen/wsgi.py").user == "root"
    assert host.file("/etc/credstore/meldingen.database-password").mode == 0o400
    assert "DynamicUser=yes" in host.check_output("systemctl show meldingen.service")


def test_file_that_somebody_added_is_foretold_to_go(connect: Callable[[str], Any]) -> None:
    host = connect("host01")
    host.check_output("touch /srv/meldingen/backdoor.py")
    assert change({}) == {
        "host01": [
            "application | Remove leftovers of meldingen",
            "service | Run the unit, now and at boot",
        ]
    }
    assert not host.file("/srv/meldingen/backdoor.py").exists
    assert _get(connect("db01"), "meldingen.voorbeeld.internal").endswith("200")


def test_folder_without_application_is_refused() -> None:
    application = {
        "source": "/nowhere",
        "server_name": "x.voorbeeld.internal",
        "port": 80,
        "database": {"address": "10.255.0.22", "name": "x", "account": "x", "password": "x"},
    }
    assert play({"webapp_applications": {"x": application}}).failures == [
        "host01: preflight | Refuse an application whose code is not on the controller:"
        " webapp_applications.x.source: /nowhere: no wsgi.py in it. It must be the application's"
        " folder, with the WSGI callable `application` in wsgi.py. Mend the path or add the file."
    ]
