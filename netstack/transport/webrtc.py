"""Sealed packets over WebRTC data channels: each connection is one link, each packet one message.

What does not fit one SCTP chunk goes in order and is repeated by SCTP; small packets (probes, acknowledgements, words) go
once and in no order: the session sends again what it promised, and a lost chunk of a large packet holds up no small one.
aiortc never holds a sender back, so what is under way is bounded by the session's window: its acknowledgements, given
when a packet has been read, are the credit.
"""

from collections.abc import Callable
from typing import Final

from netstack.core.session_sender import Transmit
from netstack.model.candidate import CandidateKind, PairStory
from netstack.model.session import Flow, LinkTraits, TransportKind
from netstack.model.webrtc import IceServers, SelectedPair, WebRtcError
from netstack.tasks import TaskScope
from netstack.transport.protocol import PacketReceiver
from netstack.transport.webrtc_channels import Certificate, DataChannels
from netstack.wire.ice_description import IceDescription

PACKET_BYTES: Final = 32_768
WINDOW_BYTES: Final = 4 * PACKET_BYTES
SMALL_BYTES: Final = 1_100  # fits one SCTP chunk of aiortc's (1,200) and of browsers' alike
MAX_QUEUED_BYTES: Final = 4 * WINDOW_BYTES
MAX_CONNECTIONS: Final = 16
TRAITS: Final = LinkTraits(TransportKind.WEBRTC, PACKET_BYTES, PACKET_BYTES, window_bytes=WINDOW_BYTES)


class WebRtcLink:
    """A connection in the making, then a link. `describe`, tell the peer, `connect` to theirs."""

    def __init__(self, transport: "WebRtcTransport", channels: DataChannels) -> None:
        self.channels = channels
        self.link: int | None = None
        self._transport = transport

    async def describe(self) -> IceDescription:
        """Our side. Raises WebRtcError."""
        return await self.channels.gather()

    async def connect(self, remote: IceDescription) -> int:
        """The link's number, once it is open. Raises WebRtcError; it is closed then."""
        try:
            await self.channels.connect(remote)
        except BaseException:
            await self.close()
            raise
        return self._transport.opened(self)

    @property
    def selected(self) -> SelectedPair | None:
        """What carries it."""
        return self.channels.selected

    @property
    def relayed(self) -> bool:
        """A TURN server is between."""
        pair = self.selected
        return pair is not None and CandidateKind.RELAYED in {pair.local.kind, pair.remote.kind}

    @property
    def stories(self) -> tuple[PairStory, ...]:
        """What became of every pair of addresses."""
        return self.channels.stories

    async def close(self) -> None:
        """Ends it, at whatever stage it is. May be called twice."""
        self._transport.forget(self)
        await self.channels.close()


class WebRtcTransport:
    """Holds the connections until they end. `unsent` are packets that could not leave."""

    kind = TransportKind.WEBRTC

    def __init__(self, receiver: PacketReceiver, new_link: Callable[[], int]) -> None:
        self.unsent = 0
        self._receiver = receiver
        self._new_link = new_link
        self._certificate: Certificate | None = None
        self._begun: set[WebRtcLink] = set()
        self._ending: set[WebRtcLink] = set()
        self._links: dict[int, DataChannels] = {}
        self._tasks = TaskScope("webrtc transport")
        self._closed = False

    @staticmethod
    def load() -> None:
        """Imports what takes a moment, so that it need not happen on the loop."""
        Certificate.make()

    def begin(self, servers: IceServers, *, controlling: bool) -> WebRtcLink:
        """A new connection; the side that offers is controlling. Raises WebRtcError when it is closed or too many."""
        if self._closed or len(self._begun) >= MAX_CONNECTIONS:
            raise WebRtcError(WebRtcError.Reason.CLOSED, "too many connections" * (not self._closed))
        if self._certificate is None:
            self._certificate = Certificate.make()
        link = WebRtcLink(self, DataChannels(self._certificate, servers, controlling=controlling))
        self._begun.add(link)
        return link

    def opened(self, made: WebRtcLink) -> int:
        """Numbers a connection that is open now."""
        number = made.link = self._new_link()
        channels = self._links[number] = made.channels
        flow = Flow(number)

        def received(data: bytes) -> None:
            self._receiver.packets_received(data, flow, 0, None)

        channels.on_message = channels.on_fast = received
        channels.on_closed = lambda: self._lost(made)
        self._receiver.link_opened(number, TRAITS)
        return number

    def carries(self, link: int) -> bool:
        """The link is one of our connections."""
        return link in self._links

    @property
    def links(self) -> tuple[int, ...]:
        """Those that are open."""
        return tuple(self._links)

    def drop(self, link: int) -> None:
        """Ends a connection. Ending one that is gone does nothing."""
        for made in [each for each in self._begun if each.link == link]:
            self.forget(made)
            self._lost(made)

    def send(self, transmit: Transmit) -> bool:
        """Hands every packet to its channel; always taken."""
        channels = self._links.get(transmit.flow.link)
        data, size = transmit.data, transmit.segment_bytes
        if channels is None or channels.queued_bytes > MAX_QUEUED_BYTES:
            self.unsent += transmit.packets
            return True
        for at in range(0, len(data), size):
            packet = bytes(data[at : at + size])
            (channels.send if len(packet) > SMALL_BYTES else channels.send_fast)(packet)
        return True

    def _lost(self, made: WebRtcLink) -> None:
        """The peer has closed it, or ICE lost its consent."""
        if not self._closed:
            self._ending.add(made)
            self._tasks.start(self._end(made), "close")

    async def _end(self, made: WebRtcLink) -> None:
        await made.close()
        self._ending.discard(made)

    def forget(self, made: WebRtcLink) -> None:
        """It is over."""
        self._begun.discard(made)
        if made.link is not None and self._links.pop(made.link, None) is not None:
            self._receiver.link_lost(made.link)

    async def close(self) -> None:
        """Ends every connection and waits for its end. May be called twice."""
        self._closed = True
        await self._tasks.close()
        for link in [*self._begun, *self._ending]:
            await link.close()
