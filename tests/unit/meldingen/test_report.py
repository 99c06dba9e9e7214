"""Claims about what may be reported. Pure: no database."""

import pytest
from meldingen.report import DESCRIPTION_MAX_CHARACTERS, PLACE_MAX_CHARACTERS, Draft


def draft(**form: str) -> Draft:
    return Draft.from_form({"plaats": "Dorpsstraat 3", "omschrijving": "Lamp stuk"} | form)


def test_a_filled_in_form_has_no_faults() -> None:
    assert draft().faults() == {}


def test_the_longest_texts_are_accepted() -> None:
    longest = draft(
        plaats="a" * PLACE_MAX_CHARACTERS, omschrijving="é" * DESCRIPTION_MAX_CHARACTERS
    )
    assert longest.faults() == {}


@pytest.mark.parametrize(
    ("form", "field", "fault"),
    [
        ({"plaats": ""}, "plaats", "Vul in waar het is."),
        ({"plaats": " \n "}, "plaats", "Vul in waar het is."),
        ({"omschrijving": "\r\n"}, "omschrijving", "Vul in wat er aan de hand is."),
        (
            {"plaats": "a" * 121},
            "plaats",
            "U gebruikt 121 tekens; er passen er 120. Maak de tekst korter.",
        ),
        (
            {"omschrijving": "a\0b"},
            "omschrijving",
            "Er staat een teken in dat niet afgedrukt kan worden. Haal het weg.",
        ),
    ],
)
def test_a_fault_is_told_in_dutch_at_its_field(
    form: dict[str, str], field: str, fault: str
) -> None:
    assert draft(**form).faults() == {field: fault}


def test_a_missing_field_counts_as_empty() -> None:
    assert set(Draft.from_form({}).faults()) == {"plaats", "omschrijving"}


def test_lines_of_a_description_survive_whatever_the_browser_sends() -> None:
    assert draft(omschrijving="een\r\ntwee").description == "een\ntwee"
