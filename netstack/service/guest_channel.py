"""A guest's connection as a talk sees it: messages both ways with credits, pings, and what the browser tells.

Nothing is taken or said before both have proved the secret (`core.guest_pact`).
"""

import asyncio
from collections import deque
from collections.abc import Callable
from hmac import compare_digest
from typing import Final

import msgspec

from netstack.core.probe_stats import ProbeStats, Sample
from netstack.errors import DecodeError
from netstack.model.path import ProbeSummary
from netstack.model.session import MessageReceived, Mode, Priority, SessionError, TransportKind
from netstack.model.webrtc import WebRtcError
from netstack.net.protocol import Net
from netstack.tasks import TaskScope
from netstack.transport.webrtc_channels import DataChannels
from netstack.wire import guest as wire
from netstack.wire.candidate_note import plain_name
from netstack.wire.guest import PIECE_BYTES, WINDOW_BYTES, About, Facts, Got, Piece, Ping, Pong, Proof

PROVE_S: Final = 10.0
PING_PERIOD_S: Final = 0.25
SILENT_S: Final = 2.0
GONE_S: Final = 10.0
MAX_PINGS: Final = 64
MAX_QUEUED_BYTES: Final = 4 << 20
MAX_UNREAD_BYTES: Final = 4 << 20
MAX_MESSAGE_BYTES: Final = 4 << 20


class _Leaving:
    """A message on its way out."""

    def __init__(self, data: bytes) -> None:
        self.data = data
        self.at = 0
        self.arrived: asyncio.Future[int] = asyncio.get_running_loop().create_future()


