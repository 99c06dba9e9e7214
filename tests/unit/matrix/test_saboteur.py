"""The table of saboteurs is current, and names what the matrix can say."""

import pytest

from tests.matrix.saboteur import BEGIN, DOCUMENT, render, replace_table


def test_table_is_current() -> None:
    text = DOCUMENT.read_text()
    assert text == replace_table(text, render()), "stale: run python -m tests.matrix.saboteur"


def test_lost_mark_is_told() -> None:
    with pytest.raises(ValueError, match="not both there"):
        replace_table(DOCUMENT.read_text().replace(BEGIN, ""), render())
