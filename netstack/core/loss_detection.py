"""What was sent on one path, what arrived and what was lost (RFC 9002 section 6).

The unit is a burst: packets sealed and sent together under consecutive numbers. Which of them are still
pending, and which are lost, are the bits of two ints, so the acknowledgement of 44 packets is one
comparison. The machine is driven by four calls:

    sent(first, count, packet_bytes, now, ...)      a burst left
    acked(ranges, ack_delay_s, now) -> Outcome      the peer acknowledged packet number ranges
    deadline()                                      when `expired` wants to be called
    expired(now) -> Outcome                         the deadline passed: losses, or a probe is wanted
"""

from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from netstack.core.rtt import GRANULARITY_S, RttEstimator
from netstack.core.sent_bursts import Ledger, SentBurst, mask_of
from netstack.errors import DecodeError

MAX_ACK_DELAY_S = 0.025
PACKET_THRESHOLD = 3
TIME_THRESHOLD = 1 / 8
MAX_PACKET_THRESHOLD = 256
MAX_TIME_THRESHOLD = 1.0
MAX_PROBE_TIMEOUTS = 7
MAX_BACKOFF = 64
PERSISTENT_CONGESTION_PROBE_TIMEOUTS = 3
REMEMBERED_LOST_BURSTS = 256
REORDERING_FORGOTTEN_AFTER_S = 60.0


class Outcome:
    """What one acknowledgement or one deadline told. `acked` and `lost` hold (burst, mask), newest first.

    A packet that was called lost and arrives after all is in `acked` and counted in `spurious_packets`.
    `newest` is the newest burst of which something was acknowledged; `rtt_s` a fresh sample, if any;
    `prior_in_flight_bytes` what was in flight before. Lost MTU probes are in `lost` alone, uncounted:
    they tell of size, not of congestion. `probes` is how many packets to send now, whatever the
    congestion window says.
    """

    __slots__ = (
        "acked",
        "acked_bytes",
        "lost",
        "lost_bytes",
        "lost_packets",
        "newest",
        "persistent_congestion",
        "prior_in_flight_bytes",
        "probes",
        "rtt_s",
        "spurious_packets",
    )

    def __init__(self, prior_in_flight_bytes: int) -> None:
        self.acked: list[tuple[SentBurst, int]] = []
        self.lost: list[tuple[SentBurst, int]] = []
        self.acked_bytes = 0
        self.lost_bytes = 0
        self.lost_packets = 0
        self.spurious_packets = 0
        self.newest: SentBurst | None = None
        self.rtt_s: float | None = None
        self.prior_in_flight_bytes = prior_in_flight_bytes
        self.persistent_congestion = False
        self.probes = 0


