"""Whatever somebody writes, `load` gives a tenant or faults in the record's form, never a crash.

Does not prove that the right faults are found; `test_bad_record.py` holds those.
"""

import re
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from infra.plan import PlanRefusedError, compile_plan
from infra.record import RecordError, load
from infra.record.model import Tenant
from tests.unit.record.good_record import GOOD, lay_out

FAULT = re.compile(
    r"\S*?tenants/voorbeeld/(tenant|applications/meldingen)\.yaml(:[1-9][0-9]*)?: .+[.?]"
)
TENANT = yaml.safe_load((GOOD / "tenant.yaml").read_text())

SCALARS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(),
    st.text(),
    st.sampled_from(["10.9.1.7", "10.9.0.0/16", "edge", "app01", "office", "/srv", "tcp", "ab"]),
)
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=6,
)


def list_places(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """List the path of every value of a record."""
    places = [path]
    if isinstance(value, dict):
        for key, inner in value.items():
            places += list_places(inner, (*path, key))
    elif isinstance(value, list):
        for index, inner in enumerate(value):
            places += list_places(inner, (*path, index))
    return places


def find(value: Any, path: tuple[Any, ...]) -> Any:
    """Give the value at a path."""
    return find(value[path[0]], path[1:]) if path else value


PLACES = st.sampled_from(list_places(TENANT)[1:])
OWN_VALUES = PLACES.map(lambda path: find(TENANT, path))
"""Of the good record itself: they fit some shape, so that the rules are reached."""


def has_place(value: Any, path: tuple[Any, ...]) -> bool:
    """Say whether a changed record still has a value at this path."""
    return path in list_places(value)


def put(value: Any, path: tuple[Any, ...], new: Any) -> Any:
    """Give a copy of a record with another value at one path."""
    if not path:
        return new
    copy = value.copy()
    copy[path[0]] = put(value[path[0]], path[1:], new)
    return copy


def load_or_refuse(folder: Path) -> Tenant | RecordError:
    """Load a record, or hold the faults of a bad one against the record's form."""
    try:
        return load(folder)
    except RecordError as error:
        refused = error
    assert refused.faults
    for line in str(refused).split("\n"):
        assert FAULT.fullmatch(line), line
    return refused


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return lay_out(tmp_path_factory.mktemp("record"))


@given(st.text())
def test_any_text_is_refused(folder: Path, text: str) -> None:
    (folder / "tenant.yaml").write_bytes(text.encode("utf-8", "surrogatepass"))
    assert isinstance(load_or_refuse(folder), RecordError)


@given(st.binary())
def test_any_bytes_are_refused(folder: Path, content: bytes) -> None:
    (folder / "tenant.yaml").write_bytes(content)
    assert isinstance(load_or_refuse(folder), RecordError)


@given(PLACES, VALUES)
def test_any_value_at_any_place_is_accepted_or_refused(
    folder: Path, path: tuple[Any, ...], value: Any
) -> None:
    (folder / "tenant.yaml").write_text(yaml.safe_dump(put(TENANT, path, value)))
    load_or_refuse(folder)


@given(st.lists(st.tuples(PLACES, OWN_VALUES), min_size=1, max_size=3))
def test_every_accepted_record_makes_a_plan_or_is_refused_by_its_rules(
    folder: Path, changes: list[tuple[tuple[Any, ...], Any]]
) -> None:
    changed = TENANT
    for path, value in changes:
        if has_place(changed, path):
            changed = put(changed, path, value)
    (folder / "tenant.yaml").write_text(yaml.safe_dump(changed))
    if isinstance(tenant := load_or_refuse(folder), Tenant):
        with suppress(PlanRefusedError):
            assert compile_plan(tenant).tenant == "voorbeeld"


@given(st.integers(0, len((GOOD / "tenant.yaml").read_text())), st.integers(0, 60))
def test_any_cut_of_a_record_is_accepted_or_refused(folder: Path, start: int, length: int) -> None:
    text = (GOOD / "tenant.yaml").read_text()
    (folder / "tenant.yaml").write_text(text[:start] + text[start + length :])
    load_or_refuse(folder)
