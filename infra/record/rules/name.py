"""Rules of names in vCenter: all tenants and the provider share one inventory."""

from collections.abc import Iterator

from infra.record.fault import Fault, Path
from infra.record.model import TenantFile
from infra.record.rules.facts import Facts
from infra.record.surroundings import Surroundings

Claim = tuple[str, str, Path]
"""A kind of object, its name in vCenter, and what in the record it comes from."""


def refuse_taken_names(facts: Facts) -> Iterator[Fault]:
    """Refuse what would be called in vCenter as something of others is."""
    kept, owners = _kept(facts.surroundings), _owners(facts.surroundings)
    for kind, name, path in _claim(facts.tenant.id, facts.tenant):
        if owner := kept.get(name) or owners.get((kind, name)):
            yield facts.fault(
                path,
                f'would be {kind} "{name}" in vCenter, the name of {owner}',
                "names that nothing else in the datacenter has",
                "Rename one of the two",
            )


def _claim(tenant: str, content: TenantFile) -> Iterator[Claim]:
    """List what a record makes in vCenter."""
    yield "folder", tenant, ()
    for zone, inside in content.zones.items():
        for key in inside.segments:
            yield "port group", f"{tenant}-{key}", ("zones", zone, "segments", key)
    for key in content.servers:
        yield "server", f"{tenant}-{key}", ("servers", key)


def _kept(surroundings: Surroundings) -> dict[str, str]:
    """Say what the provider keeps each of its names for: no tenant's object of any kind."""
    provider = surroundings.provider
    places: list[Path] = [("shared_parts", key) for key in provider.shared_parts]
    places += [("networks", key) for key in provider.networks]
    return {str(path[-1]): surroundings.document.cite(path) for path in places}


def _owners(surroundings: Surroundings) -> dict[tuple[str, str], str]:
    """Say which neighbour has which name: one of each kind, as vCenter's folders have it."""
    return {
        (kind, name): neighbour.document.cite(path)
        for neighbour in surroundings.neighbours
        for kind, name, path in _claim(neighbour.id, neighbour.content)
    }


RULES = (refuse_taken_names,)
