"""Flows over one bottleneck in virtual time: a rate, a drop-tail queue, a delay, seeded random loss."""

import heapq
from collections.abc import Callable
from dataclasses import dataclass, field
from random import Random
from typing import Any

from netstack.core.ack_ranges import AckRanges
from netstack.core.ack_schedule import AckSchedule
from netstack.core.send_control import SendControl

PACKET_BYTES = 1452
MAX_BURST = 44
TIMER_S = 0.001  # event loops sleep in milliseconds


@dataclass
class Link:
    """Forward direction of a path; acknowledgements return after `delay_s` with the same loss."""

    bytes_per_s: float
    delay_s: float
    queue_bytes: float
    loss: float = 0.0
    seed: int = 1
    free_at_s: float = 0.0
    dropped: int = 0
    random: Random = field(init=False)

    def __post_init__(self) -> None:
        self.random = Random(self.seed)

    def lost(self) -> bool:
        return self.random.random() < self.loss

    def carry(self, size: int, now: float) -> float | None:
        """When a packet arrives at the far end, or None."""
        if self.bytes_per_s == float("inf"):
            return None if self.lost() else now + self.delay_s
        start = max(now, self.free_at_s)
        if (start - now) * self.bytes_per_s + size > self.queue_bytes:
            self.dropped += 1
            return None
        self.free_at_s = start + size / self.bytes_per_s
        return None if self.lost() else self.free_at_s + self.delay_s


class World:
    """Runs events in the order of time, then of creation."""

    def __init__(self) -> None:
        self.now = 0.0
        self._events: list[tuple[float, int, Callable[[], None]]] = []
        self._made = 0

    def at(self, when: float, call: Callable[[], None]) -> None:
        self._made += 1
        heapq.heappush(self._events, (when, self._made, call))

    def run(self, until: float) -> None:
        while self._events and self._events[0][0] <= until:
            self.now, _, call = heapq.heappop(self._events)
            call()
        self.now = until


class Flow:
    """A greedy sender with a `SendControl`, a receiver that acknowledges, and the link between them."""

    def __init__(self, world: World, link: Link, *, start_s: float = 0.0, **control: Any) -> None:
        self.world = world
        self.link = link
        self.start_s = start_s
        self.options = control
        self.control: SendControl | None = None
        self.received = AckRanges()
        self.schedule = AckSchedule()
        self.next = 0
        self.received_bytes = 0
        self.history: list[tuple[float, int]] = []
        self.highest_rtt_s = 0.0
        self._timer_at: float | None = None
        world.at(start_s, self._start)

    def _start(self) -> None:
        self.control = SendControl(self.world.now, PACKET_BYTES, **self.options)
        self._pump()

    def _pump(self) -> None:
        control, now = self.control, self.world.now
        assert control is not None
        probes = control.expired(now).probes
        while True:
            count = min(control.allowance(now) // PACKET_BYTES, MAX_BURST)
            if probes:
                count, probes = max(count, 1), probes - 1
            if count < 1:
                break
            self._send(count)
        due = control.deadline(now, waiting=True)
        if due is not None:
            due = max(due, now + TIMER_S)
            if self._timer_at is None or due < self._timer_at:
                self._timer_at = due
                self.world.at(due, self._timer)

    def _timer(self) -> None:
        if self._timer_at is not None and self._timer_at <= self.world.now:
            self._timer_at = None
            self._pump()

    def _send(self, count: int) -> None:
        assert self.control is not None
        now = self.world.now
        self.control.sent(self.next, count, PACKET_BYTES, now)
        run: list[int] = []
        arrived_at = now
        for number in range(self.next, self.next + count):
            at = self.link.carry(PACKET_BYTES, now)
            if at is not None:
                # the receiver reads what arrived within 100 us together, as a coalescing socket does
                if run and (at - arrived_at > 0.0001 or number != run[-1] + 1):
                    self._deliver(run, arrived_at)
                    run = []
                if not run:
                    arrived_at = at
                run.append(number)
        if run:
            self._deliver(run, arrived_at)
        self.next += count

    def _deliver(self, run: list[int], at: float) -> None:
        first, last = run[0], run[-1]
        self.world.at(at, lambda: self._arrive(first, last))

    def _arrive(self, first: int, last: int) -> None:
        now = self.world.now
        self.received_bytes += (last - first + 1) * PACKET_BYTES
        self.history.append((now, last - first + 1))
        self.schedule.received(last - first + 1, self.received.add(first, last, now), now)
        due = self.schedule.deadline()
        assert due is not None
        if self.schedule.due(now):
            self._acknowledge()
        else:
            self.world.at(due, self._acknowledge_if_due)

    def _acknowledge_if_due(self) -> None:
        if self.schedule.due(self.world.now):
            self._acknowledge()

    def _acknowledge(self) -> None:
        now = self.world.now
        self.schedule.sent(self.world.now)
        ranges = self.received.newest(32)
        held_s = now - self.received.largest_at_s
        if not self.link.lost():
            self.world.at(now + self.link.delay_s, lambda: self._acked(ranges, held_s))

    def _acked(self, ranges: list[tuple[int, int]], held_s: float) -> None:
        assert self.control is not None
        outcome = self.control.acked(ranges, held_s, self.world.now)
        if outcome.rtt_s is not None:
            self.highest_rtt_s = max(self.highest_rtt_s, outcome.rtt_s)
        self._pump()

    def goodput_bytes_per_s(self, since_s: float, until_s: float) -> float:
        """Bytes that arrived in the window, as a rate. Every packet is new data or a repair of a loss."""
        count = sum(packets for at, packets in self.history if since_s <= at < until_s)
        return count * PACKET_BYTES / (until_s - since_s)


def run(link: Link, seconds: float, *flows: dict[str, Any]) -> list[Flow]:
    """Runs flows over `link`; each dict holds `Flow`'s options."""
    world = World()
    made = [Flow(world, link, **options) for options in flows]
    world.run(seconds)
    return made
