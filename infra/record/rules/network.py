"""Rules of segments and addresses: everything has its own place in the tenant."""

from collections.abc import Iterable, Iterator
from ipaddress import IPv4Address, IPv4Network

from infra.record.fault import Fault, Path
from infra.record.rules.facts import Facts

PRIVATE_BLOCKS = tuple(map(IPv4Network, ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16")))
"""Source: RFC 1918."""

RESERVED_NAME = "primary"
"""The plan's name of a server's first NIC, from which its MAC address follows."""


def refuse_repeated_segments(facts: Facts) -> Iterator[Fault]:
    """Refuse a segment's name in two zones: servers name their segment alone."""
    for zone, content in facts.tenant.zones.items():
        for key in content.segments:
            if facts.zone_of[key] != zone:
                yield facts.fault(
                    ("zones", zone, "segments", key),
                    f"is also {facts.source.cite(facts.segment_path(key))}",
                    "each segment's name once in a tenant",
                    "Rename one of the two",
                )


def refuse_reserved_names(facts: Facts) -> Iterator[Fault]:
    """Refuse a segment whose NIC on the edge would be taken for the edge's first one."""
    if RESERVED_NAME in facts.segments:
        yield facts.fault(
            facts.segment_path(RESERVED_NAME),
            f'"{RESERVED_NAME}" is a reserved name',
            f"any name but {RESERVED_NAME}",
            "Rename it",
        )


def refuse_overlaps(facts: Facts) -> Iterator[Fault]:
    """Refuse prefixes that overlap. Prefixes nest or are apart, so one sweep finds all."""
    order = {key: index for index, key in enumerate(facts.prefixes)}
    prefixes = facts.prefixes
    swept = sorted(prefixes, key=lambda key: (prefixes[key], order[key]))
    around: str | None = None
    for key in swept:
        if around is None or not prefixes[key].overlaps(prefixes[around]):
            around = key
            continue
        first, second = sorted((around, key), key=order.__getitem__)
        free = find_free_block(prefixes[second], prefixes.values())
        yield facts.fault(
            (*facts.segment_path(second), "prefix"),
            f"{prefixes[second]} overlaps {prefixes[first]} of"
            f" {facts.source.cite((*facts.segment_path(first), 'prefix'))}",
            "prefixes of one tenant that do not overlap",
            f"Free block of this size: {free}" if free else "Choose a smaller prefix",
        )


def find_free_block(wanted: IPv4Network, used: Iterable[IPv4Network]) -> IPv4Network | None:
    """Find the first free block of a size, near the wanted one.

    Args:
        wanted: gives the size and the neighbourhood.
        used: blocks that the found one must not overlap.

    Returns:
        A block within the /16 around the wanted one, or else within the private block that it
        is in; None when both are full.
    """
    pools = [wanted.supernet(new_prefix=16)] if wanted.prefixlen >= 16 else []
    pools += [block for block in PRIVATE_BLOCKS if wanted.subnet_of(block)]
    in_order = sorted(used)
    for pool in pools:
        start, end = int(pool.network_address), int(pool.broadcast_address)
        for block in in_order:
            if not block.overlaps(pool) or int(block.broadcast_address) < start:
                continue
            if start + wanted.num_addresses <= int(block.network_address):
                break
            past = int(block.broadcast_address) + 1
            start = -(-past // wanted.num_addresses) * wanted.num_addresses
        if start + wanted.num_addresses - 1 <= end:
            return IPv4Network((start, wanted.prefixlen))
    return None


def refuse_outside_gateways(facts: Facts) -> Iterator[Fault]:
    """Refuse a gateway that is no host address of its segment."""
    for key, segment in facts.segments.items():
        if what := misplace(segment.gateway, key, segment.prefix):
            first, last = segment.prefix[1], segment.prefix[-2]
            path = (*facts.segment_path(key), "gateway")
            yield facts.fault(path, what, f"{first} to {last}", f"Usual is {first}")


def refuse_outside_addresses(facts: Facts) -> Iterator[Fault]:
    """Refuse a server's address that is no host address of its segment."""
    for leg in facts.legs:
        prefix = facts.prefixes.get(leg.segment)
        if prefix and (what := misplace(leg.address, leg.segment, prefix)):
            allowed = f"{prefix[1]} to {prefix[-2]}"
            yield facts.fault(leg.path, what, allowed, facts.next_free(leg.segment))


def misplace(address: IPv4Address, segment: str, prefix: IPv4Network) -> str | None:
    """Say why an address is no host address of a prefix."""
    if address not in prefix:
        return f"{address} is outside segment {segment}, {prefix}"
    if address == prefix.network_address:
        return f"{address} is the network address of segment {segment}, {prefix}"
    if address == prefix.broadcast_address:
        return f"{address} is the broadcast address of segment {segment}, {prefix}"
    return None


def refuse_repeated_addresses(facts: Facts) -> Iterator[Fault]:
    """Refuse an address of two servers, unless a pair of edges shares it."""
    owners: dict[IPv4Address, Path] = {}
    for leg in facts.legs:
        first = owners.setdefault(leg.address, leg.owner)
        if first != leg.owner:
            yield facts.fault(
                leg.path,
                f"{leg.address} is also {facts.source.cite(first)}",
                "one owner for each address",
                facts.next_free(leg.segment)
                if leg.segment in facts.prefixes
                else "Choose another address",
            )


RULES = (
    refuse_repeated_segments,
    refuse_reserved_names,
    refuse_overlaps,
    refuse_outside_gateways,
    refuse_outside_addresses,
    refuse_repeated_addresses,
)
