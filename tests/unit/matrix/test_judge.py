"""What is told of a filter that did not do as planned; that it can fail in each way."""

from dataclasses import replace

import pytest

from infra.matrix.judge import Outcome, Swept, account, judge, show_ports
from infra.plan.matrix import Pair, Passage
from infra.plan.path import Link

INTO, ONWARD = (
    Link(
        sender=sender,
        out_device="eth0",
        from_mac="a",
        receiver=receiver,
        in_device="eth1",
        to_mac="b",
    )
    for sender, receiver in (("app01", "edge01"), ("edge01", "db01"))
)
PAIR = Pair(
    source="app01",
    destination="db01",
    departure=INTO,
    passages=(
        Passage(server="edge01", entry=INTO, exit=ONWARD, forward=frozenset({("tcp", 5432)})),
    ),
    arrival=ONWARD,
    outgoing=frozenset({("tcp", 5432)}),
    incoming=frozenset({("tcp", 5432), ("udp", 123)}),
)


def _swept(**changes: object) -> dict[str, Swept]:
    """Give what three filters did that do as planned, but for the changes."""
    as_planned = {
        name: Swept(
            filter=name,
            server=server,
            sent=65536,
            passed={"tcp": frozenset({5432}), "udp": frozenset(udp)},
            dropped=65536 - 1 - len(udp),
            other=0,
            unproved="",
        )
        for name, server, udp in (
            ("outgoing", "app01", ()),
            ("forward", "edge01", ()),
            ("incoming", "db01", (123,)),
        )
    }
    return {name: replace(swept, **changes.get(name, {})) for name, swept in as_planned.items()}


def _judge(**changes: object) -> Outcome:
    return judge(PAIR, tuple(_swept(**changes).values()))


def test_filters_that_do_as_planned_give_no_line() -> None:
    outcome = _judge()
    assert outcome.verdicts == ()
    assert outcome.open == {"tcp": "5432", "udp": ""}


def test_one_port_too_many_names_the_filter_and_that_others_hold() -> None:
    passed = {"tcp": frozenset({4444, 5432}), "udp": frozenset[int]()}
    (verdict,) = _judge(forward={"passed": passed}).verdicts
    assert verdict.line == (
        "app01 to db01: tcp/4444: passes the forward filter of edge01, which must drop it; only"
        " another filter stops it."
    )


def test_port_that_every_filter_lets_pass_is_told_as_open() -> None:
    passed = {"tcp": frozenset({4444, 5432}), "udp": frozenset({123})}
    names = ("outgoing", "forward", "incoming")
    changes = {name: {"passed": passed} for name in names}
    verdicts = [one for one in _judge(**changes).verdicts if one.ports == "tcp/4444"]
    assert [verdict.filter for verdict in verdicts] == [*names]
    assert all(verdict.line.endswith("and no other filter stops it.") for verdict in verdicts)


def test_withdrawn_flow_is_told() -> None:
    nothing = {"tcp": frozenset[int](), "udp": frozenset[int]()}
    (verdict,) = _judge(forward={"passed": nothing}).verdicts
    assert verdict.kind == "fail"
    assert verdict.line == (
        "app01 to db01: tcp/5432: does not pass the forward filter of edge01 and back;"
        " a flow allows it."
    )


def test_what_does_not_add_up_is_inconclusive() -> None:
    (verdict,) = _judge(incoming={"unproved": "3 probes were lost on the way to it"}).verdicts
    assert verdict.kind == "inconclusive"
    assert "the incoming filter of db01: 3 probes were lost on the way to it" in verdict.line


@pytest.mark.parametrize(
    ("sent", "arrived", "gone_on", "counted", "told"),
    [
        (100, 100, 3, 97, (0, "")),
        (100, 100, 3, 99, (2, "")),
        (100, 98, 3, 95, (0, "2 of 100 probes were lost on the way to it")),
        (
            100,
            100,
            3,
            96,
            (0, "1 of 100 probes neither passed visibly nor were counted by it"),
        ),
    ],
    ids=["adds up", "other packets were dropped too", "lost on the way", "gone without a trace"],
)
def test_account_holds_only_when_every_probe_left_a_trace(
    sent: int, arrived: int, gone_on: int, counted: int, told: tuple[int, str]
) -> None:
    assert account(sent, arrived, gone_on, counted) == told


def test_ports_are_shown_as_ranges() -> None:
    assert show_ports({1, 2, 3, 23, 80, 81}) == "1-3,23,80-81"
