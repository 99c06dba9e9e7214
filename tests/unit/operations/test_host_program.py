"""A program that is sent to a host; the host here is a process of ours."""

from collections.abc import Callable

import pytest

from infra.operations.host_program import run_on_hosts
from infra.operations.management_path import ManagementPath, NoAnswerError

HERE = 'shift; exec sh -c "$(echo "$1" | sed s/^sudo//)"'
MODULES = tuple(f"infra.matrix.{name}" for name in ("packet", "sender", "sensor", "ledger", "host"))


def test_orders_are_answered_by_each_host(path: Callable[[str], ManagementPath]) -> None:
    with run_on_hosts(path(HERE), ["app01", "db01"], MODULES) as hosts:
        orders = {server: {"do": "end", "sweeps": []} for server in hosts}
        assert hosts.ask(orders, within_s=60) == {"app01": {}, "db01": {}}


def test_orders_of_several_turns_are_answered_turn_by_turn(
    path: Callable[[str], ManagementPath],
) -> None:
    with run_on_hosts(path(HERE), ["app01", "db01"], MODULES) as hosts:
        end, addresses = {"do": "end", "sweeps": []}, {"do": "addresses"}
        first, second = hosts.ask_in_turn(
            {"app01": end}, {"db01": end, "app01": addresses}, within_s=60
        )
        assert first == {"app01": {}}
        assert (second["db01"], [*second["app01"]]) == ({}, ["addresses"])


def test_host_that_fails_is_named_with_its_last_words(
    path: Callable[[str], ManagementPath],
) -> None:
    with (
        run_on_hosts(path(HERE), ["app01"], MODULES) as hosts,
        pytest.raises(NoAnswerError, match=r"app01: AttributeError: .*'dance'"),
    ):
        hosts.ask({"app01": {"do": "dance"}}, within_s=60)


def test_host_that_is_lost_is_named(path: Callable[[str], ManagementPath]) -> None:
    with (
        pytest.raises(NoAnswerError, match="app01: no route"),
        run_on_hosts(path("echo no route >&2; exit 255"), ["app01"], MODULES) as hosts,
    ):
        hosts.ask({"app01": {"do": "end", "sweeps": []}}, within_s=60)


def test_silence_ends_at_the_deadline(path: Callable[[str], ManagementPath]) -> None:
    with (
        run_on_hosts(path("exec sleep 600"), ["app01"], MODULES) as hosts,
        pytest.raises(NoAnswerError, match="app01: no answer in time"),
    ):
        hosts.ask({"app01": {"do": "end", "sweeps": []}}, within_s=0.2)
