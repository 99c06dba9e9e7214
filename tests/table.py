"""Keep a table that is made from data current in a document, between two marks."""

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, kw_only=True)
class TablePlace:
    """Where a table stands. begin, end: the lines around it."""

    document: Path
    begin: str
    end: str

    def replace(self, text: str, table: str) -> str:
        """Put the table into the document's text.

        Raises:
            ValueError: when a mark is missing.
        """
        head, begin, rest = text.partition(self.begin)
        _, end, tail = rest.partition(self.end)
        if not (begin and end):
            message = (
                f"{self.document}: {self.begin} and {self.end}: not both there. Add both lines."
            )
            raise ValueError(message)
        return f"{head}{self.begin}\n{table}\n{self.end}{tail}"

    def write(self, table: str) -> None:
        """Put the table into the document."""
        self.document.write_text(self.replace(self.document.read_text(), table))
