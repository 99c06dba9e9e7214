"""Read a tenant's plan from its folder, in one go. Must not check or derive anything."""

import gc
from pathlib import Path

from infra.plan import compile_plan
from infra.plan.model import Plan
from infra.record import load


def read_plan(folder: Path) -> Plan:
    """Load a record and compile it.

    Python's garbage collector rests meanwhile: hardly anything becomes garbage here, and it would
    walk the growing record again and again (docs/performance.md).

    Args:
        folder: the tenant's, below the provider's.

    Returns:
        The plan.

    Raises:
        TenantError: what `load` or `compile_plan` find wrong with the record, all at once.
    """
    was_collecting = gc.isenabled()
    gc.disable()
    try:
        return compile_plan(load(folder))
    finally:
        if was_collecting:
            gc.enable()
