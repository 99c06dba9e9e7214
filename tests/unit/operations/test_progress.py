"""A run's progress tells what failed in the module's own words. Does not run Ansible."""

from ruamel.yaml import YAML

from infra.operations.configure import EVERYBODY, PLAYBOOKS, Progress
from infra.operations.host_fault import Fault


def _fail(*results: dict[str, object]) -> list[Fault]:
    progress = Progress(write=lambda _: None)
    for result in results:
        data = {"host": "db01", "task": "volumes | Grow", "res": result}
        progress.handle({"event": "runner_on_failed", "event_data": data})
    return list(progress.faults.values())


def test_failure_is_told_with_host_and_task() -> None:
    assert _fail({"msg": "no such disk\n"}) == [
        Fault(host="db01", task="volumes | Grow", words="no such disk")
    ]


def test_failure_in_a_loop_is_told_by_every_item_that_failed() -> None:
    items = [
        {"msg": "resized", "failed": False},
        {"msg": "disk one is full", "failed": True},
        {"stderr": "disk two is gone", "failed": True},
    ]
    (fault,) = _fail({"msg": "One or more items failed", "results": items})
    assert fault.words == "disk one is full; disk two is gone"


def test_rescue_that_fails_too_has_the_last_word() -> None:
    (fault,) = _fail({"msg": "timed out"}, {"msg": "the table of before is in force again"})
    assert fault.words == "the table of before is in force again"


def test_host_is_at_its_task_until_the_task_ends() -> None:
    progress = Progress(write=lambda _: None)
    data = {"host": "db01", "task": "install | Install PostgreSQL"}
    progress.handle({"event": "runner_on_start", "event_data": data})
    assert progress.running == {"db01": "install | Install PostgreSQL"}
    progress.handle({"event": "runner_on_ok", "event_data": data})
    assert progress.running == {}


def test_the_play_for_everybody_is_the_playbooks_last() -> None:
    plays = YAML().load(PLAYBOOKS / "site.yml")
    assert [play["hosts"] for play in plays].index(EVERYBODY) == len(plays) - 1
