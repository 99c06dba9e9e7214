"""Compare the fields of a record with each other, and with what stands around it.

Responsible for everything that one field alone cannot tell. Each rule is a function from the
facts of a record to faults; all are applied, and none relies on another having found nothing.
"""

from collections.abc import Callable, Iterator

from infra.record.fault import Fault
from infra.record.model import Tenant
from infra.record.rules import (
    administrator,
    application,
    disk,
    flow,
    name,
    network,
    partner,
    server,
    site,
    vlan,
)
from infra.record.rules.facts import Facts, collect_facts
from infra.record.source import Source
from infra.record.surroundings import Surroundings

Rule = Callable[[Facts], Iterator[Fault]]

RULES: tuple[Rule, ...] = (
    *administrator.RULES,
    *network.RULES,
    *vlan.RULES,
    *name.RULES,
    *server.RULES,
    *site.RULES,
    *partner.RULES,
    *disk.RULES,
    *flow.RULES,
    *application.RULES,
)


def apply_rules(tenant: Tenant, source: Source, surroundings: Surroundings) -> list[Fault]:
    """Apply every rule and return all faults."""
    facts = collect_facts(tenant, source, surroundings)
    return [fault for rule in RULES for fault in rule(facts)]
