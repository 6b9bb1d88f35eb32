"""What a TURN client is asked for, and what it tells: its options and events. Pure values."""

from typing import NamedTuple

import msgspec

from netstack.core.turn_bindings import CHANNEL_S, PERMISSION_S
from netstack.model.address import Address, Family
from netstack.model.turn import TurnError
from netstack.wire import stun_attributes as attr
from netstack.wire.stun_attributes import Attribute, Icmp
from netstack.wire.turn import UDP_PROTOCOL


class TurnOptions(msgspec.Struct, frozen=True):
    """What is asked for. `family` None: whatever the server gives (IPv4).

    `even_port` asks for an even port, True also to reserve the next one; `reservation` is the token of one
    reserved so. `permission_s` and `channel_s` are RFC 8656's, for servers that have others.
    """

    lifetime_s: int = 600
    family: Family | None = None
    dont_fragment: bool = False
    even_port: bool | None = None
    reservation: bytes | None = None
    permission_s: float = PERMISSION_S
    channel_s: float = CHANNEL_S
    recover: bool = True
    follow: bool = True

    def attributes(self) -> tuple[Attribute, ...]:
        """Those of an Allocate request (RFC 8656 section 7.1)."""
        wanted = [attr.REQUESTED_TRANSPORT(UDP_PROTOCOL), attr.LIFETIME(self.lifetime_s)]
        if self.dont_fragment:
            wanted.append(attr.DONT_FRAGMENT(True))
        if self.reservation is not None:
            return (*wanted, attr.RESERVATION_TOKEN(self.reservation))
        if self.family is not None:
            wanted.append(attr.REQUESTED_ADDRESS_FAMILY(self.family))
        if self.even_port is not None:
            wanted.append(attr.EVEN_PORT(self.even_port))
        return tuple(wanted)


class Allocated(NamedTuple):
    """The relay stands. `again`: after it was lost, at another address; permissions and channels follow."""

    relayed: Address
    mapped: Address | None
    lifetime_s: float
    took_s: float
    again: bool
    reservation: bytes | None


class SocketNeeded(NamedTuple):
    """Open a new socket or connection to `server`, drop the old one, and call `reopened`."""

    server: Address
    why: TurnError


class RelayLost(NamedTuple):
    """The relay is gone; it is being had again."""

    error: TurnError


class Ended(NamedTuple):
    """It is over: released (None), or failed for good."""

    error: TurnError | None


class Permitted(NamedTuple):
    """A host may send; told at first and whenever it had lapsed."""

    host: str


class Bound(NamedTuple):
    """A channel leads to the peer."""

    peer: Address
    number: int


class Refused(NamedTuple):
    """A permission (port 0) or a channel is not to be had, or has lapsed."""

    peer: Address
    error: TurnError


class Renewed(NamedTuple):
    """A refresh (`peer` None), a permission (port 0) or a channel was asked for again, with or without success."""

    peer: Address | None
    took_s: float
    error: TurnError | None


class PeerRefused(NamedTuple):
    """A router told the relay that what was sent to the peer did not arrive (RFC 8656 section 11.5)."""

    peer: Address
    icmp: Icmp


class Received(NamedTuple):
    """Data of a peer; `channel` None: in a Data indication."""

    peer: Address
    data: bytes
    channel: int | None


Event = (
    Allocated
    | SocketNeeded
    | RelayLost
    | Ended
    | Permitted
    | Bound
    | Refused
    | Renewed
    | PeerRefused
    | Received
)
