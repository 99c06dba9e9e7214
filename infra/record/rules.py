"""Compare the fields of a record with each other."""

from infra.record.fault import Fault
from infra.record.model import Tenant
from infra.record.source import Source


def apply_rules(tenant: Tenant, source: Source) -> list[Fault]:
    """Apply every rule."""
    return []