class LossDetector:
    """Loss detection for one path; packet numbers rise and are never used twice.

    Loss is told by packet threshold and by time threshold, and both widen when a loss proves spurious.
    A time threshold never marks a packet above the largest acknowledged one. When `MAX_PROBE_TIMEOUTS`
    probe timeouts in a row brought nothing, `exhausted` is true and no further probes are asked for.
    """

    __slots__ = (
        "_buried",
        "_eliciting_sent_at_s",
        "_largest_acked",
        "_ledger",
        "_loss_at_s",
        "_newest_acked_sent_at_s",
        "_next",
        "_packet_threshold",
        "_spurious_at_s",
        "_time_threshold",
        "bytes_in_flight",
        "max_ack_delay_s",
        "probe_timeouts",
        "rtt",
    )

    def __init__(self, rtt: RttEstimator, max_ack_delay_s: float = MAX_ACK_DELAY_S) -> None:
        self.rtt = rtt
        self.max_ack_delay_s = max_ack_delay_s
        self.bytes_in_flight = 0
        self.probe_timeouts = 0
        self._ledger = Ledger()
        self._buried: Ledger | None = None
        self._next = 0
        self._largest_acked = -1
        self._loss_at_s: float | None = None
        self._eliciting_sent_at_s = 0.0
        self._newest_acked_sent_at_s = float("-inf")
        self._packet_threshold = PACKET_THRESHOLD
        self._time_threshold = TIME_THRESHOLD
        self._spurious_at_s = 0.0

    @property
    def exhausted(self) -> bool:
        """Probes went unanswered as often as they may: the path is to be called dead."""
        return self.probe_timeouts >= MAX_PROBE_TIMEOUTS

    @property
    def largest_acked(self) -> int:
        """The largest acknowledged packet number, -1 before the first."""
        return self._largest_acked

    def outstanding(self) -> Iterator[SentBurst]:
        """Bursts with pending packets, oldest first: what a probe may carry again."""
        return iter(self._ledger.bursts)

    def sent(
        self,
        first: int,
        count: int,
        packet_bytes: int,
        now: float,
        cargo: Any = None,
        *,
        last_bytes: int | None = None,
        mtu_probe: bool = False,
    ) -> SentBurst:
        """Records a burst of packets that the peer must acknowledge."""
        if first < self._next or count < 1:
            raise ValueError(f"packets {first} to {first + count - 1} after {self._next - 1}")
        burst = SentBurst(
            first,
            count,
            packet_bytes,
            packet_bytes if last_bytes is None else last_bytes,
            now,
            cargo,
            mtu_probe,
        )
        self._next = first + count
        self._ledger.add(burst)
        self.bytes_in_flight += burst.bytes_of(burst.pending)
        self._eliciting_sent_at_s = now
        return burst

    def sent_one(self, number: int, size_bytes: int, now: float, cargo: Any) -> SentBurst:
        """`sent` for a single packet."""
        burst = SentBurst(number, 1, size_bytes, size_bytes, now, cargo)
        self._next = number + 1
        self._ledger.firsts.append(number)
        self._ledger.bursts.append(burst)
        self.bytes_in_flight += size_bytes
        self._eliciting_sent_at_s = now
        return burst

    def sent_unacknowledged(self, number: int) -> None:
        """Records a packet that the peer need not acknowledge (it only carries acknowledgements)."""
        if number < self._next:
            raise ValueError(f"packet {number} after {self._next - 1}")
        self._next = number + 1

    def acked(self, ranges: Sequence[tuple[int, int]], ack_delay_s: float, now: float) -> Outcome:
        """Takes acknowledged ranges (first, last), both inclusive, newest first, disjoint.

        Raises DecodeError when they are in disorder or name a packet that was never sent; nothing has
        changed then.
        """
        self._check(ranges)
        outcome = Outcome(self.bytes_in_flight)
        largest = ranges[0][1]
        for low, high in ranges:
            self._take(low, high, outcome, now)
        newest = outcome.newest
        if newest is not None:
            if largest > self._largest_acked and newest.first <= largest < newest.first + newest.count:
                delay_s = min(max(ack_delay_s, 0.0), self.max_ack_delay_s)
                outcome.rtt_s = self.rtt.add(now - newest.sent_at_s, delay_s)
            self.probe_timeouts = 0
        self._largest_acked = max(self._largest_acked, largest)
        self._find_lost(now, outcome)
        if newest is not None:
            self._newest_acked_sent_at_s = max(self._newest_acked_sent_at_s, newest.sent_at_s)
        return outcome

    def clear_from(self, low: int) -> bool:
        """Nothing is pending, and no packet from `low` on was called lost."""
        buried = self._buried
        return not self._ledger.bursts and (
            buried is None or not buried.bursts or buried.bursts[-1].end <= low
        )

    def sent_and_acked(self, burst: SentBurst, ack_delay_s: float, now: float) -> Outcome:
        """Packets left while nothing was pending, and all have arrived."""
        self._next = burst.end
        self._eliciting_sent_at_s = burst.sent_at_s
        outcome = Outcome(burst.last_bytes)
        outcome.newest = burst
        outcome.acked_bytes = burst.last_bytes
        outcome.acked = [(burst, burst.pending)]
        burst.pending = 0
        self._arrived(burst, burst.end - 1, outcome, ack_delay_s, now)
        return outcome

    def _arrived(
        self, newest: SentBurst, largest: int, outcome: Outcome, ack_delay_s: float, now: float
    ) -> None:
        """Nothing below the largest acknowledged packet is missing."""
        delay_s = min(max(ack_delay_s, 0.0), self.max_ack_delay_s)
        outcome.rtt_s = self.rtt.add(now - newest.sent_at_s, delay_s)
        self.probe_timeouts = 0
        self._largest_acked = largest
        self._loss_at_s = None
        self._newest_acked_sent_at_s = max(self._newest_acked_sent_at_s, newest.sent_at_s)

    def acked_singles(
        self, low: int, high: int, kinds: tuple[type, ...], ack_delay_s: float, now: float
    ) -> Outcome | None:
        """`acked` for the common case of small messages: packets that were sent one by one arrived, up to the newest of them
        and the oldest that was pending included. None: it is not that simple (cargo of no `kinds`, a gap, a lost
        packet that came late), and nothing has changed.
        """
        firsts, bursts = self._ledger.firsts, self._ledger.bursts
        count = bisect_right(firsts, high)
        if not count or firsts[0] < low or firsts[count - 1] != high or high <= self._largest_acked:
            return None
        buried = self._buried
        if buried is not None and buried.firsts and buried.bursts[-1].end > low:
            return None
        taken = bursts[:count]
        for burst in taken:
            if burst.count != 1 or type(burst.cargo) not in kinds:
                return None
        outcome = Outcome(self.bytes_in_flight)
        newest = outcome.newest = taken[-1]
        del bursts[:count], firsts[:count]
        for burst in taken:
            burst.pending = 0
            outcome.acked_bytes += burst.last_bytes
        self.bytes_in_flight -= outcome.acked_bytes
        outcome.acked = [(burst, 1) for burst in reversed(taken)]
        self._arrived(newest, high, outcome, ack_delay_s, now)
        return outcome

    def deadline(self) -> float | None:
        """When to call `expired`: a loss becomes certain, or a probe is due. None: nothing is pending."""
        if self._loss_at_s is not None:
            return self._loss_at_s
        if not self._ledger.bursts or self.exhausted:
            return None
        return self._eliciting_sent_at_s + self.probe_timeout_s()

    def probe_timeout_s(self) -> float:
        """The probe timeout with its back-off."""
        return self.rtt.probe_timeout_s(self.max_ack_delay_s) * min(1 << self.probe_timeouts, MAX_BACKOFF)

    def expired(self, now: float) -> Outcome:
        """Looks at the clock; may be called early or late. `probes` is 2 when a probe timeout passed."""
        outcome = Outcome(self.bytes_in_flight)
        due = self.deadline()
        if due is None or now < due:
            return outcome
        if self._loss_at_s is not None:
            self._find_lost(now, outcome)
        else:
            self.probe_timeouts += 1
            self._eliciting_sent_at_s = now
            outcome.probes = 2
        return outcome

    def abandon(self) -> list[tuple[SentBurst, int]]:
        """Gives up everything pending, as when the path closes, and returns it as (burst, mask)."""
        left = [(burst, burst.pending) for burst in self._ledger.bursts]
        self._ledger = Ledger()
        self._buried = None
        self._loss_at_s = None
        self.bytes_in_flight = 0
        return left

    def _check(self, ranges: Iterable[tuple[int, int]]) -> None:
        above = self._next
        for low, high in ranges:
            if not 0 <= low <= high < above:
                raise DecodeError(DecodeError.Reason.MALFORMED, "acknowledges what was not sent")
            above = low
        if above == self._next:
            raise DecodeError(DecodeError.Reason.MALFORMED, "acknowledges nothing")

    def _take(self, low: int, high: int, outcome: Outcome, now: float) -> None:
        ledger = self._ledger
        if self._buried is not None:
            self._exhume(self._buried, low, high, outcome, now)
        start, end = ledger.span(low, high)
        if start == end:
            return
        bursts = ledger.bursts[start:end]
        kept = []
        for burst in reversed(bursts):
            mask = mask_of(burst, low, high)
            fresh = burst.pending & mask
            late = burst.lost & mask
            if late:
                self._late(burst, late, outcome, now)
            if fresh:
                burst.pending &= ~fresh
                size = burst.bytes_of(fresh)
                self.bytes_in_flight -= size
                outcome.acked_bytes += size
                outcome.acked.append((burst, fresh))
                if outcome.newest is None:
                    outcome.newest = burst
            if burst.pending:
                kept.append(burst)
            elif burst.lost:
                self._bury(burst)
        if len(kept) != len(bursts):
            kept.reverse()
            ledger.replace(start, end, kept)

    def _find_lost(self, now: float, outcome: Outcome) -> None:
        """Packets below the largest acknowledged one: too far below, or sent too long ago."""
        largest = self._largest_acked
        bursts = self._ledger.bursts
        self._loss_at_s = None
        if not bursts or bursts[0].first >= largest:
            return
        if now - self._spurious_at_s > REORDERING_FORGOTTEN_AFTER_S:
            self._packet_threshold, self._time_threshold = PACKET_THRESHOLD, TIME_THRESHOLD
        rtt_s = max(self.rtt.latest_s or 0.0, self.rtt.smoothed_s or 0.0)
        wait_s = max(rtt_s * (1 + self._time_threshold), GRANULARITY_S)
        kept = []
        looked = 0
        for burst in bursts:
            if burst.first >= largest:
                break
            looked += 1
            below = burst.pending & mask_of(burst, burst.first, largest - 1)
            lost = below
            if burst.sent_at_s + wait_s > now:
                lost &= mask_of(burst, burst.first, largest - self._packet_threshold)
            if lost:
                self._lose(burst, lost, outcome)
            if below != lost:
                due = burst.sent_at_s + wait_s
                self._loss_at_s = due if self._loss_at_s is None else min(due, self._loss_at_s)
            if burst.pending:
                kept.append(burst)
            else:
                self._bury(burst)
        if len(kept) != looked:
            self._ledger.replace(0, looked, kept)
        if outcome.lost:
            outcome.lost.reverse()
            self._judge_persistence(outcome)

    def _lose(self, burst: SentBurst, mask: int, outcome: Outcome) -> None:
        burst.pending &= ~mask
        burst.lost |= mask
        size = burst.bytes_of(mask)
        self.bytes_in_flight -= size
        outcome.lost.append((burst, mask))
        if not burst.mtu_probe:
            outcome.lost_bytes += size
            outcome.lost_packets += mask.bit_count()

    def _judge_persistence(self, outcome: Outcome) -> None:
        """RFC 9002 section 7.6: everything over three probe timeouts was lost, nothing in between came."""
        oldest, newest = outcome.lost[-1][0].sent_at_s, outcome.lost[0][0].sent_at_s
        span_s = PERSISTENT_CONGESTION_PROBE_TIMEOUTS * self.rtt.probe_timeout_s(self.max_ack_delay_s)
        between = self._newest_acked_sent_at_s >= oldest
        outcome.persistent_congestion = self.rtt.samples > 1 and newest - oldest > span_s and not between

    def _bury(self, burst: SentBurst) -> None:
        """Remembers a burst with lost packets for a while: they may come late."""
        if self._buried is None:
            self._buried = Ledger()
        self._buried.insert(burst)
        if len(self._buried.bursts) > REMEMBERED_LOST_BURSTS:
            self._buried.replace(0, 1, [])

    def _exhume(self, buried: Ledger, low: int, high: int, outcome: Outcome, now: float) -> None:
        start, end = buried.span(low, high)
        if start == end:
            return
        kept = []
        for burst in buried.bursts[start:end]:
            late = burst.lost & mask_of(burst, low, high)
            if late:
                self._late(burst, late, outcome, now)
            if burst.lost:
                kept.append(burst)
        if len(kept) != end - start:
            buried.replace(start, end, kept)

    def _late(self, burst: SentBurst, mask: int, outcome: Outcome, now: float) -> None:
        """A loss was none: count it and be more patient (RFC 9002 section 6.1.1)."""
        burst.lost &= ~mask
        outcome.acked.append((burst, mask))
        outcome.acked_bytes += burst.bytes_of(mask)
        outcome.spurious_packets += mask.bit_count()
        lowest = burst.first + (mask & -mask).bit_length() - 1
        distance = self._largest_acked - lowest + 1
        self._packet_threshold = min(max(self._packet_threshold, distance), MAX_PACKET_THRESHOLD)
        self._time_threshold = min(self._time_threshold + TIME_THRESHOLD, MAX_TIME_THRESHOLD)
        self._spurious_at_s = now
