"""Derive what concerns partners: who they are, which servers meet them, and what is checked."""

from collections.abc import Iterator, Mapping

from infra.plan.model import CertificateCheck, Flow, Partner, Server, TwoWayTlsCheck
from infra.record.model import Tenant

VALID_DAYS = 30
"""How long a certificate must still be good: less is too short to have another one issued."""


def plan_partners(tenant: Tenant) -> dict[str, Partner]:
    """Give the partners of all networks outside, by key, sorted."""
    found = {
        key: Partner(network=network, address=str(partner.address), fqdn=partner.fqdn)
        for network, seen in tenant.outside.items()
        for key, partner in seen.partners.items()
    }
    return dict(sorted(found.items()))


def find_endpoints(servers: Mapping[str, Server]) -> tuple[str, ...]:
    """Give the servers that meet partners by two-way TLS, in the order given."""
    return tuple(key for key, server in servers.items() if "digikoppeling" in server.roles)


def partner_checks(
    servers: Mapping[str, Server], flows: Mapping[str, Flow], partners: Mapping[str, Partner]
) -> Iterator[tuple[str, CertificateCheck | TwoWayTlsCheck]]:
    """Derive the checks of endpoints: their own, and those of the partners that they ask."""
    for key in find_endpoints(servers):
        fqdn = servers[key].fqdn
        yield f"certificate/{key}", CertificateCheck(server=key, fqdn=fqdn, days=VALID_DAYS)
        asked = {end for flow in flows.values() if key in flow.sources for end in flow.destinations}
        ends = {key: fqdn} | {end: partners[end].fqdn for end in sorted(asked & partners.keys())}
        for end, name in ends.items():
            yield (
                f"two-way-tls/{key}-to-{end}",
                TwoWayTlsCheck(server=key, destination=end, fqdn=name),
            )
