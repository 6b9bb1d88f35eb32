"""A small TCP for lab hosts: real segments through links and NATs, ordered bytes above.

It opens (also simultaneously, RFC 9293 section 3.5), refuses, resets and closes as TCP does, and recovers
loss by selective acknowledgements and an RFC 6298 timer, with slow start and AIMD. Left out: delayed
acknowledgements, Nagle, urgent data, options, wrapping sequence numbers, TIME-WAIT.
"""

from collections import deque
from enum import Enum
from itertools import islice
from typing import TYPE_CHECKING, Protocol

from netstack.errors import NetError
from netstack.lab.packet import Icmp, IcmpKind, Segment
from netstack.lab.tcp_sender import ACK, FIN, RST, SYN, WINDOW_BYTES, TcpSender
from netstack.model.address import Address

if TYPE_CHECKING:
    from netstack.lab.host import Host

_HIGH_WATER_BYTES = 65_536
_MAX_EARLY = 4096
_MAX_HELD = 256
_MIN_MSS_BYTES = 64
_ORPHAN_S = 60.0

Reason = NetError.Reason


class State(Enum):
    """Where a connection stands."""

    SYN_SENT = "syn-sent"
    SYN_RECEIVED = "syn-received"
    OPEN = "open"
    CLOSED = "closed"


class TcpUser(Protocol):
    """Who uses a connection. Called when packets arrive; must not block."""

    def opened(self) -> None:
        """The handshake is complete."""

    def received(self, data: bytes) -> None:
        """The next bytes came."""

    def ended(self) -> None:
        """The other side sends no more."""

    def writable(self) -> None:
        """The queue is short again."""

    def closed(self, reason: NetError.Reason | None) -> None:
        """The connection is gone; None: both sides had ended it. Called once, last."""


