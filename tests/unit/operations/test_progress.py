"""A run's progress tells what failed in the module's own words. Does not run Ansible."""

from infra.operations.configure import Progress


def _fail(result: dict[str, object]) -> list[str]:
    progress = Progress(write=lambda _: None)
    data = {"host": "db01", "task": "volumes | Grow", "res": result}
    progress.handle({"event": "runner_on_failed", "event_data": data})
    return progress.failures


def test_failure_is_told_with_host_and_task() -> None:
    assert _fail({"msg": "no such disk\n"}) == ["db01: volumes | Grow: no such disk"]


def test_failure_in_a_loop_is_told_by_every_item_that_failed() -> None:
    items = [
        {"msg": "resized", "failed": False},
        {"msg": "disk one is full", "failed": True},
        {"stderr": "disk two is gone", "failed": True},
    ]
    assert _fail({"msg": "One or more items failed", "results": items}) == [
        "db01: volumes | Grow: disk one is full; disk two is gone"
    ]
