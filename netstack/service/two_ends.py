"""Two endpoints that know each other, joined over any of the transports: for what compares transports with each other.

On one computer UDP, TCP and the relay (a server of ours beside them) are the kernel's loopback; Bluetooth is the lab's radio,
as no computer hears itself. In the lab all of it is the lab's.
"""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from contextlib import AsyncExitStack
from typing import Any, Final, NamedTuple, Self

from netstack.core.identity import Identity, KnownPeer
from netstack.core.turn_uri import TurnUri
from netstack.errors import NetError
from netstack.model.address import Address
from netstack.model.session import Flow, LinkTraits, SessionError, TransportKind
from netstack.model.turn import TurnCredentials
from netstack.model.webrtc import IceServers
from netstack.net.protocol import Net
from netstack.radio.peer_channel import PeerChannel
from netstack.service.connection import Connection
from netstack.service.embedded_turn import embedded_turn
from netstack.service.peer_book import PeerBook
from netstack.service.sessions import Sessions
from netstack.transport.ble import BleTransport
from netstack.transport.turn_dial import open_relay
from netstack.transport.webrtc import WebRtcTransport

KINDS: Final = tuple(TransportKind)
"""What `open` can join two ends by."""

BLE_LINK_S: Final = 30.0
MAILBOX: Final = "000000"
METRES: Final = 2.0

At = Callable[[Net, Coroutine[Any, Any, Any]], Awaitable[Any]]


def here(_net: Net, work: Coroutine[Any, Any, Any]) -> Awaitable[Any]:
    """There is one host."""
    return work


class RelayPlace(NamedTuple):
    """A relay that both ends may use."""

    uri: TurnUri
    credentials: TurnCredentials


class TwoEnds:
    """`near` dials, `far` accepts; `far_host` is where the far one is found. Close it (or use `async with`).

    `relay` None: a server of ours beside the far end. `at` runs what opens sockets of its own (WebRTC's library) on the host that a
    net belongs to: in the lab there are two.
    """

    def __init__(
        self,
        near: Net,
        far: Net,
        far_host: str,
        *,
        relay: RelayPlace | None = None,
        at: At = here,
    ) -> None:
        self._at = at
        psk = near.random_bytes(32)
        ours, theirs = Identity(near.random_bytes(32)), Identity(far.random_bytes(32))
        our_book, their_book = PeerBook(), PeerBook()
        our_book.keep(KnownPeer(theirs.public, psk))
        their_book.keep(KnownPeer(ours.public, psk))
        self.accepted: asyncio.Queue[Connection] = asyncio.Queue()
        self.near = Sessions(near, ours, our_book)
        self.far = Sessions(far, theirs, their_book, self.accepted.put_nowait)
        self._near_net, self._far_net = near, far
        self._far_host = far_host
        self._key = theirs.public
        self._relay = relay
        self._stack = AsyncExitStack()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def open(self, kind: TransportKind) -> Flow:
        """Makes a link of that kind at both ends and returns the way from the near one. Raises PeerscopeError."""
        match kind:
            case TransportKind.UDP:
                at = await self.far.open_udp(local=Address(self._far_host, 0))
                await self.near.open_udp()
                return Flow(self.near.udp_transports()[-1].link, at)
            case TransportKind.TCP:
                listening = await self.far.open_tcp(local=Address(self._far_host, 0))
                if listening is None:
                    raise NetError(NetError.Reason.CLOSED)
                return Flow(await self.near.open_stream(listening))
            case TransportKind.TURN:
                return await self._open_relays()
            case TransportKind.BLE:
                return await self._open_radio()
            case TransportKind.WEBRTC:
                return await self._open_channels()

    async def connect(self, flow: Flow) -> tuple[Connection, Connection]:
        """A session on that way: its two ends. Raises SessionError."""
        ours = await self.near.connect_over(flow, peer_key=self._key)
        theirs = await self.accepted.get()
        await theirs.established()
        return ours, theirs

    def traits(self, flow: Flow) -> LinkTraits:
        """Of the near end's link. Raises KeyError."""
        traits = self.near.endpoint.traits(flow.link)
        if traits is None:
            raise KeyError(flow.link)
        return traits

    async def close(self) -> None:
        """Says good-bye and closes both. May be called twice."""
        await self.near.close()
        await self.far.close()
        await self._stack.aclose()

    async def _open_relays(self) -> Flow:
        relay = self._relay
        if relay is None:
            relay = RelayPlace(
                *await self._stack.enter_async_context(embedded_turn(self._far_net, self._far_host))
            )
        ends = []
        for net, sessions in ((self._near_net, self.near), (self._far_net, self.far)):
            ends.append(sessions.add_relay(await open_relay(net, relay.uri, lambda: relay.credentials)))
        near, far = ends
        if near.relayed is None or far.relayed is None:
            raise SessionError(SessionError.Reason.CLOSED, "the relay gave no address")
        await far.permit(near.relayed.host)
        return Flow(near.link, far.relayed)

    async def _open_channels(self) -> Flow:
        near, far = (
            sessions.add_transport(WebRtcTransport).begin(IceServers(), controlling=sessions is self.near)
            for sessions in (self.near, self.far)
        )
        here, there = self._near_net, self._far_net
        ours, theirs = await asyncio.gather(self._at(here, near.describe()), self._at(there, far.describe()))
        link, _ = await asyncio.gather(
            self._at(here, near.connect(theirs)), self._at(there, far.connect(ours))
        )
        return Flow(link)

    async def _open_radio(self) -> Flow:
        from netstack.radio.virtual import VirtualRadio  # noqa: PLC0415 - it loads Bumble
        from netstack.radio.virtual_adapter import VirtualAdapter  # noqa: PLC0415
        from netstack.radio.virtual_air import Air  # noqa: PLC0415

        air = Air()
        self._stack.callback(air.close)
        opened: asyncio.Queue[int] = asyncio.Queue()
        for number, (sessions, host) in enumerate(((self.far, True), (self.near, False)), 1):
            adapter = VirtualAdapter(air, f"end {number}", number=number, place_m=(METRES * number, 0.0))
            await adapter.open()
            radio = VirtualRadio(adapter)
            self._stack.push_async_callback(radio.close)
            channel = PeerChannel(radio, MAILBOX, host=host)
            transport = sessions.add_transport(
                lambda receiver, new_link, channel=channel: BleTransport(channel, receiver, new_link)  # type: ignore[misc]
            )
            if not host:
                transport.opened = opened.put_nowait
        async with asyncio.timeout(BLE_LINK_S):
            return Flow(await opened.get())
