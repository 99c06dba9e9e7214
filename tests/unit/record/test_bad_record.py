"""Every bad record is refused with exactly the expected faults.

One folder in `bad/` is one bad record: `change.yaml` says why it is bad and changes the good
record, in `bad_site/` the good record with a town hall, in `bad_partner/` the one with partners;
`expected.txt` is what the engineer then reads, line by line. Does not prove that the messages help;
review the texts for that.
"""

from pathlib import Path

import pytest
from ruamel.yaml import YAML

from infra.record import RecordError, load
from tests.unit.record.good_record import FOLDER, lay_out

HERE = Path(__file__).parent
SITE, PARTNER = HERE / "site.yaml", HERE / "partner.yaml"
BASES = {"bad": None, "bad_site": SITE, "bad_partner": PARTNER}
BAD = [case for base in BASES for case in sorted((HERE / base).iterdir())]


def change_record(folder: Path, changes: list[dict[str, str]]) -> None:
    """Replace text in a record's files; a change without `text` makes a new file."""
    for change in changes:
        file = folder / change["in"]
        if "text" not in change:
            file.write_text(change["by"])
            continue
        before = file.read_text()
        assert before.count(change["text"]) == 1, f"{file}: not exactly once: {change['text']!r}"
        file.write_text(before.replace(change["text"], change["by"]))


def read_changes(file: Path) -> list[dict[str, str]]:
    """Read the changes that a file lists."""
    changes: list[dict[str, str]] = YAML(typ="safe", pure=True).load(file.read_text())
    return changes


def test_record_with_a_site_is_good(tmp_path: Path) -> None:
    folder = lay_out(tmp_path)
    change_record(folder, read_changes(SITE))
    assert load(folder).sites.keys() == {"gemeentehuis"}


def test_record_with_partners_is_good(tmp_path: Path) -> None:
    folder = lay_out(tmp_path)
    change_record(folder, read_changes(PARTNER))
    assert load(folder).outside["diginetwerk"].partners.keys() == {"rvig", "suwinet"}


@pytest.mark.parametrize("case", BAD, ids=[case.name for case in BAD])
def test_bad_record_is_refused_with_every_fault(
    case: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = lay_out(tmp_path)
    if base := BASES[case.parent.name]:
        change_record(folder, read_changes(base))
    change_record(folder, read_changes(case / "change.yaml"))
    monkeypatch.chdir(tmp_path)
    with pytest.raises(RecordError) as refused:
        load(FOLDER)
    assert str(refused.value).splitlines() == (case / "expected.txt").read_text().splitlines()
