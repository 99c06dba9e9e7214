"""What the matrix does not try is told with its reason, and has Dutch words for the report."""

import inspect

from infra.operations.matrix import say_untried
from infra.plan.matrix import Untried, _say_standby
from infra.report.phrase import say_phrase

REASON = "the tunnels are at edge02, which forwards: edge01 stands by without any"


def test_pairs_are_told_by_reason_and_the_edge_that_stood_by_too() -> None:
    untried = [
        Untried(source="db01", destination="balie01", reason=REASON),
        Untried(source="db01", destination="balie02", reason="another"),
        Untried(source="balie01", destination="db01", reason=REASON),
    ]
    assert list(say_untried(untried, "edge02", ["edge01"])) == [
        f"NOT TRIED 2 pairs: {REASON}: db01 to balie01, balie01 to db01",
        "NOT TRIED 1 pairs: another: db01 to balie02",
        "NOT TRIED the forward filter of edge01: edge02 held the gateways",
    ]
    assert list(say_untried([], "edge01", [])) == []


def test_reason_has_dutch_words() -> None:
    assert "which forwards: {standby} stands by without any" in inspect.getsource(_say_standby)
    assert say_phrase(REASON) == (
        "de tunnels zijn bij edge02, die het verkeer doorgeeft;"
        " edge01 staat reserve en heeft er geen"
    )
