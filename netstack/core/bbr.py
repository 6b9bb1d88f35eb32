"""A model-based congestion controller in the manner of BBR (draft-cardwell-iccrg-bbr-congestion-control).

It keeps two figures of the path, the rate that it delivers and the round trip without a queue, and sends
at the rate with a window of twice their product. Random loss says nothing about either and costs nothing.
Three bounds keep it from harming others: a round in which a tenth is lost cuts the window and the rate; so does far
less while a queue stands, as then it is an overflow that somebody else, who yields to every loss, feels too; and
the round trip is measured anew, on an almost empty pipe, when it has not been seen that low for a while.
"""

from enum import Enum, auto
from math import sqrt

from netstack.core.congestion import INITIAL_PACKETS, MINIMUM_PACKETS, SHORT_PATH_S, Sample

STARTUP_GAIN = 2.77
DRAIN_GAIN = 0.35
WINDOW_GAIN = 2.0
PROBE_GAINS = (1.25, 0.75, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0)
PACE = 0.99
GROWTH = 1.25
ROUNDS_WITHOUT_GROWTH = 3
RATE_ROUNDS = 10
RATE_STEP_S = 0.01  # on a very short path the figure must outlive a moment in which a computer was busy
MAX_PROBE_ROUNDS = 4
ASSUMED_RTT_S = 0.001

LEAST_RTT_KEPT_S = 10.0
LONGER = 2.2
LONGER_ROUNDS = 8
PROBE_RTT_S = 0.2
BRIEF_PROBE_S = 0.02
BRIEF_PROBE_EVERY_S = 1.0
PROBE_RTT_GAIN = 0.5

LOSS_CAP = 0.1
QUEUED_LOSS_CAP = 0.005  # while a queue stands: then it is an overflow, not chance
STANDING = 1.25  # every round trip of a round is that much longer than the least: a queue stands
LOSS_CAP_PACKETS = 8
LOSS_DOUBT = 0.3  # one standard deviation of a tenth: a small round may be unlucky
LOSS_CUT = 0.7
QUEUED_LOSS_CUT = 0.6
QUEUED_LOSS_DOUBT = 0.15

AGGREGATION_S = 0.002
LEAST_FLIGHT_S = 0.006  # a path shorter than this waits for computers, not for the wire
MIN_AGGREGATION_PACKETS = 3


class Phase(Enum):
    """What the controller is doing."""

    STARTUP = auto()
    DRAIN = auto()
    PROBE_RATE = auto()
    PROBE_RTT = auto()


