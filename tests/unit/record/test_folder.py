"""A tenant's folder is a record and nothing else. Does not prove what its files may contain."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from infra.record import RecordError, load
from infra.record.document import SIZE_LIMIT_BYTES
from tests.unit.record.good_record import FOLDER, NEIGHBOUR, lay_out

NO_PART = (
    "is no part of a record. Allowed: tenant.yaml and applications/<id>.yaml, where <id> is a"
    " name of 2 to 32 of a-z, 0-9 and -, first a letter, last not -. Rename or remove it."
)
NO_LINKS = (
    "is not a regular file. Allowed: files that stand in the tenant's own folder, no links."
    " Put the file itself here."
)


def _leave_the_tree(folder: Path) -> None:
    outside = folder.parent / "outside.yaml"
    (folder / "tenant.yaml").rename(outside)
    (folder / "tenant.yaml").symlink_to(outside)


def _leave_the_tree_by_folder(folder: Path) -> None:
    outside = folder.parent / "outside"
    (folder / "applications").rename(outside)
    (folder / "applications").symlink_to(outside)


NEIGHBOUR_IS_WRONG = (
    "is wrong here, so what this tenant claims is not known. Allowed: other tenants' records whose"
    " VLANs and names can be read. Run `tenant check voorbeeld-zuid`."
)


def _neighbour(folder: Path) -> Path:
    return folder.with_name(NEIGHBOUR) / "tenant.yaml"


def _link_the_neighbours_file(folder: Path) -> None:
    _neighbour(folder).unlink()
    _neighbour(folder).symlink_to(folder / "tenant.yaml")


CASES: dict[str, tuple[Callable[[Path], object], str]] = {
    "no-tenant-file": (
        lambda folder: (folder / "tenant.yaml").unlink(),
        "tenants/voorbeeld/tenant.yaml: is missing. Allowed: a tenant's folder has this file."
        " Create it.",
    ),
    "link-out-of-the-tree": (_leave_the_tree, f"tenants/voorbeeld/tenant.yaml: {NO_LINKS}"),
    "folder-out-of-the-tree": (
        _leave_the_tree_by_folder,
        f"tenants/voorbeeld/applications: {NO_PART}",
    ),
    "file-that-nobody-reads": (
        lambda folder: (folder / "applications" / "loket.yml").touch(),
        f"tenants/voorbeeld/applications/loket.yml: {NO_PART}",
    ),
    "application-without-a-name": (
        lambda folder: (folder / "applications" / "Loket.yaml").touch(),
        f"tenants/voorbeeld/applications/Loket.yaml: {NO_PART}",
    ),
    "too-large": (
        lambda folder: (folder / "tenant.yaml").write_bytes(b"#" * (SIZE_LIMIT_BYTES + 1)),
        "tenants/voorbeeld/tenant.yaml: is larger than 4194304 bytes. A record's file is what"
        " people review. Check that this is the right file.",
    ),
    "hundred-megabytes": (
        lambda folder: os.truncate(folder / "tenant.yaml", 100 * 1024 * 1024),
        "tenants/voorbeeld/tenant.yaml: is larger than 4194304 bytes. A record's file is what"
        " people review. Check that this is the right file.",
    ),
    "not-utf-8": (
        lambda folder: (folder / "tenant.yaml").write_bytes(b"---\nname: Caf\xe9\n"),
        "tenants/voorbeeld/tenant.yaml:2: byte 0xe9 is not UTF-8. A record is UTF-8 text."
        " Save the file as UTF-8.",
    ),
    "no-provider": (
        lambda folder: (folder.parent / "provider.yaml").unlink(),
        "tenants/provider.yaml: is missing. Allowed: the provider's file stands beside the tenants'"
        " folders, with the VLANs that they may have. Create it, or copy the one of tenants/.",
    ),
    "neighbour-that-is-no-yaml": (
        lambda folder: _neighbour(folder).write_text("---\nname: [\n"),
        f"tenants/voorbeeld-zuid/tenant.yaml:3: {NEIGHBOUR_IS_WRONG}",
    ),
    "neighbour-that-is-a-link": (
        _link_the_neighbours_file,
        f"tenants/voorbeeld-zuid/tenant.yaml: {NEIGHBOUR_IS_WRONG}",
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_folder_that_is_no_record_is_refused(
    case: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    spoil, expected = CASES[case]
    spoil(lay_out(tmp_path))
    monkeypatch.chdir(tmp_path)
    with pytest.raises(RecordError) as refused:
        load(FOLDER)
    assert str(refused.value) == expected


def test_unknown_tenant_is_told_the_known_ones(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lay_out(tmp_path)
    monkeypatch.chdir(tmp_path)
    with pytest.raises(RecordError) as refused:
        load(FOLDER.with_name("voorbeld"))
    assert str(refused.value) == (
        "tenants/voorbeld: is no folder. Allowed: a tenant's folder; here are: voorbeeld,"
        " voorbeeld-zuid."
        ' Did you mean "voorbeeld"?'
    )


def test_editors_own_files_are_left_alone(tmp_path: Path) -> None:
    folder = lay_out(tmp_path)
    (folder / ".tenant.yaml.swp").touch()
    (folder / "applications" / ".loket.yaml.swp").touch()
    assert load(folder).id == "voorbeeld"


def test_folder_without_a_record_is_no_neighbour(tmp_path: Path) -> None:
    folder = lay_out(tmp_path)
    (folder.with_name("later")).mkdir()
    assert load(folder).id == "voorbeeld"


def test_second_name_of_a_folder_is_no_neighbour(tmp_path: Path) -> None:
    folder = lay_out(tmp_path)
    folder.with_name("ook").symlink_to(folder)
    assert load(folder).id == "voorbeeld"


def test_neighbour_that_breaks_its_own_rules_alone_stops_nobody_else(tmp_path: Path) -> None:
    folder = lay_out(tmp_path)
    text = _neighbour(folder).read_text()
    _neighbour(folder).write_text(text.replace("to: [db01]", "to: [db99]"))
    assert load(folder).id == "voorbeeld"
    with pytest.raises(RecordError, match="db99"):
        load(_neighbour(folder).parent)
