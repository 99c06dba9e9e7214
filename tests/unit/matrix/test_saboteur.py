"""The table of saboteurs is current, and names what the matrix can say."""

import pytest

from tests.matrix.saboteur import PLACE, render


def test_table_is_current() -> None:
    text = PLACE.document.read_text()
    assert text == PLACE.replace(text, render()), "stale: run python -m tests.matrix.saboteur"


def test_lost_mark_is_told() -> None:
    with pytest.raises(ValueError, match="not both there"):
        PLACE.replace(PLACE.document.read_text().replace(PLACE.begin, ""), render())
