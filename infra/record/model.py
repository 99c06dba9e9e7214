"""Give the shape of a tenant's record: what a reviewer reads, nothing derived.

Responsible for types, closed vocabularies and single-field rules. Must not read files
(`load.py`), compare fields with each other (`rules.py`) or derive anything (`infra.plan`).
A field's description says what is allowed; faults and the JSON Schema quote it.
"""

from ipaddress import IPv4Address, IPv4Network
from typing import Annotated, Literal

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    StringConstraints,
)

from infra.record.scalar import (
    SCSI_CONTROLLER_UNIT,
    check_name,
    check_scsi_unit,
    parse_address,
    parse_prefix,
    parse_public_key,
)

KEY_PATTERN = r"^[a-z][a-z0-9-]{0,30}[a-z0-9]$"
KEY_DESCRIPTION = "a name of 2 to 32 of a-z, 0-9 and -, first a letter, last not -"

Key = Annotated[
    str,
    StringConstraints(pattern=KEY_PATTERN),
    AfterValidator(check_name),
    Field(description=KEY_DESCRIPTION),
]
"""Name of a thing in the record: a DNS label (RFC 1123), so that it can name a host."""

Text = Annotated[
    str,
    StringConstraints(
        min_length=3,
        max_length=200,
        strip_whitespace=True,
        pattern=r"^[^\u0000-\u001f\u007f-\u009f]*$",
    ),
    Field(description="text of 3 to 200 characters on one line"),
]
"""One sentence for a reader."""

PublicKey = Annotated[
    str,
    BeforeValidator(parse_public_key, json_schema_input_type=str),
    Field(description="one line of an OpenSSH .pub file: ssh-ed25519 or ecdsa-sha2-nistp256"),
]
"""An OpenSSH public key line."""

VlanId = Annotated[int, Field(ge=2, le=4094, description="a whole number, 2 to 4094")]
"""802.1Q VLAN id; 1 is the switches' default VLAN and never a tenant's. Source: IEEE 802.1Q."""

Prefix = Annotated[
    IPv4Network,
    BeforeValidator(parse_prefix, json_schema_input_type=str),
    Field(description="an IPv4 prefix such as 10.21.10.0/24, from /16 to /29, without host bits"),
]
"""A segment's addresses. /29 still holds the edge and five servers."""

Address = Annotated[
    IPv4Address,
    BeforeValidator(parse_address, json_schema_input_type=str),
    Field(
        description="an IPv4 address such as 10.21.10.11",
        json_schema_extra={"format": "ipv4"},
    ),
]
Port = Annotated[int, Field(ge=1, le=65535, description="a whole number, 1 to 65535")]
Level = Annotated[Literal["low", "medium", "high"], Field(description="low, medium or high")]
Protocol = Annotated[Literal["tcp", "udp"], Field(description="tcp or udp")]
ServerRole = Annotated[
    Literal[
        "edge", "bastion", "router", "database", "webapp", "workplace", "decoy", "digikoppeling"
    ],
    Field(description="edge, bastion, router, database, webapp, workplace, decoy or digikoppeling"),
]
ScsiUnit = Annotated[
    int,
    Field(
        ge=1,
        le=15,
        description=f"a whole number, 1 to 15 without {SCSI_CONTROLLER_UNIT}",
        json_schema_extra={"not": {"const": SCSI_CONTROLLER_UNIT}},
    ),
    AfterValidator(check_scsi_unit),
]
"""Unit on the server's one SCSI controller, which is itself unit 7; unit 0 is the root disk.

Source: vSphere Virtual Machine Administration, "SCSI and SATA Storage Controller Conditions".
"""

DISKS_LIMIT = 14
"""16 units of a SCSI controller less its own and the root disk's."""

Mount = Annotated[
    str,
    StringConstraints(pattern=r"^(/[a-z0-9][a-z0-9._-]*)+$", max_length=200),
    Field(description="an absolute path of a-z, 0-9, . _ and -, such as /var/lib/postgresql"),
]
Domain = Annotated[
    str,
    StringConstraints(
        pattern=r"^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?(\.[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?)+$",
        max_length=180,
    ),
    Field(description="a DNS domain of at least two labels in lower case, 180 characters at most"),
]
"""The tenant's own DNS domain. Source: RFC 1123; 253 characters less the longest host name."""

Keys = Annotated[
    tuple[Key, ...],
    Field(min_length=1, description="a list of names, such as [app01, office]"),
]


class Record(BaseModel):
    """Base of every part of the record: strict, closed and frozen."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class Segment(Record):
    """One L2/L3 network. gateway: the edge's address in it, or the one that a pair shares."""

    vlan: VlanId
    prefix: Prefix
    gateway: Address