class Bbr:
    """One path's controller. `seed` (any int) spreads the probing phases of flows that start together."""

    __slots__ = (
        "_acked_in_round",
        "_brief",
        "_ceiling",
        "_cut_at_s",
        "_cycle_at_s",
        "_extra_bytes",
        "_extra_epoch_at_s",
        "_extra_epoch_bytes",
        "_full_rate",
        "_full_rounds",
        "_gain",
        "_least_rtt_at_s",
        "_least_rtt_s",
        "_lost_in_cycle",
        "_lost_in_round",
        "_lost_packets_in_round",
        "_packet_bytes",
        "_phase",
        "_probe_rtt_until_s",
        "_probed_at_s",
        "_rate",
        "_rates",
        "_rates_at_s",
        "_round_rtts_s",
        "_step",
        "_window",
    )

    def __init__(self, packet_bytes: int, seed: int = 0) -> None:
        self._packet_bytes = packet_bytes
        self._phase = Phase.STARTUP
        self._gain = STARTUP_GAIN
        self._window = INITIAL_PACKETS * packet_bytes
        self._rate = 0.0
        self._rates: list[float] = [0.0]
        self._rates_at_s = 0.0
        self._round_rtts_s: list[float] = [float("inf")]
        self._full_rate = 0.0
        self._full_rounds = 0
        self._least_rtt_s: float | None = None
        self._least_rtt_at_s = 0.0
        self._probe_rtt_until_s: float | None = None
        self._probed_at_s = 0.0
        self._brief = False
        self._step = 2 + seed % (len(PROBE_GAINS) - 2)
        self._cycle_at_s = 0.0
        self._cut_at_s = float("-inf")
        self._acked_in_round = 0
        self._lost_in_round = 0
        self._lost_packets_in_round = 0
        self._lost_in_cycle = False
        self._ceiling: float | None = None
        self._extra_bytes = 0.0
        self._extra_epoch_at_s = 0.0
        self._extra_epoch_bytes = 0.0

    @property
    def phase(self) -> Phase:
        """What it is doing."""
        return self._phase

    @property
    def window_bytes(self) -> int:
        """Bytes that may be in flight."""
        return self._window

    @property
    def bytes_per_s(self) -> float:
        """The pace. While the path is not known, what little the caller has sent must not slow it down."""
        pace = PACE * self._gain * self._rate
        if self._phase is Phase.STARTUP or not self._rate:
            rtt_s = ASSUMED_RTT_S if self._least_rtt_s is None else self._least_rtt_s
            return max(pace, STARTUP_GAIN * INITIAL_PACKETS * self._packet_bytes / rtt_s)
        return pace

    def idle(self, now: float) -> None:
        """A pause says nothing about the path, and needs no probing phase to be made good."""
        self._extra_epoch_at_s = now
        self._extra_epoch_bytes = 0.0

    def resize(self, packet_bytes: int) -> None:
        """Packets have another size; the window holds the least number of them at any rate."""
        self._window = max(self._window, MINIMUM_PACKETS * packet_bytes)
        self._packet_bytes = packet_bytes

    def quiet(self, rtt_s: float, now: float) -> None:
        """A packet that travelled alone found the pipe empty, which is what measuring the round trip needs."""
        if (
            self._least_rtt_s is None
            or rtt_s <= self._least_rtt_s
            or now - self._least_rtt_at_s > LEAST_RTT_KEPT_S
        ):
            self._least_rtt_s = rtt_s
            self._least_rtt_at_s = now
        if self._phase is Phase.PROBE_RTT:
            self._cruise(now)

    def update(self, sample: Sample) -> None:
        """Learns from one acknowledgement or loss."""
        if sample.round_start:
            self._new_round(sample.now)
        self._learn_rate(sample)
        rtt_is_old = self._learn_rtt(sample)
        self._learn_loss(sample)
        self._learn_aggregation(sample)
        if sample.persistent_congestion:
            self._rates = [sample.rate or 0.0]
            self._rate = max(self._rates)
        self._move(sample, rtt_is_old)
        self._set_window(sample)

    def _product(self, gain: float) -> float:
        """Rate times least round trip times gain, in bytes."""
        if self._least_rtt_s is None or not self._rate:
            return float(INITIAL_PACKETS * self._packet_bytes)
        return gain * self._rate * self._least_rtt_s

    def _new_round(self, now: float) -> None:
        if now - self._rates_at_s >= RATE_STEP_S:
            self._rates_at_s = now
            self._rates.append(0.0)
            del self._rates[:-RATE_ROUNDS]
        self._round_rtts_s.append(float("inf"))
        del self._round_rtts_s[:-LONGER_ROUNDS]
        self._extra_bytes *= 0.9
        self._acked_in_round = self._lost_in_round = self._lost_packets_in_round = 0

    def _learn_rate(self, sample: Sample) -> None:
        if sample.rate is None or (sample.app_limited and sample.rate < self._rate):
            return
        self._rates[-1] = max(self._rates[-1], sample.rate)
        self._rate = max(self._rates)

    def _learn_rtt(self, sample: Sample) -> bool:
        """True when the least round trip is so old that it wants measuring anew."""
        if sample.rtt_s is None:
            return False
        self._round_rtts_s[-1] = min(self._round_rtts_s[-1], sample.rtt_s)
        old = self._least_rtt_s is not None and sample.now - self._least_rtt_at_s > LEAST_RTT_KEPT_S
        if self._least_rtt_s is None or sample.rtt_s <= self._least_rtt_s or old:
            self._least_rtt_s = sample.rtt_s
            self._least_rtt_at_s = sample.now
        return old or self._became_longer(self._least_rtt_s, sample.now)

    def _became_longer(self, least_s: float, now: float) -> bool:
        """No queue of our own makes every round that long: the path has changed, or others have filled it.

        What it is shows when the pipe is almost empty. Waiting for the figure to grow old would not do: a window too small for the path lowers the rate that
        is measured, which lowers the window.
        """
        rounds = self._round_rtts_s
        return (
            self._phase is Phase.PROBE_RATE
            and now - self._probed_at_s > BRIEF_PROBE_EVERY_S
            and len(rounds) == LONGER_ROUNDS
            and min(rounds) < float("inf")
            and min(rounds) > LONGER * least_s + 2 * AGGREGATION_S
        )

    def _learn_loss(self, sample: Sample) -> None:
        """Cuts when more than a tenth of a round is lost; random loss stays below that.

        What was sent before the last cut says nothing about it.
        """
        self._acked_in_round += sample.acked_bytes
        if sample.largest_lost_sent_at_s <= self._cut_at_s:
            return
        self._lost_in_round += sample.lost_bytes
        self._lost_packets_in_round += sample.lost_packets
        if not sample.lost_packets or self._lost_packets_in_round < LOSS_CAP_PACKETS:
            return
        flight = max(self._lost_in_round + self._acked_in_round, sample.prior_in_flight_bytes)
        packets = flight / self._packet_bytes
        cap, doubt, cut = LOSS_CAP, LOSS_DOUBT, LOSS_CUT
        if self._queue_stands():
            cap, doubt, cut = QUEUED_LOSS_CAP, QUEUED_LOSS_DOUBT, QUEUED_LOSS_CUT
        if self._lost_packets_in_round <= cap * packets + doubt * sqrt(packets):
            return
        self._acked_in_round = self._lost_in_round = self._lost_packets_in_round = 0
        self._lost_in_cycle = True
        self._cut_at_s = sample.now
        if self._phase is Phase.STARTUP:
            self._full_rounds = ROUNDS_WITHOUT_GROWTH
        carried = min(sample.prior_in_flight_bytes, self._window)
        self._ceiling = max(cut * carried, self._product(0.5), self._least_window())
        newest = self._rates[-1] or (self._rates[-2] if len(self._rates) > 1 else 0.0)
        self._rate = max(newest, cut * self._rate)
        self._rates = [self._rate]

    def _queue_stands(self) -> bool:
        """Not one packet of the last round found an empty queue; our own is empty once a round trip in eight."""
        least_s, rounds = self._least_rtt_s, self._round_rtts_s[-2:]
        return (
            least_s is not None
            and self._phase is Phase.PROBE_RATE
            and STANDING * least_s + AGGREGATION_S < min(rounds) < float("inf")
        )

    def _learn_aggregation(self, sample: Sample) -> None:
        """How much more than the rate was acknowledged at once: links and receivers save up."""
        if not sample.acked_bytes or not self._rate:
            return
        expected = self._rate * (sample.now - self._extra_epoch_at_s)
        if self._extra_epoch_bytes <= expected:
            self._extra_epoch_at_s, self._extra_epoch_bytes, expected = sample.now, 0.0, 0.0
        self._extra_epoch_bytes += sample.acked_bytes
        extra = min(self._extra_epoch_bytes - expected, float(self._window))
        self._extra_bytes = max(self._extra_bytes, extra)

    def _move(self, sample: Sample, rtt_is_old: bool) -> None:
        if self._phase is Phase.STARTUP:
            if sample.round_start and not sample.app_limited:
                self._watch_growth()
            if self._full_rounds >= ROUNDS_WITHOUT_GROWTH:
                self._phase, self._gain = Phase.DRAIN, DRAIN_GAIN
        if self._phase is Phase.DRAIN and sample.in_flight_bytes <= self._product(1.0):
            self._cruise(sample.now)
        if self._phase is Phase.PROBE_RATE:
            self._cycle(sample)
        if self._phase is Phase.PROBE_RTT:
            self._wait_for_rtt(sample)
        elif rtt_is_old and self._phase is Phase.PROBE_RATE:
            self._brief = self._least_rtt_s is not None and self._least_rtt_s < SHORT_PATH_S
            self._phase, self._gain = Phase.PROBE_RTT, 1.0
            self._probe_rtt_until_s = None

    def _watch_growth(self) -> None:
        if self._rate >= self._full_rate * GROWTH:
            self._full_rate = self._rate
            self._full_rounds = 0
        else:
            self._full_rounds += 1

    def _cruise(self, now: float) -> None:
        self._phase = Phase.PROBE_RATE
        self._gain = PROBE_GAINS[self._step]
        self._cycle_at_s = now

    def _cycle(self, sample: Sample) -> None:
        """A round trip faster, one slower to drain what that queued, six at the rate."""
        spent_s = sample.now - self._cycle_at_s
        round_s = self._least_rtt_s or 0.0
        lasted = spent_s > round_s
        if self._gain > 1.0:
            full = sample.prior_in_flight_bytes >= min(self._product(self._gain), 0.9 * self._window)
            over = lasted and (full or self._lost_in_cycle or spent_s > MAX_PROBE_ROUNDS * round_s)
        elif self._gain < 1.0:
            over = lasted or sample.in_flight_bytes <= self._product(1.0)
        else:
            over = lasted
        if not over:
            return
        self._step = (self._step + 1) % len(PROBE_GAINS)
        self._gain = PROBE_GAINS[self._step]
        self._cycle_at_s = sample.now
        if self._gain > 1.0:
            if self._ceiling is not None and not self._lost_in_cycle:
                self._ceiling *= GROWTH
                if self._ceiling > 2 * self._product(WINDOW_GAIN):
                    self._ceiling = None
            self._lost_in_cycle = False

    def _wait_for_rtt(self, sample: Sample) -> None:
        if self._probe_rtt_until_s is None:
            if sample.in_flight_bytes <= max(self._product(PROBE_RTT_GAIN), self._least_window()):
                self._probe_rtt_until_s = sample.now + (BRIEF_PROBE_S if self._brief else PROBE_RTT_S)
                self._round_rtts_s = [float("inf")]
        elif sample.now > self._probe_rtt_until_s and (found_s := min(self._round_rtts_s)) < float("inf"):
            self._probed_at_s = sample.now
            self._least_rtt_s = found_s
            self._least_rtt_at_s = sample.now
            self._round_rtts_s = [float("inf")]
            self._cruise(sample.now)

    def _least_window(self) -> int:
        return MINIMUM_PACKETS * self._packet_bytes

    def _set_window(self, sample: Sample) -> None:
        if self._phase is Phase.STARTUP:
            grown = self._window + sample.acked_bytes
            target = max(self._product(STARTUP_GAIN), float(INITIAL_PACKETS * self._packet_bytes))
            self._window = int(max(self._window, min(grown, target + self._headroom())))
        elif self._phase is Phase.PROBE_RTT:
            self._window = int(max(self._product(PROBE_RTT_GAIN), self._least_window()))
        else:
            target = max(self._product(WINDOW_GAIN) + self._headroom(), self._rate * LEAST_FLIGHT_S)
            self._window = int(max(min(self._window + sample.acked_bytes, target), self._least_window()))
        if self._ceiling is not None:
            self._window = int(max(min(self._window, self._ceiling), self._least_window()))

    def _headroom(self) -> float:
        """For acknowledgements that come in clumps, and for our own sending in quanta."""
        quanta = max(self._rate * AGGREGATION_S, MIN_AGGREGATION_PACKETS * self._packet_bytes)
        return max(quanta, self._extra_bytes)
