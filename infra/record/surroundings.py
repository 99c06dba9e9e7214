"""Read what stands around a tenant's folder: the provider's file and the other tenants' records.

Responsible for what a record is compared with. Must not compare: rules do.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from infra.record.document import Document
from infra.record.fault import Fault, RecordError
from infra.record.file import check_regular, name_file, read_file
from infra.record.model import TenantFile
from infra.record.place import PROVIDER_FILE, TENANT_FILE
from infra.record.provider import Provider, check_provider


@dataclass(frozen=True)
class Neighbour:
    """Another tenant of the same provider. id: the name of its folder."""

    id: str
    content: TenantFile
    document: Document


@dataclass(frozen=True)
class Surroundings:
    """What a tenant shares a datacenter with. document: the provider's. neighbours: by id."""

    provider: Provider
    document: Document
    neighbours: tuple[Neighbour, ...]


def read_surroundings(folder: Path, faults: list[Fault]) -> Surroundings | None:
    """Read the provider's file and the neighbours beside a tenant's folder.

    Of a neighbour only the shape is checked: whatever else is wrong there stops itself alone.
    One that has no such shape stops all, because what it claims is not known.

    Args:
        folder: tenants/<id>.
        faults: gets every fault.

    Returns:
        The surroundings; None when there are faults.
    """
    before = len(faults)
    place = folder.absolute().parent
    provider = _read_provider(place / PROVIDER_FILE, faults)
    neighbours = [
        neighbour
        for file in sorted(place.glob(f"[!.]*/{TENANT_FILE}"))
        if file.parent.resolve() != folder.resolve()
        for neighbour in _read_neighbour(file, faults)
    ]
    if provider is None or len(faults) > before:
        return None
    return Surroundings(*provider, tuple(neighbours))


def read_provider(folder: Path) -> Provider:
    """Read the provider's file alone.

    Args:
        folder: tenants/<id>, beside which it stands.

    Raises:
        RecordError: with every fault of it.
    """
    faults: list[Fault] = []
    read = _read_provider(folder.absolute().parent / PROVIDER_FILE, faults)
    if read is None or faults:
        raise RecordError(faults)
    return read[0]


def _read_provider(file: Path, faults: list[Fault]) -> tuple[Provider, Document] | None:
    if not file.exists():
        message = (
            "is missing. Allowed: the provider's file stands beside the tenants' folders, with"
            " the VLANs that they may have. Create it, or copy the one of tenants/."
        )
        faults.append(Fault(name_file(file), 0, "", message))
        return None
    if read := read_file(Provider, file, faults):
        faults += check_provider(*read)
    return read


def _read_neighbour(file: Path, faults: list[Fault]) -> Iterator[Neighbour]:
    found = [*check_regular(file)]
    if not found and (read := read_file(TenantFile, file, found)):
        yield Neighbour(file.parent.name, *read)
        return
    first = min(found)
    message = (
        "is wrong here, so what this tenant claims is not known. Allowed: other tenants' records"
        f" whose VLANs and names can be read. Run `tenant check {file.parent.name}`."
    )
    faults.append(Fault(first.file, first.line, "", message))
