"""Several units; some files ask for a reload only."""

from collections.abc import Callable
from typing import Any

from tests.molecule.fixtures import change, play

UNIT = "greeter.service"
RUN = "service | Run the unit, now and at boot"


def _process(host: Any) -> str:
    process: str = host.check_output("systemctl show --property=ExecMainPID --value %s", UNIT)
    return process


def test_all_units_run_now_and_at_boot(connect: Callable[[str], Any]) -> None:
    host = connect("host01")
    for unit in ("clock.timer", UNIT):
        assert host.service(unit).is_running, unit
        assert host.service(unit).is_enabled, unit


def test_file_for_reloads_leaves_the_process_alone(connect: Callable[[str], Any]) -> None:
    host = connect("host01")
    before = _process(host)
    host.check_output("touch /srv/greeter.conf")
    assert change({}) == {"host01": [RUN]}
    assert host.file("/run/greeter.reloaded").exists
    assert _process(host) == before


def test_new_file_in_a_folder_restarts(connect: Callable[[str], Any]) -> None:
    host = connect("host01")
    before = _process(host)
    host.check_output("touch /opt/more.words")
    assert change({}) == {"host01": [RUN]}
    assert _process(host) != before


def test_name_without_its_kind_is_refused() -> None:
    assert play({"unit_reload_files": {"greeter": []}}).failures == [
        "host01: preflight | Refuse what is no unit with its paths: unit_files, unit_reload_files:"
        " greeter: []. Allowed is the full name of a service, socket or timer with a list of"
        " absolute paths. Correct the role that includes this one."
    ]