class TcpConnection:
    """One end of a connection. `local` and `remote` are fixed; `user` is set before bytes can come."""

    def __init__(
        self, host: "Host", local: Address, remote: Address, mss_bytes: int, user: TcpUser | None = None
    ) -> None:
        self.host = host
        self.local = local
        self.remote = remote
        self.user = user
        self.state = State.CLOSED
        self.sender = TcpSender(host.world, mss_bytes, self._emit, self._timed_out)
        self._world = host.world
        self._full = False
        self._closing = False
        self._orphan = False
        self._expect = 0
        self._early: dict[int, Segment] = {}
        self._unread: deque[bytes] = deque()
        self._unread_bytes = 0
        self._paused = False
        self._ended = False
        self._told_end = False

    def connect(self) -> None:
        """Begins the handshake."""
        self.state = State.SYN_SENT
        self.sender.transmit(SYN)

    def accept(self, syn: Segment) -> None:
        """Answers a SYN that came to a listener."""
        self.state = State.SYN_RECEIVED
        self._expect = syn.seq + 1
        self.sender.transmit(SYN | ACK)

    def write(self, data: bytes) -> bool:
        """Queues bytes; False: the queue is long, wait for `writable`. Ignored once it is closing."""
        if self.state is State.CLOSED or self._closing:
            return True
        self.sender.queue(data)
        self._pump()
        self._full = self.sender.queued_bytes > _HIGH_WATER_BYTES
        return not self._full

    def finish(self) -> None:
        """Ends our direction after what is queued."""
        if not self._closing and self.state is not State.CLOSED:
            self._closing = True
            self._pump()

    def release(self) -> None:
        """The user is done: what is queued is still sent, what still comes is refused (RFC 9293 3.6.1)."""
        if self.state is State.CLOSED or self._orphan:
            return
        self.user = None
        self._orphan = True
        if self.state is not State.OPEN or self._unread:
            self.abort()
            return
        self.finish()
        self._world.at(self._world.now() + _ORPHAN_S, self._give_orphan_up, None)

    def abort(self) -> None:
        """Ends both directions at once; the other side is told."""
        if self.state is not State.CLOSED:
            self._emit(RST | ACK, self.sender.next, b"")
            self._gone(None)

    def forget(self) -> None:
        """Ends it without telling anyone: the computer lost power."""
        self._gone(Reason.CLOSED)

    def pause(self, paused: bool) -> None:
        """Holds received bytes back, or hands them over again."""
        self._paused = paused
        if paused or not self._unread_bytes:
            return
        while self._unread and not self._paused:
            data = self._unread.popleft()
            self._unread_bytes -= len(data)
            if self.user is not None:
                self.user.received(data)
        if self.state is not State.CLOSED:
            self._acknowledge()
        self._maybe_ended()

    def receive(self, segment: Segment) -> None:
        """Takes one segment of the other side."""
        if self.state is State.CLOSED:
            return
        flags = segment.flags
        if flags & RST:
            self._on_reset(segment)
            return
        if self.state is State.SYN_SENT:
            self._on_answer(segment)
            return
        if flags & SYN and segment.seq + 1 == self._expect:
            if self.state is State.SYN_RECEIVED and not flags & ACK:
                self._emit(SYN | ACK, 0, b"")
                return
            self._acknowledge()
        if flags & ACK:
            self.sender.on_ack(segment)
            if self.state is State.SYN_RECEIVED and self.sender.una > 0:
                self._open()
            self._maybe_closed()
        if self.state is State.OPEN and (segment.data or flags & FIN or segment.seq < self._expect):
            self._on_data(segment)
        self._pump()

    def refused(self, icmp: Icmp) -> None:
        """The network sent one of our segments back."""
        if icmp.kind is IcmpKind.TOO_BIG:
            headers = 60 if ":" in self.remote.host else 40
            self.sender.shrink(max(_MIN_MSS_BYTES, icmp.mtu_bytes - headers))
        elif self.state is State.SYN_SENT and icmp.kind is not IcmpKind.TTL_EXCEEDED:
            self._gone(Reason.REFUSED if icmp.kind is IcmpKind.PORT_UNREACHABLE else Reason.UNREACHABLE)

    # handshake and end

    def _on_answer(self, segment: Segment) -> None:
        """Handles the first answer to our SYN."""
        if not segment.flags & SYN:
            if segment.flags & ACK:
                self.host.send_reset(self.local, self.remote, segment)
            return
        self._expect = segment.seq + 1
        if segment.flags & ACK:
            self.sender.on_ack(segment)
            self._acknowledge()
            self._open()
            self._pump()
        else:
            self.state = State.SYN_RECEIVED
            self._emit(SYN | ACK, 0, b"")

    def _open(self) -> None:
        self.state = State.OPEN
        self.host.tcp_opened(self)
        if self.user is not None:
            self.user.opened()

    def _on_reset(self, segment: Segment) -> None:
        if self.state is State.SYN_SENT:
            if segment.flags & ACK and segment.ack == self.sender.next:
                self._gone(Reason.REFUSED)
        elif self._ended and self.sender.fin_sent:
            self._gone(None)
        else:
            self._gone(Reason.RESET)

    def _timed_out(self) -> None:
        self._gone(Reason.TIMED_OUT)

    def _give_orphan_up(self, _: None) -> None:
        if self.sender.idle:
            self.abort()
        else:
            self._world.at(self._world.now() + _ORPHAN_S, self._give_orphan_up, None)

    def _maybe_closed(self) -> None:
        over = self.sender.fin_sent and self.sender.idle and self._ended and not self._unread
        if over and self.state is State.OPEN:
            self._gone(None)

    def _gone(self, reason: NetError.Reason | None) -> None:
        if self.state is State.CLOSED:
            return
        self.state = State.CLOSED
        self.sender.stop()
        self._early.clear()
        self.host.tcp_closed(self)
        if self.user is not None:
            self.user.closed(reason)

    # bytes

    def _pump(self) -> None:
        if self.state is not State.OPEN:
            return
        self.sender.pump(closing=self._closing)
        if self._full and self.sender.queued_bytes <= _HIGH_WATER_BYTES // 4:
            self._full = False
            if self.user is not None:
                self.user.writable()

    def _acknowledge(self) -> None:
        self._emit(ACK, self.sender.next, b"")

    def _emit(self, flags: int, seq: int, data: bytes) -> None:
        window = max(0, WINDOW_BYTES - self._unread_bytes)
        held = tuple(islice(self._early, _MAX_HELD)) if self._early else ()
        self.host.send_segment(self.local, self.remote, Segment(flags, seq, self._expect, window, data, held))

    def _on_data(self, segment: Segment) -> None:
        if segment.seq > self._expect:
            if len(self._early) >= _MAX_EARLY:
                self._early.clear()
            self._early[segment.seq] = segment
        else:
            self._take(segment)
            while (held := self._early.pop(self._expect, None)) is not None:
                self._take(held)
        if self.state is State.OPEN:
            self._acknowledge()
        self._maybe_ended()

    def _take(self, segment: Segment) -> None:
        data = segment.data[self._expect - segment.seq :]
        if data:
            self._expect += len(data)
            if self._orphan:
                self.abort()
            elif self._paused or self.user is None or self._unread:
                self._unread.append(data)
                self._unread_bytes += len(data)
            else:
                self.user.received(data)
        elif segment.flags & FIN and segment.seq == self._expect and not self._ended:
            self._expect += 1
            self._ended = True

    def _maybe_ended(self) -> None:
        if self._ended and not self._unread and self.state is State.OPEN:
            if self.user is not None and not self._told_end:
                self._told_end = True
                self.user.ended()
            self._maybe_closed()
