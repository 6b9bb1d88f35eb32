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
from netstack.model.address import Address

if TYPE_CHECKING:
    from netstack.lab.host import Host

SYN, ACK, FIN, RST = 1, 2, 4, 8

_WINDOW_BYTES = 262_144
_HIGH_WATER_BYTES = 65_536
_FIRST_RTO_S = 1.0
_MIN_RTO_S = 0.2
_MAX_RTO_S = 60.0
_MAX_RETRIES = 15
_MAX_SYN_RETRIES = 6
_DUPLICATES = 3
_FIRST_WINDOW_SEGMENTS = 10
_MAX_EARLY = 4096
_MAX_HELD = 256
_ORPHAN_S = 60.0

Reason = NetError.Reason


class _Flying:
    """Something sent and not yet acknowledged."""

    __slots__ = ("again", "data", "end", "flags", "held", "seq")

    def __init__(self, seq: int, flags: int, data: bytes) -> None:
        self.seq = seq
        self.end = seq + (len(data) or 1)
        self.flags = flags
        self.data = data
        self.held = False
        self.again = False


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
        self.retransmissions = 0
        self._world = host.world
        self._mss = mss_bytes
        # sender
        self._queue: deque[bytes] = deque()
        self._queued_bytes = 0
        self._flight: deque[_Flying] = deque()
        self._held_bytes = 0
        self._una = 0
        self._next = 0
        self._peer_window = _WINDOW_BYTES
        self._cwnd = _FIRST_WINDOW_SEGMENTS * mss_bytes
        self._ssthresh = _WINDOW_BYTES
        self._duplicates = 0
        self._recover = 0
        self._full = False
        self._closing = False
        self._fin_sent = False
        # timer
        self._srtt_s: float | None = None
        self._rttvar_s = 0.0
        self._rto_s = _FIRST_RTO_S
        self._timed: tuple[int, float] | None = None
        self._deadline_s: float | None = None
        self._armed = False
        self._retries = 0
        # receiver
        self._expect = 0
        self._early: dict[int, Segment] = {}
        self._unread: deque[bytes] = deque()
        self._unread_bytes = 0
        self._paused = False
        self._ended = False
        self._told_end = False
        self._orphan = False

    @property
    def queued_bytes(self) -> int:
        """Bytes written and not yet acknowledged."""
        return self._queued_bytes + sum(len(flying.data) for flying in self._flight)

    def connect(self) -> None:
        """Begins the handshake."""
        self.state = State.SYN_SENT
        self._transmit(SYN, b"")

    def accept(self, syn: Segment) -> None:
        """Answers a SYN that came to a listener."""
        self.state = State.SYN_RECEIVED
        self._expect = syn.seq + 1
        self._transmit(SYN | ACK, b"")

    def write(self, data: bytes) -> bool:
        """Queues bytes; False: the queue is long, wait for `writable`. Ignored once it is closing."""
        if self.state is State.CLOSED or self._closing:
            return True
        for start in range(0, len(data), self._mss):
            self._queue.append(bytes(data[start : start + self._mss]))
        self._queued_bytes += len(data)
        self._pump()
        self._full = self._queued_bytes > _HIGH_WATER_BYTES
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
        self._world.at(self._world.now() + _ORPHAN_S, self._give_up, None)

    def abort(self, reason: NetError.Reason | None = None) -> None:
        """Ends both directions at once; the other side is told."""
        if self.state is not State.CLOSED:
            self._emit(RST | ACK, self._next, b"")
            self._gone(reason)

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
            self._emit(ACK, self._next, b"")
        self._maybe_ended()

    def receive(self, segment: Segment) -> None:
        """Takes one segment of the other side."""
        if self.state is State.CLOSED:
            return
        flags = segment.flags
        if flags & RST:
            self._on_reset(segment)
            return
        if self.state is State.SYN_SENT and not self._on_handshake(segment):
            return
        if flags & SYN and self.state is not State.SYN_SENT and segment.seq + 1 == self._expect:
            if self.state is State.SYN_RECEIVED and not flags & ACK:
                self._emit(SYN | ACK, 0, b"")
                return
            self._emit(ACK, self._next, b"")
        if flags & ACK:
            self._on_ack(segment)
            if self.state is State.SYN_RECEIVED and self._una > 0:
                self._open()
        if self.state is State.OPEN and (segment.data or flags & FIN or segment.seq < self._expect):
            self._on_data(segment)
        if self.state is State.OPEN:
            self._pump()

    def refused(self, icmp: Icmp) -> None:
        """The network sent one of our segments back."""
        if icmp.kind is IcmpKind.TOO_BIG:
            self._mss = max(64, min(self._mss, icmp.mtu_bytes - 40 - 20 * (":" in self.remote.host)))
            self._cut_to_mss()
            for flying in self._flight:
                self._resend(flying)
        elif self.state is State.SYN_SENT and icmp.kind is not IcmpKind.TTL_EXCEEDED:
            self._gone(Reason.REFUSED if icmp.kind is IcmpKind.PORT_UNREACHABLE else Reason.UNREACHABLE)

    # handshake

    def _on_handshake(self, segment: Segment) -> bool:
        """Handles the first answer to our SYN. True: go on with its acknowledgement."""
        if not segment.flags & SYN:
            if segment.flags & ACK:
                self.host.send_reset(self.local, self.remote, segment)
            return False
        self._expect = segment.seq + 1
        if segment.flags & ACK:
            self._on_ack(segment)
            self._emit(ACK, self._next, b"")
            self._open()
            return False
        self.state = State.SYN_RECEIVED
        self._emit(SYN | ACK, 0, b"")
        return False

    def _open(self) -> None:
        self.state = State.OPEN
        self.host.tcp_opened(self)
        if self.user is not None:
            self.user.opened()
        if self.state is State.OPEN:
            self._pump()

    def _on_reset(self, segment: Segment) -> None:
        if self.state is State.SYN_SENT:
            if segment.flags & ACK and segment.ack == self._next:
                self._gone(Reason.REFUSED)
        elif self._ended and self._fin_sent:
            self._gone(None)
        else:
            self._gone(Reason.RESET)

    # sending

    def _pump(self) -> None:
        """Sends what both windows allow."""
        if self.state is not State.OPEN:
            return
        window = min(self._cwnd, self._peer_window)
        window = max(window, self._mss if self._peer_window > 0 else 0)
        while self._queue and self._next - self._una - self._held_bytes + len(self._queue[0]) <= window:
            data = self._queue.popleft()
            self._queued_bytes -= len(data)
            self._transmit(ACK, data)
        if self._closing and not self._queue and not self._fin_sent:
            self._fin_sent = True
            self._transmit(FIN | ACK, b"")
        if self._queue and self._deadline_s is None:
            self._start_timer()
        if self._full and self._queued_bytes <= _HIGH_WATER_BYTES // 4:
            self._full = False
            if self.user is not None:
                self.user.writable()

    def _transmit(self, flags: int, data: bytes) -> None:
        """Sends something that has to be acknowledged."""
        seq = self._next
        self._next += len(data) or 1
        self._flight.append(_Flying(seq, flags, data))
        if self._timed is None:
            self._timed = (self._next, self._world.now())
        if self._deadline_s is None:
            self._start_timer()
        self._emit(flags, seq, data)

    def _emit(self, flags: int, seq: int, data: bytes) -> None:
        window = max(0, _WINDOW_BYTES - self._unread_bytes)
        held = tuple(islice(self._early, _MAX_HELD)) if self._early else ()
        self.host.send_segment(self.local, self.remote, Segment(flags, seq, self._expect, window, data, held))

    def _on_ack(self, segment: Segment) -> None:
        ack = segment.ack
        if ack > self._next or ack < self._una:
            return
        self._peer_window = segment.window
        if segment.held:
            self._mark_held(set(segment.held))
        if ack > self._una:
            self._advance(ack)
        elif segment.held:
            self._duplicates += 1
            if self._duplicates == _DUPLICATES and ack >= self._recover:
                self._recover = self._next
                self._ssthresh = self._cwnd = max(2 * self._mss, self._cwnd // 2)
        if ack < self._recover:
            self._fill_holes()

    def _advance(self, ack: int) -> None:
        acked = ack - self._una
        self._una = ack
        self._duplicates = 0
        self._retries = 0
        flight = self._flight
        while flight and flight[0].end <= ack:
            flying = flight.popleft()
            if flying.held:
                self._held_bytes -= len(flying.data)
        if self._timed is not None and ack >= self._timed[0]:
            self._measure(self._world.now() - self._timed[1])
            self._timed = None
        if ack >= self._recover:
            if self._cwnd < self._ssthresh:
                self._cwnd += acked
            else:
                self._cwnd = min(_WINDOW_BYTES, self._cwnd + max(1, self._mss * acked // self._cwnd))
        self._deadline_s = None
        if flight:
            self._start_timer()
        self._maybe_closed()

    def _mark_held(self, held: set[int]) -> None:
        for flying in self._flight:
            if not flying.held and flying.seq in held:
                flying.held = True
                self._held_bytes += len(flying.data)

    def _fill_holes(self) -> None:
        """Sends again, once, what the other side misses below what it has, as far as the window allows."""
        last_held = max((flying.seq for flying in self._flight if flying.held), default=0)
        first = self._flight[0]
        holes = [
            flying
            for flying in self._flight
            if not flying.held and not flying.again and (flying.seq < last_held or flying is first)
        ]
        under_way = self._next - self._una - self._held_bytes - sum(len(hole.data) for hole in holes)
        for hole in holes:
            if under_way > self._cwnd and hole is not first:
                break
            under_way += len(hole.data)
            self._resend(hole)

    def _resend(self, flying: _Flying) -> None:
        flying.again = True
        self.retransmissions += 1
        self._timed = None
        self._emit(flying.flags, flying.seq, flying.data)

    def _cut_to_mss(self) -> None:
        """Cuts everything that waits into segments of the new size."""
        mss = self._mss
        self._queue = deque(data[i : i + mss] for data in self._queue for i in range(0, len(data), mss))
        self._flight = deque(
            _Flying(flying.seq + i, flying.flags, flying.data[i : i + mss])
            for flying in self._flight
            for i in range(0, len(flying.data) or 1, mss)
        )
        self._held_bytes = 0

    # timer

    def _measure(self, rtt_s: float) -> None:
        """RFC 6298 section 2."""
        if self._srtt_s is None:
            self._srtt_s, self._rttvar_s = rtt_s, rtt_s / 2
        else:
            self._rttvar_s += (abs(self._srtt_s - rtt_s) - self._rttvar_s) / 4
            self._srtt_s += (rtt_s - self._srtt_s) / 8
        self._rto_s = min(_MAX_RTO_S, max(_MIN_RTO_S, self._srtt_s + 4 * self._rttvar_s))

    def _start_timer(self) -> None:
        self._deadline_s = self._world.now() + min(_MAX_RTO_S, self._rto_s * 2**self._retries)
        if not self._armed:
            self._armed = True
            self._world.at(self._deadline_s, self._tick, None)

    def _tick(self, _: None) -> None:
        self._armed = False
        if self.state is State.CLOSED or self._deadline_s is None:
            return
        if self._world.now() + 1e-9 < self._deadline_s:
            self._armed = True
            self._world.at(self._deadline_s, self._tick, None)
            return
        self._retries += 1
        if self._retries > (_MAX_RETRIES if self.state is State.OPEN else _MAX_SYN_RETRIES):
            self._gone(Reason.TIMED_OUT)
            return
        self._deadline_s = None
        self._start_timer()
        if self._flight:
            self._duplicates = 0
            self._recover = self._next
            self._ssthresh = max(2 * self._mss, self._cwnd // 2)
            self._cwnd = self._mss
            for flying in self._flight:
                flying.again = False
            self._resend(self._flight[0])
        else:
            # The other side's window is closed: ask whether it opened (RFC 9293 section 3.8.6.1).
            self._emit(ACK, self._una - 1, b"")

    def _give_up(self, _: None) -> None:
        if self._flight or self._queue:
            self._world.at(self._world.now() + _ORPHAN_S, self._give_up, None)
        else:
            self.abort()

    # receiving

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
            self._emit(ACK, self._next, b"")
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

    def _maybe_closed(self) -> None:
        if (
            self.state is State.OPEN
            and self._fin_sent
            and not self._flight
            and self._ended
            and not self._unread
        ):
            self._gone(None)

    def _gone(self, reason: NetError.Reason | None) -> None:
        if self.state is State.CLOSED:
            return
        self.state = State.CLOSED
        self._queue.clear()
        self._queued_bytes = 0
        self._flight.clear()
        self._early.clear()
        self.host.tcp_closed(self)
        if self.user is not None:
            self.user.closed(reason)
