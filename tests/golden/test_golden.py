"""The plan of every tenant in tenants/ is the committed one."""

import io
from pathlib import Path

import pytest
from rich.console import Console

from infra.operations.show import plan_json, show_plan
from infra.plan import compile_plan
from infra.record import load
from infra.record.place import TENANT_FILE, TENANTS

GOLDEN = Path(__file__).parent
IDS = sorted(file.parent.name for file in TENANTS.glob(f"*/{TENANT_FILE}"))
SUFFIXES = ("plan.json", "plan.txt")


def render(tenant: str) -> dict[str, str]:
    """Give the current texts of a tenant's golden files by suffix."""
    plan = compile_plan(load(TENANTS / tenant))
    tables = io.StringIO()
    show_plan(plan, Console(file=tables, width=100, color_system=None))
    trimmed = "\n".join(line.rstrip() for line in tables.getvalue().splitlines()) + "\n"
    return dict(zip(SUFFIXES, (plan_json(plan), trimmed), strict=True))


@pytest.mark.parametrize("suffix", SUFFIXES)
@pytest.mark.parametrize("tenant", IDS)
def test_plan_is_the_committed_one(tenant: str, suffix: str) -> None:
    name = f"{tenant}.{suffix}"
    file = GOLDEN / name
    committed = file.read_text() if file.exists() else "nothing"
    assert render(tenant)[suffix] == committed, (
        f"tests/golden/{name}: the plan differs from the committed one. If the change is meant,"
        " run `make generate` and commit the file: its difference is what gets reviewed."
    )


def test_every_golden_file_has_its_tenant() -> None:
    committed = {file.name for file in GOLDEN.glob("*.plan.*")}
    assert committed == {f"{tenant}.{suffix}" for tenant in IDS for suffix in SUFFIXES}
