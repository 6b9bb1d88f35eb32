"""Sealed packets over TCP: each connection is a link; packets are preceded by their length."""

import asyncio
from collections.abc import Callable
from typing import Final

from netstack.core.session_sender import Transmit
from netstack.errors import DecodeError, NetError
from netstack.model.address import Address
from netstack.model.session import TCP_TRAITS, Flow, TransportKind
from netstack.net.protocol import Listener, Net, Stream
from netstack.tasks import TaskScope
from netstack.transport import happy_eyeballs
from netstack.transport.protocol import PacketReceiver
from netstack.wire.stream import LENGTH_BYTES, PacketStream, frame_packets

READ_BYTES: Final = 262_144
MAX_QUEUED_BYTES: Final = 4 << 20
MAX_STREAMS: Final = 1024
CONNECT_TIMEOUT_S: Final = 10.0
FLUSH_S: Final = 1.0
REUSE_HEARD_S: Final = 20.0  # a session says something that often


class _Link:
    """`dialled` is where it was asked for and `took_s` how long that lasted; `heard_s` when bytes came last."""

    __slots__ = (
        "dialled",
        "gone",
        "heard_s",
        "opened_s",
        "queued",
        "queued_bytes",
        "stream",
        "took_s",
        "wanted",
    )

    def __init__(self, stream: Stream, now: float) -> None:
        self.stream = stream
        self.opened_s = self.heard_s = now
        self.dialled: frozenset[Address] = frozenset()
        self.took_s = 0.0
        self.queued: list[bytes | memoryview] = []
        self.queued_bytes = 0
        self.wanted = asyncio.Event()
        self.gone = False


class TcpTransport:
    """Listens, connects, and keeps connections until they end or nobody uses them.

    `new_link` numbers them; `accepted` hears those that came in. A connection's write queue is bounded; what does not fit is dropped and counted,
    and the session sends it again.
    """

    kind = TransportKind.TCP

    def __init__(self, net: Net, receiver: PacketReceiver, new_link: Callable[[], int]) -> None:
        self._net = net
        self._receiver = receiver
        self._new_link = new_link
        self._links: dict[int, _Link] = {}
        self._listeners: list[Listener] = []
        self._tasks = TaskScope("tcp")
        self._closed = False
        self.accepted: Callable[[int], None] | None = None
        self.refused = 0
        self.unsent = 0
        self.reused = 0
        self.saved_s = 0.0  # that connecting anew would have taken

    async def listen(self, local: Address) -> Address:
        """Accepts connections on `local` (port 0: any) and returns where. Raises NetError."""
        listener = await self._net.listen_stream(self._accept, local=local)
        self._listeners.append(listener)
        return listener.local

    async def connect(self, *remotes: Address, timeout_s: float = CONNECT_TIMEOUT_S) -> int:
        """The link of a new connection, to the first of these addresses that answers (RFC 8305). Raises NetError."""
        began_s = self._net.now()
        stream = await happy_eyeballs.connect(self._net, remotes, timeout_s=timeout_s)
        if self._closed or len(self._links) >= MAX_STREAMS:
            stream.abort()
            raise NetError(NetError.Reason.CLOSED, "too many connections")
        link = self._add(stream)
        state = self._links[link]
        state.dialled, state.took_s = frozenset(remotes), self._net.now() - began_s
        return link

    def reuse(self, *remotes: Address) -> int | None:
        """A connection that was made for any of these addresses and was heard lately: nobody waits for a new one."""
        least_s = self._net.now() - REUSE_HEARD_S
        for link, state in self._links.items():
            if not state.dialled.isdisjoint(remotes) and state.heard_s >= least_s:
                self.reused += 1
                self.saved_s += state.took_s
                return link
        return None

    def _accept(self, stream: Stream) -> None:
        if self._closed or len(self._links) >= MAX_STREAMS:
            self.refused += 1
            stream.abort()
            return
        link = self._add(stream)
        if self.accepted is not None:
            self.accepted(link)

    def remote(self, link: int) -> Address | None:
        """Who is at the other end of a connection; None when it is gone."""
        state = self._links.get(link)
        return None if state is None else state.stream.remote

    def _add(self, stream: Stream) -> int:
        link = self._new_link()
        state = self._links[link] = _Link(stream, self._net.now())
        self._receiver.link_opened(link, TCP_TRAITS)
        self._tasks.start(self._read(link, state), f"read {link}")
        self._tasks.start(self._write(state), f"write {link}")
        return link

    def carries(self, link: int) -> bool:
        """The link is one of our connections."""
        return link in self._links

    def opened_before(self, moment_s: float) -> list[int]:
        """Links that were opened before then."""
        return [link for link, state in self._links.items() if state.opened_s < moment_s]

    def send(self, transmit: Transmit) -> bool:
        """Queues every packet with its length; always taken."""
        state = self._links.get(transmit.flow.link)
        data, size = transmit.data, transmit.segment_bytes
        if state is None or state.queued_bytes + len(data) > MAX_QUEUED_BYTES:
            self.unsent += transmit.packets
            return True
        state.queued += frame_packets(data, size)
        state.queued_bytes += len(data)
        state.wanted.set()
        return True

    def drop(self, link: int) -> None:
        """Ends a connection. Ending one that is gone does nothing."""
        state = self._links.pop(link, None)
        if state is not None:
            state.gone = True
            state.stream.abort()
            state.wanted.set()
            self._receiver.link_lost(link)

    async def _read(self, link: int, state: _Link) -> None:
        packets, flow = PacketStream(), Flow(link)
        try:
            while data := await state.stream.read(READ_BYTES):
                state.heard_s = self._net.now()
                for run in packets.feed(data):
                    self._receiver.packets_received(
                        run.data, flow, run.segment_bytes, None, gap_bytes=LENGTH_BYTES
                    )
        except (NetError, DecodeError):
            pass
        finally:
            self.drop(link)

    async def _write(self, state: _Link) -> None:
        """Waits for the stream to take what is queued, so that the queue, not the stream, holds the rest."""
        try:
            while not state.gone:
                await state.wanted.wait()
                state.wanted.clear()
                while state.queued and not state.gone:
                    queued, state.queued = state.queued, []
                    state.stream.write(b"".join(queued))
                    await state.stream.drain()
                    state.queued_bytes -= sum(map(len, queued[1::2]))
        except NetError:
            return

    async def close(self) -> None:
        """Ends the listener and every connection; what is queued (a good-bye) still leaves, within a second."""
        self._closed = True
        for listener in self._listeners:
            listener.close()
        states = list(self._links.values())
        for link, state in list(self._links.items()):
            del self._links[link]
            state.gone = True
            if state.queued:
                state.stream.write(b"".join(state.queued))
            state.stream.close()
            self._receiver.link_lost(link)
        await self._tasks.close()
        for state in states:
            try:
                async with asyncio.timeout(FLUSH_S):
                    await state.stream.wait_closed()
            except TimeoutError:
                state.stream.abort()
