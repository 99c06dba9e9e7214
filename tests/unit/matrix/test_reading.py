"""What hosts tell becomes the account of each filter; every way in which it may not add up."""

from dataclasses import replace
from typing import Any

from infra.matrix.reading import read_forward, read_incoming, read_outgoing
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
TUNNEL = replace(ONWARD, receiver="router01", from_mac="", to_mac="")
ALLOWED = frozenset({("tcp", 5432)})
PASSAGE = Passage(server="edge01", entry=INTO, exit=ONWARD, forward=ALLOWED)
PAIR = Pair(
    source="app01",
    destination="db01",
    departure=INTO,
    passages=(PASSAGE,),
    arrival=ONWARD,
    outgoing=ALLOWED,
    incoming=frozenset({("tcp", 5432), ("udp", 53), ("udp", 5000)}),
)
SENT = 65558


def _none() -> dict[str, list[tuple[int, int]]]:
    return {"tcp": [], "udp": []}


def _host(counted: int = 0, **changes: object) -> dict[str, Any]:
    """Give what a host tells after a sweep."""
    heard = {
        "arrived": _none(),
        "answered": _none(),
        "returned": _none(),
        "replies": 0,
        "missed": 0,
    }
    dropped = {"dropped_forward": 0, "dropped_incoming": 0} | {
        key: changes.pop(key) for key in ("dropped_forward", "dropped_incoming") if key in changes
    }
    onward = changes.pop("onward", [])
    return {"heard": heard | changes, "onward": onward, "counted": counted, "dropped": dropped}


BEFORE = {name: _host() for name in ("app01", "db01", "edge01")}


def test_outgoing_passes_what_was_not_refused() -> None:
    answer = {
        "sent": SENT,
        "passed": {"tcp": [(5432, 5432)], "udp": []},
        "before": {"dropped_outgoing": 10},
        "dropped": {"dropped_outgoing": 10 + SENT - 1},
    }
    swept = read_outgoing(PAIR, answer)
    assert (swept.passed["tcp"], swept.dropped, swept.other) == ({5432}, SENT - 1, 0)
    assert swept.unproved == ""


def test_refusals_that_the_source_did_not_count_are_unproved() -> None:
    answer = {
        "sent": SENT,
        "passed": {"tcp": [], "udp": []},
        "before": {"dropped_outgoing": 0},
        "dropped": {"dropped_outgoing": 0},
    }
    assert f"{SENT} of {SENT} probes neither" in read_outgoing(PAIR, answer).unproved


ONE = {"tcp": [(5432, 5432)], "udp": []}
AS_PLANNED = {
    "edge01": _host(counted=SENT, dropped_forward=SENT - 1),
    "db01": _host(arrived=ONE, answered=ONE),
    "app01": _host(returned=ONE),
}


def _forward(**changes: Any) -> tuple[set[int], str]:
    told = AS_PLANNED | changes
    swept = read_forward({(PAIR, PASSAGE): SENT}, BEFORE, told, "edge01")[PAIR, PASSAGE]
    return set(swept.passed["tcp"]), swept.unproved


def test_forward_passes_what_the_destination_saw_and_the_source_got_back() -> None:
    assert _forward() == ({5432}, "")


def test_answer_that_does_not_come_back_has_not_passed() -> None:
    assert _forward(app01=_host()) == (set(), "")


def test_probe_that_never_reached_the_edge_is_lost_not_dropped() -> None:
    told = _host(counted=SENT - 7, dropped_forward=SENT - 8)
    assert _forward(edge01=told)[1] == f"7 of {SENT} probes were lost on the way to it"


def test_probe_that_vanished_in_the_edge_is_unproved() -> None:
    told = _host(counted=SENT, dropped_forward=SENT - 2)
    assert f"1 of {SENT} probes neither" in _forward(edge01=told)[1]


def test_full_sensor_at_either_end_proves_nothing() -> None:
    there = _host(arrived=ONE, answered=ONE, missed=3)
    assert "no room for 3 packets" in _forward(db01=there)[1]
    back = _host(returned=ONE, missed=4)
    assert "no room for 4 packets" in _forward(app01=back)[1]


def _through_tunnel(passages: tuple[Passage, ...], index: int, **told: Any) -> Any:
    """Read the sweep of one passage of a pair with a tunnel behind its edge."""
    pair = replace(PAIR, passages=passages)
    crossing = (pair, passages[index])
    server = passages[index].server
    before = BEFORE | {"router01": _host()}
    return read_forward({crossing: SENT}, before, AS_PLANNED | told, server)[crossing]


EDGE = replace(PASSAGE, exit=TUNNEL)
ROUTER = replace(PASSAGE, server="router01", entry=TUNNEL)


def test_what_goes_into_a_tunnel_is_heard_where_it_enters() -> None:
    """Whatever the router behind it then lets pass, or the tunnel loses."""
    beyond = {"arrived": ONE | {"tcp": [(22, 22), (5432, 5432)]}, "missed": 0}
    told = _host(counted=SENT, dropped_forward=SENT - 2, onward=[beyond])
    swept = _through_tunnel((EDGE, ROUTER), 0, edge01=told)
    assert (swept.server, swept.passed["tcp"], swept.unproved) == ("edge01", {22, 5432}, "")
    full = _host(counted=SENT, dropped_forward=SENT - 2, onward=[beyond | {"missed": 2}])
    swept = _through_tunnel((EDGE, ROUTER), 0, edge01=full)
    assert "no room for 2 packets" in swept.unproved


def test_only_the_first_on_the_way_is_asked_for_the_answers() -> None:
    """To whom is behind, probes did not come from their source: no answer can go back."""
    told = {"router01": _host(counted=SENT, dropped_forward=SENT - 1), "app01": _host()}
    swept = _through_tunnel((EDGE, ROUTER), 1, **told)
    assert (swept.server, swept.passed["tcp"], swept.unproved) == ("router01", {5432}, "")


def _incoming(dropped: int, replies: int = 0, udp: tuple[int, int] = (53, 53)) -> Any:
    answered = {"tcp": [(5432, 5432)], "udp": [udp]}
    told = _host(counted=SENT, dropped_incoming=dropped, answered=answered, replies=replies)
    return read_incoming(PAIR, SENT, BEFORE, {"db01": told})


def test_incoming_passes_what_was_answered_and_what_no_question_is_known_for() -> None:
    swept = _incoming(SENT - 3)
    assert swept.passed == {"tcp": {5432}, "udp": {53, 5000}}
    assert (swept.dropped, swept.other, swept.unproved) == (SENT - 3, 0, "")


def test_datagram_that_was_let_in_without_an_answer_is_noticed() -> None:
    assert f"1 of {SENT} probes neither" in _incoming(SENT - 4).unproved


def test_answers_to_probes_of_the_host_itself_are_taken_off_its_account() -> None:
    assert _incoming(SENT - 3 + 5, replies=5) == _incoming(SENT - 3)


def test_other_packets_that_were_dropped_are_told_apart() -> None:
    swept = _incoming(SENT - 3 + 2)
    assert (swept.dropped, swept.other, swept.unproved) == (SENT - 3, 2, "")
