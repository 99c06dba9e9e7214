"""The table of saboteurs is current, and each has what breaks it."""

from tests.isolation.saboteur import DOCUMENT, SABOTEURS, render, replace_table
from tests.lab.sabotage import SABOTAGES


def test_table_is_current() -> None:
    text = DOCUMENT.read_text()
    assert replace_table(text, render()) == text, "run `make generate`"


def test_each_saboteur_can_be_let_loose() -> None:
    assert [*SABOTAGES] == [*SABOTEURS]
