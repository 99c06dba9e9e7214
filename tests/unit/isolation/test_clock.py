"""What is known of a moment on another host's clock is never more than the question allowed."""

import pytest

from infra.isolation.clock import Clock, Span

# Read 1000.0 at some moment between our 7.0 and 7.5.
CLOCK = Clock(asked=7.0, told=1000.0, answered=7.5)


def test_moment_there_lies_here_between_question_and_answer() -> None:
    assert CLOCK.here(1000.0) == Span(earliest=7.0, latest=7.5)
    assert CLOCK.here(1002.0) == Span(earliest=9.0, latest=9.5)


def test_moment_here_is_met_there_within_what_is_known() -> None:
    met = CLOCK.here(CLOCK.there(20.0))
    assert met.earliest <= 20.0 <= met.latest


@pytest.mark.parametrize(("moment", "is_before"), [(1000.4, True), (1000.5, False), (1003, False)])
def test_one_moment_is_before_another_only_when_they_cannot_be_the_same(
    moment: float, is_before: bool
) -> None:
    assert CLOCK.here(moment).is_before(Span(earliest=8.0, latest=8.1)) == is_before
