"""Read a tenant's record: what people write and review. Everything else is derived from it."""

from infra.record.fault import RecordError
from infra.record.load import load

__all__ = ["RecordError", "load"]
