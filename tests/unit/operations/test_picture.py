"""The README's picture is the record's."""

import pytest

from infra.operations.picture import BEGIN, END, EXAMPLE, README, draw, replace_picture
from infra.plan import compile_plan
from infra.record import load


def test_readme_shows_the_picture_of_the_current_record() -> None:
    text = README.read_text()
    current = replace_picture(text, draw(compile_plan(load(EXAMPLE))))
    assert text == current, "README.md: the picture is not the record's. Run `make generate`."


def test_picture_is_replaced_between_its_marks_only() -> None:
    text = f"before\n{BEGIN}old\n{END}after\n"
    assert replace_picture(text, "new\n") == f"before\n{BEGIN}new\n{END}after\n"


def test_missing_marks_are_said() -> None:
    with pytest.raises(ValueError, match="marks"):
        replace_picture("no marks", "picture")
