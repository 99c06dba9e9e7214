"""Load a tenant's record from its folder: read, hold against the model, apply the rules.

Responsible for which files make a record. Must not write; of what stands around the folder it
reads only what a record must not collide with.
"""

import re
import stat
from collections.abc import Iterator
from pathlib import Path

from infra.record.document import Document
from infra.record.fault import Fault, RecordError
from infra.record.file import check_regular, name_file, read_file
from infra.record.model import KEY_DESCRIPTION, KEY_PATTERN, Application, Tenant, TenantFile
from infra.record.place import APPLICATIONS, SUFFIX, TENANT_FILE
from infra.record.rules import apply_rules
from infra.record.shape import show_value
from infra.record.source import Source
from infra.record.suggestion import suggest
from infra.record.surroundings import read_surroundings


def load(folder: Path) -> Tenant:
    """Load one tenant's record.

    Args:
        folder: tenants/<id>, with tenant.yaml and applications/<id>.yaml; beside it stand
            provider.yaml and the other tenants' folders.

    Returns:
        The whole record; it satisfies every rule of `infra.record`.

    Raises:
        RecordError: with every fault of every file. Rules that compare fields are applied
            only when all files have the right shape.
    """
    if faults := [*_check_folder(folder)]:
        raise RecordError(faults)
    record = read_file(TenantFile, folder / TENANT_FILE, faults)
    applications: dict[str, Application] = {}
    documents: dict[str, Document] = {}
    for file in sorted((folder / APPLICATIONS).glob(f"[!.]*{SUFFIX}")):
        if read := read_file(Application, file, faults):
            applications[file.stem], documents[file.stem] = read
    surroundings = read_surroundings(folder, faults)
    if record is None or surroundings is None or faults:
        raise RecordError(faults)
    content, document = record
    tenant = Tenant(
        id=folder.resolve().name,
        applications=applications,
        **{name: getattr(content, name) for name in TenantFile.model_fields},
    )
    if faults := apply_rules(tenant, Source(document, documents), surroundings):
        raise RecordError(faults)
    return tenant


def _check_folder(folder: Path) -> Iterator[Fault]:
    """Find what is in the folder that is no part of a record, or missing from it."""
    if not folder.is_dir():
        known = sorted(other.parent.name for other in folder.parent.glob(f"*/{TENANT_FILE}"))
        yield Fault(
            name_file(folder),
            0,
            "",
            f"is no folder. Allowed: a tenant's folder; here are: {', '.join(known) or 'none'}."
            f" {suggest(folder.name, known, 'Correct the name.')}",
        )
        return
    name = folder.resolve().name
    if not re.fullmatch(KEY_PATTERN, name):
        yield Fault(
            name_file(folder),
            0,
            "",
            f"{show_value(name)} is not a tenant's id. Allowed: {KEY_DESCRIPTION}."
            " Rename the folder.",
        )
    if not (folder / TENANT_FILE).exists():
        yield Fault(
            name_file(folder / TENANT_FILE),
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
            yield from check_regular(entry)
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
            yield from check_regular(entry)
        else:
            yield _refuse_entry(entry)


def _refuse_entry(entry: Path) -> Fault:
    return Fault(
        name_file(entry),
        0,
        "",
        f"is no part of a record. Allowed: {TENANT_FILE} and {APPLICATIONS}/<id>{SUFFIX}, where"
        f" <id> is {KEY_DESCRIPTION}. Rename or remove it.",
    )
