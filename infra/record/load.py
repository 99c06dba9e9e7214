"""Load a tenant's record from its folder: read, hold against the model, apply the rules.

Responsible for which files make a record. Must not write, and must not read anything outside
the tenant's folder.
"""

import re
import stat
from collections.abc import Iterator
from pathlib import Path

from infra.record.document import Document, read_document
from infra.record.fault import Fault, RecordError
from infra.record.model import KEY_DESCRIPTION, KEY_PATTERN, Application, Tenant, TenantFile
from infra.record.rules import apply_rules
from infra.record.shape import Fitting, fit, show_value
from infra.record.source import Source
from infra.record.suggestion import suggest

TENANT_FILE = "tenant.yaml"
APPLICATIONS = "applications"
SUFFIX = ".yaml"


def load(folder: Path) -> Tenant:
    """Load one tenant's record.

    Args:
        folder: tenants/<id>, with tenant.yaml and applications/<id>.yaml.

    Returns:
        The whole record; it satisfies every rule of `infra.record`.

    Raises:
        RecordError: with every fault of every file. Rules that compare fields are applied
            only when all files have the right shape.
    """
    if faults := [*_check_folder(folder)]:
        raise RecordError(faults)
    content, document = _read(TenantFile, folder / TENANT_FILE, faults)
    applications: dict[str, Application] = {}
    documents: dict[str, Document] = {}
    for file in sorted((folder / APPLICATIONS).glob(f"[!.]*{SUFFIX}")):
        application, its_document = _read(Application, file, faults)
        if application and its_document:
            applications[file.stem], documents[file.stem] = application, its_document
    if faults or content is None or document is None:
        raise RecordError(faults)
    tenant = Tenant(
        id=folder.resolve().name,
        applications=applications,
        **{name: getattr(content, name) for name in TenantFile.model_fields},
    )
    if faults := apply_rules(tenant, Source(document, documents)):
        raise RecordError(faults)
    return tenant


def _read(
    model: type[Fitting], file: Path, faults: list[Fault]
) -> tuple[Fitting | None, Document | None]:
    """Read one file; add its faults and return no model when it has any."""
    try:
        document = read_document(file, _name(file))
    except RecordError as error:
        faults += error.faults
        return None, None
    fitted = fit(model, document)
    if isinstance(fitted, list):
        faults += fitted
        return None, document
    return fitted, document


def _name(file: Path) -> str:
    """Name a file as the engineer may type it: relative when below the current directory."""
    absolute, here = file.absolute(), Path.cwd()
    return str(absolute.relative_to(here) if absolute.is_relative_to(here) else absolute)


def _check_folder(folder: Path) -> Iterator[Fault]:
    """Find what is in the folder that is no part of a record, or missing from it."""
    if not folder.is_dir():
        known = sorted(other.parent.name for other in folder.parent.glob(f"*/{TENANT_FILE}"))
        yield Fault(
            _name(folder),
            0,
            "",
            f"is no folder. Allowed: a tenant's folder; here are: {', '.join(known) or 'none'}."
            f" {suggest(folder.name, known, 'Correct the name.')}",
        )
        return
    name = folder.resolve().name
    if not re.fullmatch(KEY_PATTERN, name):
        yield Fault(
            _name(folder),
            0,
            "",
            f"{show_value(name)} is not a tenant's id. Allowed: {KEY_DESCRIPTION}."
            " Rename the folder.",
        )
    if not (folder / TENANT_FILE).exists():
        yield Fault(
            _name(folder / TENANT_FILE),
            0,
            "",
            "is missing. Allowed: a tenant's folder has this file. Create it.",
        )
    for entry in sorted(folder.iterdir()):
        if entry.name.startswith("."):
            continue  # an editor's own files
        if entry.name == APPLICATIONS:
            yield from _check_applications(entry)
        elif entry.name == TENANT_FILE:
            yield from _check_regular(entry)
        else:
            yield _refuse_entry(entry)


def _check_applications(folder: Path) -> Iterator[Fault]:
    if not stat.S_ISDIR(folder.lstat().st_mode):
        yield _refuse_entry(folder)
        return
    for entry in sorted(folder.iterdir()):
        if entry.name.startswith("."):
            continue
        if entry.suffix == SUFFIX and re.fullmatch(KEY_PATTERN, entry.stem):
            yield from _check_regular(entry)
        else:
            yield _refuse_entry(entry)


def _check_regular(file: Path) -> Iterator[Fault]:
    if not stat.S_ISREG(file.lstat().st_mode):
        yield Fault(
            _name(file),
            0,
            "",
            "is not a regular file. Allowed: files that stand in the tenant's own folder, no"
            " links. Put the file itself here.",
        )


def _refuse_entry(entry: Path) -> Fault:
    return Fault(
        _name(entry),
        0,
        "",
        f"is no part of a record. Allowed: {TENANT_FILE} and {APPLICATIONS}/<id>{SUFFIX}, where"
        f" <id> is {KEY_DESCRIPTION}. Rename or remove it.",
    )
