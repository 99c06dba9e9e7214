"""Survey the ground: every NIC of every tenant on one datacenter, and who may hear whom.

Responsible for sources, targets and witnesses. Must not know what is tried between them.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from ipaddress import IPv4Interface, IPv6Address, IPv6Network

from infra.isolation.outcome import End
from infra.outputs import StackOutputs
from infra.plan.model import Plan
from infra.record.provider import Provider

_PRIVATE_IPV6 = IPv6Network("fc00::/7")

SHARED = "provider-management"
"""Name here of the one network in which every tenant's bastion has a leg."""


@dataclass(frozen=True, kw_only=True)
class Leg:
    """One NIC of one host.

    network: unique name of the layer 2 network, `tenant/segment`, or the provider's name of one
    that tenants share.
    """

    tenant: str
    server: str
    zone: str
    device: str
    mac: str
    address: IPv4Interface
    network: str
    vlan: int

    @property
    def host(self) -> tuple[str, str]:
        """Whose leg it is: tenant and server."""
        return self.tenant, self.server

    @property
    def is_shared(self) -> bool:
        """Whether other tenants have legs in its network too, by design."""
        return self.network == SHARED

    @property
    def end(self) -> End:
        """Give this leg as the side of an outcome."""
        return End(tenant=self.tenant, zone=self.zone, server=self.server)


@dataclass(frozen=True, kw_only=True)
class Host:
    """One host with its legs, in device order.

    is_edge: whether it routes, as the edge or for a site. outside: its legs in networks outside,
    which are not among the others. ipv6: private addresses it was seen to have.
    """

    tenant: str
    server: str
    zone: str
    is_edge: bool
    legs: tuple[Leg, ...]
    listeners: tuple[str, ...]
    outside: tuple[Leg, ...] = ()
    ipv6: tuple[IPv6Address, ...] = ()

    @property
    def key(self) -> tuple[str, str]:
        """Tenant and server."""
        return self.tenant, self.server

    @property
    def every_leg(self) -> tuple[Leg, ...]:
        """All its legs, those outside last."""
        return (*self.legs, *self.outside)

    @property
    def end(self) -> End:
        """Give this host as the side of an outcome."""
        return End(tenant=self.tenant, zone=self.zone, server=self.server)


@dataclass(frozen=True)
class Ground:
    """All hosts of the tenant under test (`own`) and of the others on its datacenter.

    provider_networks: name of the provider's network by VLAN.
    """

    plan: Plan
    hosts: Mapping[tuple[str, str], Host]
    names: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    provider_networks: Mapping[int, str] = field(default_factory=dict)

    @property
    def own(self) -> str:
        """The tenant under test."""
        return self.plan.tenant

    @cached_property
    def sources(self) -> tuple[Leg, ...]:
        """Every leg of the first host of each of our zones, the edge aside."""
        first: dict[str, Host] = {}
        for host in self.hosts.values():
            if host.tenant == self.own and not host.is_edge:
                first.setdefault(host.zone, host)
        return tuple(leg for host in first.values() for leg in host.legs)

    @cached_property
    def source_hosts(self) -> tuple[Host, ...]:
        """The hosts of the sources."""
        return tuple(self.hosts[key] for key in dict.fromkeys(leg.host for leg in self.sources))

    @cached_property
    def neighbours(self) -> tuple[Host, ...]:
        """Every host of the others."""
        return tuple(host for host in self.hosts.values() if host.tenant != self.own)

    def targets(self, source: Leg) -> tuple[Host, ...]:
        """Give the hosts that must hear nothing of a source: all that share no network with it.

        In the shared network every other tenant's bastion must not either.
        """
        return tuple(
            host
            for host in self.hosts.values()
            if host.key != source.host
            and (
                (source.is_shared and host.tenant != source.tenant)
                or all(leg.network != source.network for leg in host.every_leg)
            )
        )

    def peers(self, leg: Leg) -> tuple[Leg, ...]:
        """Give the other hosts' legs in its network, edges first; none in the shared network."""
        if leg.is_shared:
            return ()
        found = [
            other
            for host in self.hosts.values()
            for other in host.every_leg
            if other.network == leg.network and host.key != leg.host
        ]
        return tuple(
            sorted(
                found,
                key=lambda other: (
                    other.tenant != leg.tenant,
                    not self.hosts[other.host].is_edge,
                ),
            )
        )

    @cached_property
    def lone_legs(self) -> tuple[Leg, ...]:
        """The legs on which nobody of their own network can be heard: no one else is there."""
        return tuple(
            leg
            for host in self.hosts.values()
            for leg in host.every_leg
            if not leg.is_shared and not self.peers(leg)
        )

    def gateways(self, leg: Leg) -> tuple[Leg, ...]:
        """Give its own tenant's edges' legs in its network."""
        return tuple(
            peer
            for peer in self.peers(leg)
            if peer.tenant == leg.tenant and self.hosts[peer.host].is_edge
        )

    @cached_property
    def outside(self) -> dict[str, tuple[Leg, ...]]:
        """Every leg in each network outside, our edges' and routers' first.

        What stands there in a segment of its own record, as a partner of the provider's, is
        outside for the others alone.
        """
        names = sorted({leg.network for host in self.hosts.values() for leg in host.outside})
        legs = [
            leg
            for host in self.hosts.values()
            for leg in (host.outside if host.tenant == self.own else host.every_leg)
        ]
        return {
            name: tuple(
                sorted(
                    (leg for leg in legs if leg.network == name),
                    key=lambda leg: leg.tenant != self.own,
                )
            )
            for name in names
        }

    def gates(self, network: str) -> tuple[Leg, ...]:
        """Give our own legs in a network outside: by these alone anything leaves or comes in."""
        return tuple(leg for leg in self.outside[network] if leg.tenant == self.own)

    def network_name(self, leg: Leg) -> str | None:
        """Give the name of the provider's network that a leg is in, if it is in one."""
        return SHARED if leg.is_shared else self.provider_networks.get(leg.vlan)

    def is_provider(self, host: Host) -> bool:
        """Say whether a host stands in one of the provider's own networks."""
        return any(self.network_name(leg) not in (None, SHARED) for leg in host.legs)

    @cached_property
    def resolver(self) -> Host:
        """Our resolver, clock and package relay."""
        address = IPv4Interface(self.plan.resolver)
        host = self.own_at(address)
        if host is None:
            message = f"{self.own}: no server has the resolver's address {address.ip}."
            raise LookupError(message)
        return host

    def names_of(self, host: Host) -> list[str]:
        """Give the names of a host in its own tenant."""
        addresses = {str(leg.address.ip) for leg in host.legs}
        return [n for n, address in self.names[host.tenant].items() if address in addresses]

    def allows(self, source: Leg | Host, target: Host, protocol: str, port: int) -> bool:
        """Say whether our plan allows this flow."""
        return target.tenant == self.own and any(
            flow.protocol == protocol
            and flow.port == port
            and source.server in flow.source_servers
            and target.server in flow.destination_servers
            for flow in self.plan.flows.values()
        )

    def own_at(self, address: IPv4Interface) -> Host | None:
        """Give our host with this address, when we have one."""
        return next(
            (
                host
                for host in self.hosts.values()
                if host.tenant == self.own
                and any(leg.address.ip == address.ip for leg in host.legs)
            ),
            None,
        )


