"""Say whether a run tried any border of the tenant at all: what it did not ask, it cannot pass.

A border is between two zones, or between the tenant and somebody else. Must not judge an attempt.
"""

from infra.isolation.ground import SHARED
from infra.isolation.outcome import End, Findings, Untested

BORDER_UNTESTED = Untested(
    case="I01",
    reason="no zone of the tenant has another one, or a neighbour, that it could attack",
)
"""Of a run in which nothing could be sent from one of the tenant's zones across a border."""


def crosses_border(tenant: str, source: End, target: End) -> bool:
    """Say whether something goes from one of a tenant's zones to another one, or to others.

    The bastion's leg in the provider's network is in no zone of the tenant.
    """
    return (
        source.tenant == tenant
        and source.zone != SHARED
        and (source.tenant, source.zone) != (target.tenant, target.zone)
    )


def is_border_tried(findings: Findings) -> bool:
    """Say whether at least one outcome tells of packets across a border of the tenant."""
    return any(
        outcome.layer != "configuration only"
        and crosses_border(findings.tenant, outcome.source, outcome.target)
        for outcome in findings.outcomes
    )
