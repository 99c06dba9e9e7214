"""The table of saboteurs is current, and each has what breaks it."""

from tests.isolation.saboteur import PLACE, SABOTEURS, render
from tests.lab.sabotage import SABOTAGES


def test_table_is_current() -> None:
    text = PLACE.document.read_text()
    assert PLACE.replace(text, render()) == text, "run `make generate`"


def test_each_saboteur_can_be_let_loose() -> None:
    assert [*SABOTAGES] == [*SABOTEURS]
