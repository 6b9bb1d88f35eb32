"""How much one path may send now: loss detection, congestion control and pacing as one machine.

    allowance(now) -> bytes        what may leave now (0: wait for `deadline`)
    sent(first, count, ...)        it left
    acked(ranges, delay, now)      the peer acknowledged -> what came, what was lost
    expired(now)                   the deadline passed -> what was lost, how many probes to send
    deadline(now)                  when to look again

A session holds one per path; it costs under 3 KB, so it is made when the path first carries data.
"""

from collections.abc import Callable, Sequence
from typing import Any

from netstack.core.bbr import Bbr
from netstack.core.congestion import SHORT_PATH_S, Congestion, Sample
from netstack.core.delivery_rate import DeliveryRate
from netstack.core.loss_detection import LossDetector, Outcome
from netstack.core.pacing import MAX_DEBT_QUANTA, SHORT_PATH_DEBT_QUANTA, Pacer
from netstack.core.rtt import RttEstimator
from netstack.core.sent_bursts import SentBurst

SHORT_PATH_WINDOW_BYTES = 1 << 20
UNLIMITED_BYTES = 1 << 40
MOST_AT_ONCE_BYTES = 1 << 16


class SendControl:
    """`peer_window_bytes` is how much may be in flight whatever the controller says; None: 1 MiB on a short path, where
    all of it may wait in the peer's socket, and no limit on a longer one. `cap_bytes_per_s` is the user's limit.
    `packet_bytes` follows the path's MTU.
    """

    __slots__ = (
        "_buffer_bytes",
        "_delivery",
        "_round_ends_at_bytes",
        "cap_bytes_per_s",
        "congestion",
        "losses",
        "lost_packets",
        "pacer",
        "peer_window_bytes",
        "rtt",
        "sent_packets",
        "spurious_packets",
    )

    def __init__(
        self,
        now: float,
        packet_bytes: int,
        *,
        seed: int = 0,
        congestion: Callable[[int], Congestion] | None = None,
        peer_window_bytes: int | None = None,
        cap_bytes_per_s: float | None = None,
    ) -> None:
        self.rtt = RttEstimator()
        self.losses = LossDetector(self.rtt)
        self.congestion = Bbr(packet_bytes, seed) if congestion is None else congestion(packet_bytes)
        self.pacer = Pacer(now, packet_bytes)
        self.peer_window_bytes = peer_window_bytes
        self._buffer_bytes = SHORT_PATH_WINDOW_BYTES if peer_window_bytes is None else peer_window_bytes
        self.cap_bytes_per_s = cap_bytes_per_s
        self.sent_packets = 0
        self.lost_packets = 0
        self.spurious_packets = 0
        self._delivery = DeliveryRate()
        self._round_ends_at_bytes = 0

    def resize(self, packet_bytes: int) -> None:
        """The path's MTU is another."""
        self.pacer.packet_bytes = packet_bytes
        self.congestion.resize(packet_bytes)

    def bound(self, window_bytes: int | None) -> None:
        """The path goes over another kind of link, with another `peer_window_bytes`."""
        self.peer_window_bytes = window_bytes
        self._buffer_bytes = SHORT_PATH_WINDOW_BYTES if window_bytes is None else window_bytes

    def use(self, congestion: Congestion) -> Congestion:
        """Lets another controller decide from now on; returns the one before."""
        before, self.congestion = self.congestion, congestion
        return before

    @property
    def bytes_in_flight(self) -> int:
        """Sent and neither acknowledged nor lost."""
        return self.losses.bytes_in_flight

    @property
    def delivered_bytes(self) -> int:
        """Acknowledged so far."""
        return self._delivery.delivered_bytes

    @property
    def exhausted(self) -> bool:
        """The peer answers no probe any more."""
        return self.losses.exhausted

    @property
    def pace_bytes_per_s(self) -> float:
        """The controller's pace, or the user's cap where that is lower."""
        pace = self.congestion.bytes_per_s
        return pace if self.cap_bytes_per_s is None else min(pace, self.cap_bytes_per_s)

    @property
    def window_bytes(self) -> int:
        """The most that may be in flight."""
        return min(self.congestion.window_bytes, self._buffer_bytes)

    def _window_left(self) -> int:
        return self.window_bytes - self.losses.bytes_in_flight

    def allowance(self, now: float) -> int:
        """Bytes that may leave now. Less than a packet means: not yet."""
        left = self._window_left()
        if left <= 0:
            return 0
        allowed = self.pacer.allowance(self.pace_bytes_per_s, now)
        if self.pacer.overslept:
            self.pacer.overslept = False
            if 2 * left > self.congestion.window_bytes:
                # A busy computer, not the path: what is measured now must not become the pace.
                self._delivery.ran_dry(self.losses.bytes_in_flight)
        return min(left, allowed)

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
        """A burst left that the peer must acknowledge."""
        prior = self.losses.bytes_in_flight
        if prior == 0:
            self.congestion.idle(now)
        burst = self.losses.sent(
            first, count, packet_bytes, now, cargo, last_bytes=last_bytes, mtu_probe=mtu_probe
        )
        self._delivery.sent(burst, prior, now)
        self.pacer.sent(self.losses.bytes_in_flight - prior)
        self.sent_packets += count
        return burst

    def room_bytes(self, now: float) -> int:
        """Bytes that small packets may take one after the other as long as they are not negative, before asking again."""
        pacer, left = self.pacer, self._window_left() - self.pacer.packet_bytes
        if left < 0:
            return -1
        if not pacer.ample and pacer.allowance(self.pace_bytes_per_s, now) < pacer.packet_bytes:
            return -1
        return int(min(left, max(pacer.spare_bytes, 0), MOST_AT_ONCE_BYTES))

    def sent_last(self, number: int, size_bytes: int, now: float, cargo: Any) -> None:
        """One packet left within `room_bytes`, and nothing waited behind it."""
        losses = self.losses
        prior = losses.bytes_in_flight
        if not prior:
            self.congestion.idle(now)
        self._delivery.sent_last(losses.sent_one(number, size_bytes, now, cargo), prior, now)
        self.pacer.credit_bytes -= size_bytes
        self.sent_packets += 1

    def sent_and_acked(
        self,
        first: int,
        count: int,
        size_bytes: int,
        first_sent_s: float,
        last_sent_s: float,
        ack_delay_s: float,
        now: float,
    ) -> None:
        """Packets left as by `sent_last` while nothing else was under way (`LossDetector.clear_from`), and all have arrived."""
        self.congestion.idle(first_sent_s)
        burst = SentBurst(first, count, 0, size_bytes, last_sent_s, None)
        self._delivery.sent(burst, 0, first_sent_s)
        burst.app_limited = burst.app_limited or count > 1
        self._delivery.ran_dry(size_bytes)
        self.pacer.sent(size_bytes)
        self.sent_packets += count
        self._learn(self.losses.sent_and_acked(burst, ack_delay_s, now), now)

    def sent_unacknowledged(self, number: int) -> None:
        """A packet left that only carries acknowledgements."""
        self.losses.sent_unacknowledged(number)

    def ran_dry(self, now: float) -> None:
        """Nothing more to send although there is allowance: rates measured from here on are the caller's."""
        if self._window_left() > 0 and self.pacer.allowance(self.pace_bytes_per_s, now):
            self._delivery.ran_dry(self.losses.bytes_in_flight)

    def acked_singles(
        self, low: int, high: int, kinds: tuple[type, ...], ack_delay_s: float, now: float
    ) -> list[tuple[SentBurst, int]] | None:
        """What arrived, by `LossDetector.acked_singles`; None: ask `acked`."""
        outcome = self.losses.acked_singles(low, high, kinds, ack_delay_s, now)
        if outcome is None:
            return None
        self._learn(outcome, now)
        return outcome.acked

    def acked(self, ranges: Sequence[tuple[int, int]], ack_delay_s: float, now: float) -> Outcome:
        """Ranges as in `LossDetector.acked`. Raises DecodeError."""
        outcome = self.losses.acked(ranges, ack_delay_s, now)
        self._learn(outcome, now)
        return outcome

    def expired(self, now: float) -> Outcome:
        """The deadline passed; harmless at any other time."""
        outcome = self.losses.expired(now)
        self._learn(outcome, now)
        return outcome

    def deadline(self, now: float, *, waiting: bool) -> float | None:
        """When to call `expired` or, if something is `waiting` to be sent, to look at `allowance` again."""
        due = self.losses.deadline()
        if not waiting or self._window_left() < self.pacer.packet_bytes:
            return due  # an acknowledgement will open the window, not the clock
        ready = self.pacer.ready_at(self.pace_bytes_per_s, now)
        return ready if due is None else min(due, ready)

    def _learn(self, outcome: Outcome, now: float) -> None:
        if not outcome.acked and not outcome.lost:
            return
        short = self.rtt.least_s is not None and self.rtt.least_s < SHORT_PATH_S
        self.pacer.debt_quanta = SHORT_PATH_DEBT_QUANTA if short else MAX_DEBT_QUANTA
        if self.peer_window_bytes is None:
            self._buffer_bytes = SHORT_PATH_WINDOW_BYTES if short else UNLIMITED_BYTES
        newest = outcome.newest
        if newest is not None and _told_little(outcome, newest) and not self.losses.bytes_in_flight:
            self._delivery.acked_alone(newest, outcome.acked_bytes, now)
            if outcome.rtt_s is not None:
                self.congestion.quiet(outcome.rtt_s, now)
            return
        sample = Sample(now)
        sample.acked_bytes = outcome.acked_bytes
        sample.lost_bytes = outcome.lost_bytes
        sample.lost_packets = outcome.lost_packets
        sample.spurious_packets = outcome.spurious_packets
        sample.persistent_congestion = outcome.persistent_congestion
        sample.rtt_s = outcome.rtt_s
        sample.prior_in_flight_bytes = outcome.prior_in_flight_bytes
        sample.in_flight_bytes = self.losses.bytes_in_flight
        if outcome.lost:
            sample.largest_lost_sent_at_s = outcome.lost[0][0].sent_at_s
        if newest is not None:
            least_s = self.rtt.least_s or 0.0
            sample.rate = self._delivery.acked(newest, outcome.acked_bytes, least_s, now)
            sample.app_limited = newest.app_limited
            if newest.delivered_bytes >= self._round_ends_at_bytes:
                sample.round_start = True
                self._round_ends_at_bytes = self._delivery.delivered_bytes
        sample.delivered_bytes = self._delivery.delivered_bytes
        self.lost_packets += outcome.lost_packets
        self.spurious_packets += outcome.spurious_packets
        self.congestion.update(sample)


def _told_little(outcome: Outcome, newest: SentBurst) -> bool:
    """One packet that travelled alone because the caller had no more."""
    return (
        newest.app_limited
        and newest.count == 1
        and len(outcome.acked) == 1
        and not outcome.lost
        and not outcome.spurious_packets
    )
