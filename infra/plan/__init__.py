"""Derive everything from a record, purely: no I/O, clock, randomness or Pulumi."""

from infra.plan.compile import compile_plan
from infra.plan.refusal import PlanRefusedError

__all__ = ["PlanRefusedError", "compile_plan"]
