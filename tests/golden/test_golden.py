"""The plan of tenants/werkendam is the committed one."""

import io
from pathlib import Path

import pytest
from rich.console import Console

from infra.operations.picture import EXAMPLE
from infra.operations.show import plan_json, show_plan
from infra.plan import compile_plan
from infra.record import load

GOLDEN = Path(__file__).parent
NAMES = ("werkendam.plan.json", "werkendam.plan.txt")


def render() -> dict[str, str]:
    """Give the golden files' current texts by name."""
    plan = compile_plan(load(EXAMPLE))
    tables = io.StringIO()
    show_plan(plan, Console(file=tables, width=100, color_system=None))
    trimmed = "\n".join(line.rstrip() for line in tables.getvalue().splitlines()) + "\n"
    return dict(zip(NAMES, (plan_json(plan), trimmed), strict=True))


@pytest.mark.parametrize("name", NAMES)
def test_plan_is_the_committed_one(name: str) -> None:
    committed = (GOLDEN / name).read_text()
    assert render()[name] == committed, (
        f"tests/golden/{name}: the plan differs from the committed one. If the change is meant,"
        " run `make generate` and commit the file: its difference is what gets reviewed."
    )
