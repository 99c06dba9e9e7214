"""Give the shape of a plan: everything derived from a record, ready to deploy and to test.

Plain frozen data that survives a round trip through JSON, because the stack's outputs carry
it to the inventory and the checks. Must not compute anything (`compile.py` and its parts do).
"""

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from infra.record.model import Level, Protocol, ServerRole


class Planned(BaseModel):
    """Base of every part of a plan: closed and frozen."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Segment(Planned):
    """One L2/L3 network.

    prefix: CIDR; gateway: the edge's address in it, or the one that a pair of edges shares.
    """

    zone: str
    level: Level
    vlan: int
    prefix: str
    gateway: str


class Nic(Planned):
    """One virtual NIC, in device order.

    segment: None for the bastion's leg in the provider-management network, whose address the
    stack's configuration gives (address None too); it may be a network outside. address: with
    prefix length, 10.0.0.1/24; None where an edge of a pair has only the shared one. shared: what
    either edge of a pair can hold, the gateway's address or the one outside.
    """

    device: str
    mac: str
    segment: str | None
    address: str | None
    shared: str | None = None


class Peer(Planned):
    """The other end of a tunnel; a pair of edges is one end, called by the first.

    own, endpoint: IPv4 addresses of this end and of the other in the network outside where they
    meet. prefixes: CIDR, of all segments that are reached through the tunnel, sorted.
    """

    own: str
    endpoint: str
    prefixes: tuple[str, ...]


class Partner(Planned):
    """A chain partner in a network outside. fqdn: what its certificate names; address: IPv4."""

    network: str
    address: str
    fqdn: str


class Volume(Planned):
    """One disk beyond the first. unit: its SCSI unit number, 1 upward without the bus's own 7."""

    unit: int
    size_gib: int
    mount: str


class Rule(Planned):
    """One accepted direction of one flow in one packet filter.

    sources, destinations: CIDR prefixes, sorted. port: None for vrrp, which has none.
    in_device/out_device: set in rules for forwarding and for an edge's partner, so that an
    address is accepted from its own segment alone.
    """

    flow: str
    sources: tuple[str, ...]
    destinations: tuple[str, ...]
    protocol: Protocol | Literal["vrrp"]
    port: int | None
    in_device: str | None = None
    out_device: str | None = None


class Filter(Planned):
    """What a server's packet filter accepts; the rest is dropped and counted."""

    incoming: tuple[Rule, ...]
    outgoing: tuple[Rule, ...]
    forward: tuple[Rule, ...] = ()


class Server(Planned):
    """One virtual machine. name: in vCenter, `<tenant>-<key>`; gateway: None where it routes."""

    name: str
    host_name: str
    fqdn: str
    zone: str
    address: str
    gateway: str | None
    vcpu: int
    memory_mib: int
    nics: tuple[Nic, ...]
    volumes: dict[str, Volume]
    roles: tuple[ServerRole, ...]
    filter: Filter


class Flow(Planned):
    """One flow with its ends resolved to server keys, sorted."""

    sources: tuple[str, ...]
    destinations: tuple[str, ...]
    source_servers: tuple[str, ...]
    destination_servers: tuple[str, ...]
    protocol: Protocol
    port: int
    purpose: str
    owner: str


class Administrator(Planned):
    """A person with an account on every server."""

    name: str
    keys: tuple[str, ...]


class Application(Planned):
    """One application. url: as users type it; database: name of its database and account."""

    name: str
    fqdn: str
    url: str
    web_server: str
    port: int
    database_server: str
    database: str


class IdentityCheck(Planned):
    """The host calls itself by this name."""

    kind: Literal["identity"] = "identity"
    server: str
    fqdn: str


class AddressCheck(Planned):
    """The host's NIC has this MAC and exactly this address.

    address: None for the one from the configuration, unless shared stands alone. shared: what it
    may have beside it, because either edge of a pair can hold it.
    """

    kind: Literal["address"] = "address"
    server: str
    device: str
    mac: str
    address: str | None
    shared: str | None = None


class VolumeCheck(Planned):
    """The volume is mounted here, on a block device of exactly this size."""

    kind: Literal["volume"] = "volume"
    server: str
    volume: str
    unit: int
    size_gib: int
    mount: str


class ListenerCheck(Planned):
    """The host listens beyond loopback on exactly these, as tcp/22, sorted.

    sender: program whose UDP sockets with a port of the kernel's choice do not count: it only
    sends by them.
    """

    kind: Literal["listener"] = "listener"
    server: str
    listeners: tuple[str, ...]
    sender: str | None = None


class ServiceCheck(Planned):
    """The systemd unit runs and starts at boot."""

    kind: Literal["service"] = "service"
    server: str
    unit: str


class FlowCheck(Planned):
    """A real connection (udp: a real answer) from the source reaches the destination."""

    kind: Literal["flow"] = "flow"
    flow: str
    server: str
    destination: str
    address: str
    protocol: Protocol
    port: int


class DeniedCheck(Planned):
    """None of these TCP ports of the destination can be reached from the source.

    destination: a server, or a partner with its network in the place of a zone.
    control: a flow of the same source that must work in the same run, or the result proves
    nothing. control_address and control_port say where (TCP).
    """

    kind: Literal["denied"] = "denied"
    server: str
    destination: str
    source_zone: str
    destination_zone: str
    address: str
    ports: tuple[int, ...]
    control: str
    control_address: str
    control_port: int


class ApplicationCheck(Planned):
    """A workplace uses the application by name: reads a page, files a report, reads it back."""

    kind: Literal["application"] = "application"
    server: str
    application: str
    url: str


class CertificateCheck(Planned):
    """The server shows a certificate with its name that is good for so many days more."""

    kind: Literal["certificate"] = "certificate"
    server: str
    fqdn: str
    days: int


class TwoWayTlsCheck(Planned):
    """The server is answered there with its certificate, and not without.

    destination: itself or a partner; fqdn: the name by which it asks, of which the certificate
    there must be.
    """

    kind: Literal["two-way-tls"] = "two-way-tls"
    server: str
    destination: str
    fqdn: str


Check = Annotated[
    IdentityCheck
    | AddressCheck
    | VolumeCheck
    | ListenerCheck
    | ServiceCheck
    | FlowCheck
    | DeniedCheck
    | ApplicationCheck
    | CertificateCheck
    | TwoWayTlsCheck,
    Field(discriminator="kind"),
]


class Limits(Planned):
    """Upper bounds of the tenant's resource pool."""

    cpu_mhz: int
    memory_mib: int


class Plan(Planned):
    """Everything derived from one record. All maps are keyed by record key, sorted."""

    tenant: str
    name: str
    domain: str
    limits: Limits
    administrators: dict[str, Administrator]
    segments: dict[str, Segment]
    servers: dict[str, Server]
    flows: dict[str, Flow]
    applications: dict[str, Application]
    separations: dict[str, tuple[str, ...]]
    """Role -> servers that share it and so must run on different hosts of the cluster."""
    resolver: str
    """IPv4 address of the tenant's resolver, clock and package relay: the bastion."""
    names: dict[str, str]
    """DNS name -> IPv4 address of everything in the tenant."""
    outside: dict[str, str] = {}
    """Network of the provider in which edge or routers have legs -> CIDR prefix."""
    partners: dict[str, Partner] = {}
    sites: dict[str, str] = {}
    """Site outside the datacenter -> its router."""
    tunnels: dict[str, dict[str, Peer]] = {}
    """Server that routes -> its peers, by their server keys."""
    checks: dict[str, Check]
    """Check id -> check; the id reads as a claim."""
