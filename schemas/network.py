"""network.*: interfaces, addresses, routes, neighbours and listening sockets, and what happened to them.

Source of the fields: `ip -j -s address|route|neighbour` (ip(8)), `ss -Hlntup` (ss(8)), `/sys/class/net`.
"""

from typing import Annotated, ClassVar, Literal

from pydantic import Field

from schemas.entity import Complete, EntityChange
from schemas.envelope import Envelope
from schemas.fields import Bytes, Count, Name, Part, Port, Word

NetworkStatus = Literal["unknown", "up", "degraded", "down", "open", "closed", "gone"]
NetworkHappening = Literal[
    "link_appeared",
    "link_vanished",
    "link_up",
    "link_down",
    "speed_fell",
    "speed_rose",
    "address_added",
    "address_removed",
    "default_route_changed",
    "port_opened",
    "port_closed",
]
Family = Literal["inet", "inet6"]


class Address(Part):
    """An address of an interface."""

    address: Name
    prefix_length: Annotated[int, Field(ge=0, le=128)]
    family: Family
    scope: Word | None = None


class Interface(Part):
    """One interface; counts are since it came up. A field that the kernel does not give is absent."""

    name: Name
    kind: Word | None = Field(default=None, description="`ether`, `loopback`, `bridge`, `veth`, `vlan`, `bond`.")
    mac: Name | None = None
    mtu_bytes: Bytes | None = None
    state: Word = Field(description="The operational state, RFC 2863: `up`, `down`, `unknown`, `lowerlayerdown`.")
    enabled: bool | None = Field(default=None, description="Set up by the administrator (IFF_UP).")
    carrier: bool | None = None
    speed_bits_per_second: Annotated[int, Field(gt=0, le=2**63 - 1)] | None = None
    duplex: Word | None = None
    member_of: Name | None = Field(default=None, description="The bridge or bond it is part of.")
    addresses: tuple[Address, ...] = ()
    received_bytes: Count | None = None
    sent_bytes: Count | None = None
    receive_errors: Count | None = None
    receive_dropped: Count | None = None
    send_errors: Count | None = None
    send_dropped: Count | None = None


class Route(Part):
    """A route of the main table."""

    destination: Name = Field(description="`default` or a prefix.")
    family: Family
    gateway: Name | None = None
    interface: Name | None = None
    source: Name | None = None
    metric: Count | None = None
    protocol: Word | None = None


class Neighbour(Part):
    """An entry of the neighbour table (ARP, NDP)."""

    address: Name
    interface: Name
    mac: Name | None = None
    state: Word | None = None


class ListeningSocket(Part):
    """A port that is open on this device; the program is absent when the look may not see it."""

    protocol: Literal["tcp", "udp"]
    address: Name
    port: Port
    program: Name | None = None


class NetworkObservedData(Part):
    """The network as one device sees it."""

    interfaces: tuple[Interface, ...]
    routes: tuple[Route, ...] | None = None
    neighbours: tuple[Neighbour, ...] | None = None
    listening: tuple[ListeningSocket, ...] | None = None
    complete: Complete = True


class NetworkObserved(Envelope):
    """A look at a device's network."""

    TYPE: ClassVar[str] = "infrastructor.network.observed.v1"
    type: Literal["infrastructor.network.observed.v1"] = "infrastructor.network.observed.v1"
    data: NetworkObservedData


class NetworkStatusData(EntityChange):
    """What happened in a device's network; `entity` is an interface, `tcp/<address>/<port>`, or `route/default`."""

    what: NetworkHappening
    previous: NetworkStatus | None = None
    status: NetworkStatus
    interface: Name | None = None


class NetworkStatusChanged(Envelope):
    """Something happened in a device's network."""

    TYPE: ClassVar[str] = "infrastructor.network.status_changed.v1"
    type: Literal["infrastructor.network.status_changed.v1"] = "infrastructor.network.status_changed.v1"
    data: NetworkStatusData