def survey(
    own: StackOutputs,
    others: Sequence[StackOutputs],
    provider: Provider,
    ipv6: Mapping[tuple[str, str], Sequence[IPv6Address]],
) -> Ground:
    """Survey what the contracts of one datacenter's stacks say.

    Args:
        own: of the tenant under test.
        others: of every other tenant on the same datacenter.
        provider: the provider's file.
        ipv6: addresses by tenant and server that the hosts were seen to have, in no plan.
    """
    vlans = {name: network.vlan for name, network in provider.networks.items()}
    outside = {
        name: vlans[name] for outputs in (own, *others) for name in sorted(outputs.plan.outside)
    }
    hosts = {
        host.key: host
        for outputs in (own, *others)
        for host in _hosts(outputs, vlans[outputs.management.port_group], outside, ipv6)
    }
    return Ground(
        plan=own.plan,
        hosts=hosts,
        names={outputs.plan.tenant: outputs.plan.names for outputs in (own, *others)},
        provider_networks={vlan: name for name, vlan in vlans.items() if name not in outside},
    )


def find_uplinks(plan: Plan) -> dict[tuple[str, str], list[str]]:
    """Give the devices of edges and routers in networks outside, by tenant and server."""
    return {
        (plan.tenant, key): [nic.device for nic in server.nics if nic.segment in plan.outside]
        for key, server in plan.servers.items()
    }


def _hosts(
    outputs: StackOutputs,
    shared_vlan: int,
    outside: Mapping[str, int],
    ipv6: Mapping[tuple[str, str], Sequence[IPv6Address]],
) -> Iterator[Host]:
    """Give the hosts of one stack. outside: VLAN by network outside, of all tenants."""
    plan = outputs.plan
    listeners = {
        check.server: check.listeners for check in plan.checks.values() if check.kind == "listener"
    }
    names = {vlan: name for name, vlan in outside.items()}
    for key, server in plan.servers.items():
        legs: list[Leg] = []
        legs_outside: list[Leg] = []
        for nic in server.nics:
            if nic.segment in plan.outside:
                zone = network = nic.segment
                vlan = outside[network]
            elif nic.segment:
                segment = plan.segments[nic.segment]
                zone, vlan = segment.zone, segment.vlan
                network = names.get(vlan, f"{plan.tenant}/{nic.segment}")
            else:
                zone, network, vlan = SHARED, SHARED, shared_vlan
            leg = Leg(
                tenant=plan.tenant,
                server=key,
                zone=zone,
                device=nic.device,
                mac=nic.mac,
                address=IPv4Interface(
                    nic.address or nic.shared or outputs.management.bastion_interface
                ),
                network=network,
                vlan=vlan,
            )
            (legs_outside if nic.segment in plan.outside else legs).append(leg)
        yield Host(
            tenant=plan.tenant,
            server=key,
            zone=server.zone,
            is_edge=not {"edge", "router"}.isdisjoint(server.roles),
            legs=tuple(legs),
            outside=tuple(legs_outside),
            listeners=listeners.get(key, ()),
            # Beyond these lies what is nobody's here: a target must be within the datacenter.
            ipv6=tuple(a for a in ipv6.get((plan.tenant, key), ()) if a in _PRIVATE_IPV6),
        )
