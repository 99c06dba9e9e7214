"""Read one file of a record, and name files as the engineer may type them.

Responsible for one file at a time. Must not know which files make a record.
"""

import stat
from collections.abc import Iterator
from pathlib import Path

from infra.record.document import Document, read_document
from infra.record.fault import Fault, RecordError
from infra.record.shape import Fitting, fit


def read_file(
    model: type[Fitting], file: Path, faults: list[Fault]
) -> tuple[Fitting, Document] | None:
    """Read one file; add its faults and return nothing when it has any."""
    try:
        document = read_document(file, name_file(file))
    except RecordError as error:
        faults += error.faults
        return None
    fitted = fit(model, document)
    if isinstance(fitted, list):
        faults += fitted
        return None
    return fitted, document


def check_regular(file: Path) -> Iterator[Fault]:
    """Find that a file is something else than a file, such as a link out of the tree."""
    if not stat.S_ISREG(file.lstat().st_mode):
        yield Fault(
            name_file(file),
            0,
            "",
            "is not a regular file. Allowed: files that stand in the tenant's own folder, no"
            " links. Put the file itself here.",
        )


def name_file(file: Path) -> str:
    """Name a file as the engineer may type it: relative when below the current directory."""
    absolute, here = file.absolute(), Path.cwd()
    return str(absolute.relative_to(here) if absolute.is_relative_to(here) else absolute)
