"""Sealed packets over Bluetooth LE: each link of a channel to a peer is a link of ours, with short headers.

The link loses nothing and takes what it can: what is under way is bounded by the session's window, so that the queue
here never overflows; a packet waits for the radio, not in it.
"""

import asyncio
import contextlib
from collections import deque
from collections.abc import Callable
from typing import Final

from netstack.core.session_sender import Transmit
from netstack.model.bluetooth_error import BluetoothError
from netstack.model.session import Flow, LinkTraits, SessionError, TransportKind
from netstack.radio.peer_channel import PeerChannel, PeerLink
from netstack.tasks import TaskScope
from netstack.transport.protocol import PacketReceiver

WINDOW_BYTES: Final = 16_384  # some 0.2 s of air
MAX_QUEUED_BYTES: Final = 4 * WINDOW_BYTES
HANDSHAKE: Final = 0xD0  # whoever asks gets an answer; sealed packets go to those who proved themselves
FAREWELL_S: Final = 1.0


def link_traits(max_packet_bytes: int) -> LinkTraits:
    """A link with packets of the ATT MTU - 3."""
    return LinkTraits(
        TransportKind.BLE,
        max_packet_bytes,
        max_packet_bytes,
        exclusive=True,
        reliable=True,
        window_bytes=WINDOW_BYTES,
    )


class _Link:
    __slots__ = ("empty", "number", "peer", "queued", "queued_bytes", "wanted")

    def __init__(self, number: int, peer: PeerLink) -> None:
        self.number = number
        self.peer = peer
        self.queued: deque[bytes] = deque()
        self.queued_bytes = 0
        self.wanted = asyncio.Event()
        self.empty = asyncio.Event()
        self.empty.set()


class BleTransport:
    """Holds the channel while it is open. `opened` hears of each new link, once a session may speak on it.

    `unsent` are packets that could not leave: their link had gone, or more was queued than any session may have under
    way.
    """

    kind = TransportKind.BLE

    def __init__(self, channel: PeerChannel, receiver: PacketReceiver, new_link: Callable[[], int]) -> None:
        self.channel = channel
        self.opened: Callable[[int], None] | None = None
        self.unsent = 0
        self.too_small = 0
        self._receiver = receiver
        self._new_link = new_link
        self._links: dict[int, _Link] = {}
        self._numbers: dict[PeerLink, int] = {}
        self._tasks = TaskScope("ble")
        self._closed = False
        channel.hold()
        channel.watch(self)

    @property
    def links(self) -> tuple[int, ...]:
        """Those that are up."""
        return tuple(self._links)

    def carries(self, link: int) -> bool:
        """The link is one of the channel's."""
        return link in self._links

    def peer_of(self, link: int) -> str:
        """The Bluetooth address at the other end."""
        state = self._links.get(link)
        return state.peer.peer if state is not None else ""

    def send(self, transmit: Transmit) -> bool:
        """Queues every packet; always taken."""
        state = self._links.get(transmit.flow.link)
        data, size = transmit.data, transmit.segment_bytes
        if state is None or state.queued_bytes + len(data) > MAX_QUEUED_BYTES:
            self.unsent += transmit.packets
            return True
        state.peer.used |= data[0] & 0xF0 != HANDSHAKE
        state.queued.extend(data[at : at + size] for at in range(0, len(data), size))
        state.queued_bytes += len(data)
        state.empty.clear()
        state.wanted.set()
        return True

    async def close(self) -> None:
        """Sends what is queued, for a moment, and lets the channel go."""
        if self._closed:
            return
        self._closed = True
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(FAREWELL_S):
                for state in list(self._links.values()):
                    await state.empty.wait()
        self.channel.watch(None)
        for state in list(self._links.values()):
            self.peer_link_down(state.peer)
        await self._tasks.close()
        await self.channel.release()

    # From the channel.

    def peer_link_up(self, link: PeerLink) -> None:
        """A link to number; one whose packets are too small for a session is ended."""
        number = self._new_link()
        try:
            self._receiver.link_opened(number, link_traits(link.max_packet_bytes))
        except SessionError:
            self.too_small += 1
            self._tasks.start(link.close(), "too small")
            return
        state = self._links[number] = _Link(number, link)
        self._numbers[link] = number
        self._tasks.start(self._write(state), f"write {number}")
        if self.opened is not None:
            self.opened(number)

    def peer_packet(self, link: PeerLink, packet: bytes) -> None:
        """A packet for the sessions."""
        number = self._numbers.get(link)
        if number is not None:
            self._receiver.packets_received(packet, Flow(number), len(packet), None)

    def peer_link_down(self, link: PeerLink) -> None:
        """A link has gone; so has what was queued for it, which sessions send again elsewhere."""
        number = self._numbers.pop(link, None)
        if number is not None:
            state = self._links.pop(number)
            self.unsent += len(state.queued)
            state.queued.clear()
            state.queued_bytes = 0
            state.empty.set()
            self._receiver.link_lost(number)

    async def _write(self, state: _Link) -> None:
        while True:
            await state.wanted.wait()
            state.wanted.clear()
            while state.queued:
                packet = state.queued.popleft()
                try:
                    await state.peer.send(packet)
                except BluetoothError:
                    self.unsent += 1
                    await state.peer.close()
                    return
                state.queued_bytes = max(state.queued_bytes - len(packet), 0)
            state.empty.set()
