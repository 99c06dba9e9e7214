"""Reading a plan is loading and compiling, and leaves the process as it was."""

import gc
from pathlib import Path

import pytest

from infra.plan import compile_plan
from infra.reading import read_plan
from infra.record import RecordError, load
from infra.record.place import TENANTS


def test_a_plan_read_is_the_record_loaded_and_compiled() -> None:
    folder = TENANTS / "werkendam"
    assert read_plan(folder) == compile_plan(load(folder))


def test_the_collector_works_again_after_a_bad_record(tmp_path: Path) -> None:
    with pytest.raises(RecordError):
        read_plan(tmp_path / "nobody")
    assert gc.isenabled()
