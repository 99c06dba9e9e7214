"""A unit that is new runs, and is restarted when what it has read changes."""

from collections.abc import Callable
from typing import Any

from tests.molecule.fixtures import change, play

UNIT = "greeter.service"
RUN = "service | Run the unit, now and at boot"


def _process(host: Any) -> str:
    process: str = host.check_output("systemctl show --property=ExecMainPID --value %s", UNIT)
    return process


def test_unit_runs_now_and_at_boot(connect: Callable[[str], Any]) -> None:
    service = connect("host01").service(UNIT)
    assert service.is_running
    assert service.is_enabled


def test_newer_file_restarts_the_unit_once(connect: Callable[[str], Any]) -> None:
    host = connect("host01")
    before = _process(host)
    host.check_output("touch /etc/greeter.conf")
    assert change({}) == {"host01": [RUN]}
    assert _process(host) != before
    assert play().changed == {}


def test_what_is_no_list_of_paths_is_refused() -> None:
    assert play({"unit_files": {UNIT: "/etc/greeter.conf"}}).failures == [
        "host01: preflight | Refuse what is no unit with its paths: unit_files, unit_reload_files:"
        ' greeter.service: "/etc/greeter.conf". Allowed is the full name of a service, socket or'
        " timer with a list of absolute paths. Correct the role that includes this one."
    ]
