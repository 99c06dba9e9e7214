"""What a report is and what a new one must satisfy. Pure: no database, no HTTP."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

PLACE_MAX_CHARACTERS = 120
DESCRIPTION_MAX_CHARACTERS = 2000


@dataclass(frozen=True, kw_only=True)
class Draft:
    """What somebody wants to report. Checked only by `faults`."""

    place: str
    description: str

    @classmethod
    def from_form(cls, form: Mapping[str, str]) -> "Draft":
        """Read a posted form; a field that is missing is empty.

        Args:
            form: field values by name (`plaats`, `omschrijving`).
        """
        return cls(
            place=_on_one_line(form.get("plaats", "")),
            description=form.get("omschrijving", "").replace("\r\n", "\n").strip(),
        )

    def faults(self) -> dict[str, str]:
        """Say in Dutch what is wrong, by name of the form's field; empty when all is well."""
        return {
            field: fault
            for field, fault in (
                ("plaats", _fault(self.place, "waar het is", PLACE_MAX_CHARACTERS)),
                (
                    "omschrijving",
                    _fault(self.description, "wat er aan de hand is", DESCRIPTION_MAX_CHARACTERS),
                ),
            )
            if fault
        }


@dataclass(frozen=True, kw_only=True)
class Report:
    """A report as it was filed. filed_at: with time zone."""

    number: int
    place: str
    description: str
    filed_at: datetime


def _on_one_line(text: str) -> str:
    return " ".join(text.split())


def _fault(text: str, subject: str, max_characters: int) -> str | None:
    if not text:
        return f"Vul in {subject}."
    if len(text) > max_characters:
        return (
            f"U gebruikt {len(text)} tekens; er passen er {max_characters}. Maak de tekst korter."
        )
    # PostgreSQL cannot store U+0000; the rest has no place in a text either.
    if any(not character.isprintable() and character != "\n" for character in text):
        return "Er staat een teken in dat niet afgedrukt kan worden. Haal het weg."
    return None
