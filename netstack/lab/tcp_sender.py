"""The sending half of the lab's TCP: queue, flight, congestion window, retransmission timer."""

from collections import deque
from collections.abc import Callable
from typing import TYPE_CHECKING

from netstack.lab.packet import Segment

if TYPE_CHECKING:
    from netstack.lab.world import World

SYN, ACK, FIN, RST = 1, 2, 4, 8

WINDOW_BYTES = 262_144
_FIRST_RTO_S = 1.0
_MIN_RTO_S = 0.2
_MAX_RTO_S = 60.0
_MAX_RETRIES = 15
_MAX_SYN_RETRIES = 6
_DUPLICATES = 3
_FIRST_WINDOW_SEGMENTS = 10


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


class TcpSender:
    """Sends in order and until acknowledged.

    `emit(flags, seq, data)` puts a segment on the wire; `give_up()` is called when nothing was acknowledged
    for too long.
    """

    def __init__(
        self,
        world: "World",
        mss_bytes: int,
        emit: Callable[[int, int, bytes], None],
        give_up: Callable[[], None],
    ) -> None:
        self.una = 0
        self.next = 0
        self.queued_bytes = 0
        self.retransmissions = 0
        self.fin_sent = False
        self._world = world
        self._emit = emit
        self._give_up = give_up
        self._mss = mss_bytes
        self._queue: deque[bytes] = deque()
        self._flight: deque[_Flying] = deque()
        self._held_bytes = 0
        self._peer_window = WINDOW_BYTES
        self._cwnd = _FIRST_WINDOW_SEGMENTS * mss_bytes
        self._ssthresh = WINDOW_BYTES
        self._duplicates = 0
        self._recover = 0
        self._srtt_s: float | None = None
        self._rttvar_s = 0.0
        self._rto_s = _FIRST_RTO_S
        self._timed: tuple[int, float] | None = None
        self._deadline_s: float | None = None
        self._armed_s: float | None = None
        self._retries = 0
        self._stopped = False

    @property
    def idle(self) -> bool:
        """Nothing is queued or under way."""
        return not self._queue and not self._flight

    @property
    def unacknowledged_bytes(self) -> int:
        """Bytes queued or under way."""
        return self.queued_bytes + sum(len(flying.data) for flying in self._flight)

    def queue(self, data: bytes) -> None:
        """Takes bytes to send."""
        for start in range(0, len(data), self._mss):
            self._queue.append(bytes(data[start : start + self._mss]))
        self.queued_bytes += len(data)

    def transmit(self, flags: int, data: bytes = b"") -> None:
        """Sends something that has to be acknowledged."""
        seq = self.next
        self.next += len(data) or 1
        self._flight.append(_Flying(seq, flags, data))
        if self._timed is None:
            self._timed = (self.next, self._world.now())
        if self._deadline_s is None:
            self._start_timer()
        self._emit(flags, seq, data)

    def pump(self, *, closing: bool) -> None:
        """Sends what both windows allow, and a FIN when all is sent and it is `closing`."""
        window = min(self._cwnd, self._peer_window)
        if self._peer_window > 0:
            window = max(window, self._mss)
        while self._queue and self.next - self.una - self._held_bytes + len(self._queue[0]) <= window:
            data = self._queue.popleft()
            self.queued_bytes -= len(data)
            self.transmit(ACK, data)
        if closing and not self._queue and not self.fin_sent:
            self.fin_sent = True
            self.transmit(FIN | ACK)
        if self._queue and self._deadline_s is None:
            self._start_timer()

    def on_ack(self, segment: Segment) -> None:
        """Takes an acknowledgement."""
        ack = segment.ack
        if ack > self.next or ack < self.una:
            return
        self._peer_window = segment.window
        if segment.held:
            self._mark_held(set(segment.held))
        if ack > self.una:
            self._advance(ack)
        elif segment.held:
            self._duplicates += 1
            if self._duplicates == _DUPLICATES and ack >= self._recover:
                self._recover = self.next
                self._ssthresh = self._cwnd = max(2 * self._mss, self._cwnd // 2)
        if self._flight and ack < self._recover:
            self._fill_holes()

    def shrink(self, mss_bytes: int) -> None:
        """Cuts everything that waits into smaller segments and sends what was under way again."""
        self._mss = mss = min(self._mss, mss_bytes)
        self._queue = deque(data[i : i + mss] for data in self._queue for i in range(0, len(data), mss))
        self._flight = deque(
            _Flying(flying.seq + i, flying.flags, flying.data[i : i + mss])
            for flying in self._flight
            for i in range(0, len(flying.data) or 1, mss)
        )
        self._held_bytes = 0
        for flying in self._flight:
            self._resend(flying)

    def stop(self) -> None:
        """Forgets everything."""
        self._stopped = True
        self._queue.clear()
        self._flight.clear()
        self.queued_bytes = 0

    def _advance(self, ack: int) -> None:
        acked = ack - self.una
        self.una = ack
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
                self._cwnd = min(WINDOW_BYTES, self._cwnd + max(1, self._mss * acked // self._cwnd))
        self._deadline_s = None
        if flight:
            self._start_timer()

    # loss

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
        under_way = self.next - self.una - self._held_bytes - sum(len(hole.data) for hole in holes)
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
        if self._armed_s is None or self._deadline_s < self._armed_s:
            self._arm(self._deadline_s)

    def _arm(self, due_s: float) -> None:
        self._armed_s = due_s
        self._world.at(due_s, self._tick, due_s)

    def _tick(self, due_s: float) -> None:
        if due_s != self._armed_s or self._stopped:
            return
        self._armed_s = None
        if self._deadline_s is None:
            return
        if due_s < self._deadline_s:
            self._arm(self._deadline_s)
            return
        self._retries += 1
        if self._retries > (_MAX_RETRIES if self.una else _MAX_SYN_RETRIES):
            self._give_up()
            return
        self._start_timer()
        if not self._flight:
            # The other side's window is closed: ask whether it opened (RFC 9293 section 3.8.6.1).
            self._emit(ACK, self.una - 1, b"")
            return
        self._duplicates = 0
        self._recover = self.next
        self._ssthresh = max(2 * self._mss, self._cwnd // 2)
        self._cwnd = self._mss
        for flying in self._flight:
            flying.again = False
        self._resend(self._flight[0])
