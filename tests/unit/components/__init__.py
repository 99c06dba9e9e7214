"""Claims about wiring: which resources a plan makes, with which inputs and parents.

Mocks record what Pulumi is asked for; they prove nothing about vCenter (tests/lab does).
"""
