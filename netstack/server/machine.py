"""What every server machine is to its host, and the actions that it asks of it (see the package's head)."""

from collections import deque
from typing import NamedTuple

from netstack.model.address import Address, Family


class Transmit(NamedTuple):
    """A datagram to send to `remote` from the socket bound to `local`."""

    data: bytes
    remote: Address
    local: Address


class StreamSend(NamedTuple):
    """Bytes to write to a connection.

    Where it takes no more, the host drops `droppable` ones (relayed data), else cuts the connection.
    """

    stream_id: int
    data: bytes
    droppable: bool = False


class StreamClose(NamedTuple):
    """A connection to end once what was written is sent; `stream_closed` follows as for any other."""

    stream_id: int


class OpenRelay(NamedTuple):
    """A UDP socket to bind on the host's relay address of this family.

    `port` None: any; `even` asks for an even port whose successor is free, and `reserve` for the successor
    to be bound as well, as `relay_id + 1`, or neither.
    """

    relay_id: int
    family: Family
    even: bool = False
    reserve: bool = False


class CloseRelay(NamedTuple):
    """A relay socket to close."""

    relay_id: int


class RelaySend(NamedTuple):
    """A datagram to send from a relay socket, unfragmented where `dont_fragment` is set."""

    relay_id: int
    data: bytes
    remote: Address
    dont_fragment: bool = False


Action = StreamSend | StreamClose | OpenRelay | CloseRelay | RelaySend


class Server:
    """Base of the server machines: queues to the host, and calls that do nothing unless a server cares."""

    addresses: tuple[Address, ...] = ()
    streams = False
    max_streams = 256
    stream_idle_s: float | None = 60.0

    def __init__(self) -> None:
        self._transmits: deque[Transmit] = deque()
        self._actions: deque[Action] = deque()

    def poll_transmit(self) -> Transmit | None:
        """The next datagram to send."""
        return self._transmits.popleft() if self._transmits else None

    def poll_action(self) -> Action | None:
        """The next thing to do for the server."""
        return self._actions.popleft() if self._actions else None

    def deadline(self) -> float | None:
        """When to call `handle_timeout` next, on the clock of `now`."""
        return None

    def handle_timeout(self, now: float) -> None:
        """Does what is due."""

    def receive(self, data: bytes, remote: Address, local: Address, now: float) -> None:
        """Takes a datagram that came to `local`."""

    def stream_opened(self, stream_id: int, remote: Address, local: Address, now: float) -> None:
        """Takes a new connection to `local`."""

    def stream_received(self, stream_id: int, data: bytes, now: float) -> None:
        """Takes bytes of a connection."""

    def stream_closed(self, stream_id: int, now: float) -> None:
        """Forgets a connection that has ended, whoever ended it."""

    def relay_opened(self, relay_id: int, local: Address, now: float) -> None:
        """Takes the address that an `OpenRelay` was bound to."""

    def relay_refused(self, relay_id: int, now: float) -> None:
        """Takes the news that no relay socket could be bound."""

    def relay_received(self, relay_id: int, data: bytes, remote: Address, now: float) -> None:
        """Takes a datagram that came to a relay socket."""

    def relay_failed(
        self, relay_id: int, remote: Address, icmp_type: int, icmp_code: int, now: float
    ) -> None:
        """Takes an ICMP refusal of a datagram sent from a relay socket."""