class Zone(Record):
    """A trust class. level: the security level of what is inside (BIO2 8.22.01)."""

    level: Level
    purpose: Text
    segments: dict[Key, Segment] = Field(min_length=1, description="a mapping of names to segments")


class Partner(Record):
    """A chain partner: one address in a network outside. fqdn: what its certificate names."""

    address: Address
    fqdn: Domain
    purpose: Text
    owner: Text


class Outside(Record):
    """What edge and routers see of a network of the provider: an end of flows.

    partners: with any, flows name these and never the network.
    """

    prefix: Prefix
    purpose: Text
    partners: dict[Key, Partner] = Field(
        default={}, description="a mapping of names to partners in this network"
    )


class Site(Record):
    """A place outside the datacenter: zones whose segments hang on a router of its own.

    uplink: the network outside in which this router and the edge meet.
    """

    purpose: Text
    uplink: Key
    zones: Keys


class Disk(Record):
    """A disk beyond the first. unit: its place on the bus, which names it for ever."""

    unit: ScsiUnit
    size_gib: Annotated[int, Field(ge=1, le=16384, description="a whole number, 1 to 16384")]
    mount: Mount


class Server(Record):
    """One virtual machine.

    segment, address: where it lives and answers; interfaces: its further legs, by segment or
    network outside (only edge and routers have any). roles: what it does beyond being a server.
    """

    segment: Key
    address: Address
    interfaces: dict[Key, Address] = Field(
        default={}, description="a mapping of segments to addresses"
    )
    vcpu: Annotated[int, Field(ge=1, le=64, description="a whole number, 1 to 64")]
    memory_mib: Annotated[
        int,
        Field(
            ge=256,
            le=1048576,
            multiple_of=4,
            description="a whole number, 256 to 1048576, a multiple of 4",
        ),
    ]
    disks: dict[Key, Disk] = Field(
        default={},
        max_length=DISKS_LIMIT,
        description=f"a mapping of names to at most {DISKS_LIMIT} disks",
    )
    roles: Annotated[
        tuple[ServerRole, ...],
        Field(min_length=1, description="a list of roles, such as [webapp]"),
    ]


class Flow(Record):
    """Allowed traffic. from/to: servers, zones, networks outside or partners in them.

    Everything that no flow allows is dropped. One that begins outside ends at one server.
    further_ports: of one service that has several; the plan makes a flow of each.
    """

    model_config = ConfigDict(validate_by_alias=True, serialize_by_alias=True)

    sources: Keys = Field(alias="from")
    destinations: Keys = Field(alias="to")
    protocol: Protocol
    port: Port
    further_ports: Annotated[tuple[Port, ...], Field(description="a list of ports")] = ()
    purpose: Text
    owner: Text

    @property
    def ports(self) -> tuple[int, ...]:
        """All that it opens, the first one first."""
        return (self.port, *self.further_ports)


class Administrator(Record):
    """A person who may log in on every server of the tenant with these keys."""

    name: Text
    keys: Annotated[
        tuple[PublicKey, ...],
        Field(min_length=1, description="a list of OpenSSH public keys"),
    ]


class Limits(Record):
    """What the tenant may use of the provider's cluster at most."""

    vcpu_mhz: Annotated[int, Field(ge=1000, description="a whole number, 1000 or more")]
    memory_mib: Annotated[int, Field(ge=1024, description="a whole number, 1024 or more")]


class WebEndpoint(Record):
    """Where an application answers: http on this server and port."""

    server: Key
    port: Port


class DatabaseEndpoint(Record):
    """Which server keeps the application's PostgreSQL database."""

    server: Key


class Application(Record):
    """One application, in its own file applications/<id>.yaml.

    gemma: reference component of the GEMMA architecture. owner: role that accepts it.
    """

    name: Text
    gemma: Text
    supplier: Text
    owner: Text
    web: WebEndpoint
    database: DatabaseEndpoint


class TenantFile(Record):
    """One municipality's record as it stands in tenants/<id>/tenant.yaml."""

    name: Text
    domain: Domain
    limits: Limits
    administrators: dict[Key, Administrator] = Field(
        min_length=1, description="a mapping of account names to administrators"
    )
    outside: dict[Key, Outside] = Field(
        default={}, description="a mapping of the provider's networks to what is seen of them"
    )
    sites: dict[Key, Site] = Field(default={}, description="a mapping of names to sites")
    zones: dict[Key, Zone] = Field(min_length=1, description="a mapping of names to zones")
    servers: dict[Key, Server] = Field(min_length=1, description="a mapping of names to servers")
    flows: dict[Key, Flow] = Field(description="a mapping of names to flows")


class Tenant(TenantFile):
    """One municipality's record, whole. id: the name of its folder below tenants/."""

    id: Key
    applications: dict[Key, Application] = {}
