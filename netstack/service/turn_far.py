"""The far side of a relay under test: a second relay, the relay itself, or a socket of this computer."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Final, NamedTuple, Protocol

from netstack.core.turn_events import Ended, Event, Renewed
from netstack.errors import NetError
from netstack.model.address import Address
from netstack.model.turn import TurnError
from netstack.net.protocol import DatagramEndpoint, Net
from netstack.service.stun_query import StunQuery
from netstack.transport.turn_relay import Relay
from netstack.wire.stun import is_stun

MAX_KEPT: Final = 8192


class NotApplicable(Exception):  # noqa: N818
    """Something that cannot be tried here, and why."""


class Arrival(NamedTuple):
    """A datagram that came, from where, and when (on the clock of `Net.now()`)."""

    data: bytes
    peer: Address
    at_s: float


class Inbox:
    """Keeps what comes through a relay, what is renewed, and why the relay ended by itself."""

    def __init__(self, net: Net) -> None:
        self.net = net
        self.came: asyncio.Queue[Arrival] = asyncio.Queue(MAX_KEPT)
        self.renewed: asyncio.Queue[Renewed] = asyncio.Queue(MAX_KEPT)
        self.writable = asyncio.Event()
        self.ended: TurnError | None = None

    def relay_received(
        self, peer: Address, data: bytes, segment_bytes: int, received_at_s: float | None
    ) -> None:
        """From the relay."""
        at_s = self.net.now() if received_at_s is None else received_at_s
        for start in range(0, len(data), max(1, segment_bytes)):
            self.put(Arrival(data[start : start + segment_bytes], peer, at_s))

    def put(self, arrival: Arrival) -> None:
        """Keeps one."""
        with suppress(asyncio.QueueFull):
            self.came.put_nowait(arrival)

    def relay_event(self, event: Event) -> None:
        """From the relay."""
        if isinstance(event, Ended):
            self.ended = event.error
            event = Renewed(None, 0.0, event.error or TurnError(TurnError.Reason.CLOSED))
        if isinstance(event, Renewed):
            with suppress(asyncio.QueueFull):
                self.renewed.put_nowait(event)

    def relay_writable(self) -> None:
        """From the relay."""
        self.writable.set()


class Far(Protocol):
    """Somebody who can be sent to through the relay, and who can send back."""

    inbox: Inbox

    @property
    def address(self) -> Address:
        """The peer's address, as the server sees it."""

    async def welcome(self, relayed: Address) -> None:
        """Lets the relay's datagrams in. Raises TurnError."""

    def send(self, data: bytes, relayed: Address) -> None:
        """Sends to the relay. Raises TurnError."""

    async def close(self) -> None:
        """Gives everything back."""


class RelayFar:
    """A relay of the same server: a second one, or the first one itself, which is then left open."""

    def __init__(self, relay: Relay, inbox: Inbox, *, own: bool) -> None:
        self._relay = relay
        self._own = own
        self.inbox = inbox

    @property
    def address(self) -> Address:
        """The relayed address."""
        return self._relay.relayed or Address("0.0.0.0", 0)  # noqa: S104 - there is none any more

    async def welcome(self, relayed: Address) -> None:
        """By a permission."""
        await self._relay.permit(relayed.host)

    def send(self, data: bytes, relayed: Address) -> None:
        """By a Send indication."""
        self._relay.send(data, relayed)

    async def close(self) -> None:
        """Releases the second relay."""
        if self._own:
            await self._relay.release()


class SocketFar:
    """A UDP socket of this computer, by the address at which the server sees it."""

    def __init__(self, inbox: Inbox) -> None:
        self.inbox = inbox
        self._mapped: Address | None = None
        self._endpoint: DatagramEndpoint | None = None
        self._query: StunQuery | None = None

    async def open(self, net: Net, server: Address) -> bool:
        """Binds and asks the server for its address; False when it does not answer. Raises NetError."""
        self._endpoint = await net.open_datagram(self, family=server.family)
        self._query = StunQuery(net, self._endpoint.send)
        async for mapped in self._query.public_addresses((server,)):
            self._mapped = mapped
        return self._mapped is not None

    @property
    def address(self) -> Address:
        """As the server sees it."""
        return self._mapped or Address("0.0.0.0", 0)  # noqa: S104 - not known

    async def welcome(self, relayed: Address) -> None:
        """By writing to it: a NAT on the way then lets its answers in."""
        self.send(b"", relayed)

    def send(self, data: bytes, relayed: Address) -> None:
        """Directly."""
        if self._endpoint is not None:
            try:
                self._endpoint.send(data, relayed)
            except NetError as error:
                raise TurnError(TurnError.Reason.NO_ECHO, error.sentence) from error

    def datagram_received(self, data: bytes, remote: Address, received_at_s: float) -> None:
        """From the socket."""
        if self._query is not None and is_stun(data) and self._query.received(data):
            return
        self.inbox.put(Arrival(data, remote, received_at_s))

    def datagram_failed(self, error: NetError, remote: Address | None) -> None:
        """What does not come is told by the echo."""

    async def close(self) -> None:
        """Releases the socket."""
        if self._endpoint is not None:
            self._endpoint.close()
            self._endpoint = None


class Found(NamedTuple):
    """The far side of a relay, what it is in words, and why it is no second relay where one was refused."""

    far: Far
    what: str
    second_error: TurnError | None = None


async def find_far(
    net: Net, relay: Relay, inbox: Inbox, open_second: Callable[[], Awaitable[Relay]]
) -> Found:
    """A second relay, or the first one itself where there is no second; both let each other in.

    Where the server does not relay to itself, which is prudent, a socket of ours is the peer. Raises TurnError, and
    NotApplicable where that is no way either.
    """
    found = await _relay_far(relay, inbox, open_second)
    try:
        await _welcome(relay, found.far)
    except TurnError as error:
        await found.far.close()
        if error.reason is not TurnError.Reason.FORBIDDEN:
            raise
        refusal = error
    except BaseException:
        await found.far.close()
        raise
    else:
        return found
    far = SocketFar(Inbox(net))
    try:
        with suppress(NetError):
            if await far.open(net, relay.client.server):
                await _welcome(relay, far)
                return Found(far, "a socket of this computer", found.second_error)
    except BaseException:
        await far.close()
        raise
    await far.close()
    raise NotApplicable(f"The server does not relay to itself ({refusal.detail}), and UDP reaches it not.")


async def _relay_far(relay: Relay, inbox: Inbox, open_second: Callable[[], Awaitable[Relay]]) -> Found:
    try:
        second = await open_second()
    except TurnError as error:
        return Found(RelayFar(relay, inbox, own=False), "the relay itself", error)
    second.receiver = its = Inbox(inbox.net)
    return Found(RelayFar(second, its, own=True), "a second relay")


async def _welcome(relay: Relay, far: Far) -> None:
    await relay.permit(far.address.host)
    if relay.relayed is not None:
        await far.welcome(relay.relayed)