class GuestChannel:
    """Takes open data channels over. `changed` is called when something that people see has changed."""

    transport = TransportKind.WEBRTC.value
    session = None  # there is none: what a session would tell, a guest does not

    def __init__(
        self, net: Net, channels: DataChannels, ours: bytes, theirs: bytes, changed: Callable[[], None]
    ) -> None:
        self.channels = channels
        self.about = About()
        self.facts = Facts()
        self.silent = False
        self.closed = False
        self.bad_frames = 0
        self.stats = ProbeStats()
        self.sent_messages = self.sent_pieces = 0
        self.on_sample: Callable[[Sample], None] = lambda _: None
        self._net = net
        self._ours, self._theirs = ours, theirs
        self._changed = changed
        self._tasks = TaskScope("guest")
        self._proved: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._ended = asyncio.Event()
        self._heard_s = net.now()
        self._queues: tuple[deque[_Leaving], deque[_Leaving]] = (deque(), deque())
        self._queued_bytes = 0
        self._leaving: _Leaving | None = None
        self._waiting: deque[_Leaving] = deque()
        self._arrived_there = self._sent_bytes = self._taken_there_bytes = 0
        self._room = asyncio.Event()
        self._pieces: list[bytes] = []
        self._piece_bytes = self._taken_bytes = self._told_bytes = self._whole = self._told_whole = 0
        self._unread: deque[MessageReceived] = deque()
        self._unread_bytes = 0
        self._arrived = asyncio.Event()
        self._sequence = self._ponged = 0
        self._pings: dict[int, float] = {}
        channels.on_message = self._take
        channels.on_fast = self._take_fast
        channels.on_closed = self._lost

    async def prove(self) -> None:
        """Shows that we know the secret, and returns once the guest has, too. Raises WebRtcError."""
        self.channels.send(wire.encode(Proof(self._ours)))
        try:
            async with asyncio.timeout(PROVE_S):
                await asyncio.shield(self._proved)
        except TimeoutError as error:
            raise WebRtcError(WebRtcError.Reason.CLOSED, "the guest proved nothing") from error
        self._heard_s = self._net.now()
        self._tasks.start(self._ping(), "ping")

    # What a talk needs.

    async def send(
        self,
        data: bytes,
        priority: Priority = Priority.REALTIME,
        mode: Mode = Mode.ORDERED,
    ) -> int:
        """Queues a message, waiting for room. Raises SessionError. What is promised nothing and is small goes at once."""
        if not mode.reliable and len(data) <= PIECE_BYTES:
            self._check()
            self.sent_messages += 1
            self.sent_pieces += 1
            self.channels.send_fast(wire.encode(Piece(data, last=True)))
            return 0
        await self._queue(data, priority)
        return 0

    async def deliver(self, data: bytes, priority: Priority, mode: Mode) -> int:
        """Sends a message and waits until the guest has all of it; how many pieces it took. Raises SessionError."""
        leaving = await self._queue(data, priority)
        return await leaving.arrived

    async def receive(self) -> MessageReceived:
        """The next message. Raises SessionError when there are none left and it is over."""
        while not self._unread:
            self._check()
            self._arrived.clear()
            await self._arrived.wait()
        message = self._unread.popleft()
        self._unread_bytes -= len(message.data)
        self._tell()
        return message

    async def _queue(self, data: bytes, priority: Priority) -> _Leaving:
        while self._queued_bytes > MAX_QUEUED_BYTES:
            self._check()
            self._room.clear()
            await self._room.wait()
        self._check()
        leaving = _Leaving(data)
        self._queues[priority is Priority.BULK].append(leaving)
        self._queued_bytes += len(data)
        self._flush()
        return leaving

    def _check(self) -> None:
        if self.closed:
            raise SessionError(SessionError.Reason.CLOSED)

    def _flush(self) -> None:
        """Sends pieces as far as the guest has given credit; words overtake bulk between messages."""
        while not self.closed:
            leaving = self._leaving
            if leaving is None:
                queue = self._queues[0] or self._queues[1]
                if not queue:
                    break
                leaving = self._leaving = queue.popleft()
                self._waiting.append(leaving)
                self.sent_messages += 1
            piece = leaving.data[leaving.at : leaving.at + PIECE_BYTES]
            if self._sent_bytes - self._taken_there_bytes + len(piece) > WINDOW_BYTES:
                break
            leaving.at += len(piece)
            self.sent_pieces += 1
            self._sent_bytes += len(piece)
            self._queued_bytes -= len(piece)
            last = leaving.at >= len(leaving.data)
            if last:
                self._leaving = None
            self.channels.send(wire.encode(Piece(piece, last)))
        if self._queued_bytes <= MAX_QUEUED_BYTES:
            self._room.set()

    # From the guest.

    def _take(self, data: bytes) -> None:
        try:
            frame = wire.decode(data)
        except DecodeError:
            self.bad_frames += 1
            if not self._proved.done():
                self._refuse()
            return
        if not self._proved.done():
            if isinstance(frame, Proof) and compare_digest(frame.mac, self._theirs):
                self._proved.set_result(None)
            else:
                self._refuse()
            return
        self._heard()
        match frame:
            case Piece(piece, last):
                self._take_piece(piece, last)
            case Got(messages, taken):
                self._got(messages, taken)
            case About():
                self.about = msgspec.structs.replace(
                    frame, name=plain_name(frame.name), browser=plain_name(frame.browser)
                )
                self._changed()
            case Facts() if frame != self.facts:
                self.facts = frame
                self._changed()
            case _:
                pass

    def _refuse(self) -> None:
        """Whoever it is, it does not know the secret."""
        if not self._proved.done():
            self._proved.set_exception(WebRtcError(WebRtcError.Reason.WRONG_FINGERPRINT))
            self._proved.exception()  # nobody need wait for it

    def _take_piece(self, data: bytes, last: bool) -> None:
        self._taken_bytes += len(data)
        self._piece_bytes += len(data)
        if self._piece_bytes > MAX_MESSAGE_BYTES or self._unread_bytes > MAX_UNREAD_BYTES + WINDOW_BYTES:
            self.bad_frames += 1  # more than it had credit for
            self._lost()
            return
        self._pieces.append(data)
        if last:
            self._whole += 1
            self._deliver(b"".join(self._pieces), Mode.ORDERED)
            self._pieces.clear()
            self._piece_bytes = 0
        self._tell()

    def _deliver(self, data: bytes, mode: Mode) -> None:
        self._unread.append(MessageReceived(data, mode, Priority.REALTIME))
        self._unread_bytes += len(data)
        self._arrived.set()

    def _tell(self) -> None:
        """Credit: what is read here may be sent there."""
        if self._unread_bytes > MAX_UNREAD_BYTES or self.closed:
            return
        if self._whole != self._told_whole or self._taken_bytes - self._told_bytes >= WINDOW_BYTES // 4:
            self._told_whole, self._told_bytes = self._whole, self._taken_bytes
            self.channels.send(wire.encode(Got(self._whole, self._taken_bytes)))

    def _got(self, messages: int, taken: int) -> None:
        self._taken_there_bytes = max(self._taken_there_bytes, min(taken, self._sent_bytes))
        while self._arrived_there < messages and self._waiting and self._waiting[0] is not self._leaving:
            self._arrived_there += 1
            leaving = self._waiting.popleft()
            if not leaving.arrived.done():
                leaving.arrived.set_result(max(1, -(-len(leaving.data) // PIECE_BYTES)))
        self._flush()

    def _take_fast(self, data: bytes) -> None:
        if not self._proved.done() or self._proved.exception() is not None:
            return
        try:
            frame = wire.decode(data)
        except DecodeError:
            self.bad_frames += 1
            return
        self._heard()
        match frame:
            case Ping(sequence, t1_s):
                self._ponged = (self._ponged + 1) & 0xFFFFFFFF
                pong = Pong(sequence, t1_s, self._net.now(), self._ponged)
                self.channels.send_fast(wire.encode(pong))
            case Pong(sequence, t1_s, t2_s, count):
                now = self._net.now()
                if self._pings.pop(sequence, None) == t1_s:  # else it was not ours, or comes twice
                    sample = self.stats.answered(sequence, t1_s, t2_s, t2_s, now, count, kernel_stamp=False)
                    if sample is not None:
                        self.on_sample(sample)
            case Piece(piece, True) if self._unread_bytes <= MAX_UNREAD_BYTES:
                self._deliver(piece, Mode.UNRELIABLE)
            case _:
                pass

    # Is it still there?

    def _heard(self) -> None:
        self._heard_s = self._net.now()
        if self.silent:
            self.silent = False
            self._changed()

    async def _ping(self) -> None:
        """A killed browser says nothing: it is told apart within three seconds, and let go after ten."""
        while not self.closed:
            now = self._net.now()
            self._sequence = (self._sequence + 1) & 0xFFFFFFFF
            self.stats.sent(self._sequence, now)
            self._pings[self._sequence] = now
            if len(self._pings) > MAX_PINGS:
                del self._pings[next(iter(self._pings))]
            self.channels.send_fast(wire.encode(Ping(self._sequence, now)))
            self.stats.expire(now)
            quiet_s = now - self._heard_s
            if quiet_s > GONE_S:
                self._lost()
            elif (quiet_s > SILENT_S) != self.silent:
                self.silent = not self.silent
                self._changed()
            await asyncio.sleep(PING_PERIOD_S)

    def summary(self) -> ProbeSummary:
        """Round trips and losses of the last minute."""
        return self.stats.summary(self._net.now())

    def _lost(self) -> None:
        """It is over: everybody who waits hears it."""
        if self.closed:
            return
        self.closed = True
        self._refuse()
        over = SessionError(SessionError.Reason.CLOSED)
        for leaving in (*self._waiting, *self._queues[0], *self._queues[1]):
            if not leaving.arrived.done():
                leaving.arrived.set_exception(over)
                leaving.arrived.exception()
        for event in (self._arrived, self._room, self._ended):
            event.set()
        self._changed()

    async def close(self) -> None:
        """Ends it; returns when nothing of it is left. May be called twice."""
        self._lost()
        await self._tasks.close()
        await self.channels.close()
