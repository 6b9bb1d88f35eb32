"""World: one seed, one queue of events, and whatever is connected in it."""

import asyncio
import zlib
from collections.abc import Callable
from contextvars import copy_context
from heapq import heappop, heappush
from random import Random
from typing import Any, NamedTuple, Self

from netstack.lab.clock import VirtualTimeLoop
from netstack.lab.link import Link, Port, Shape
from netstack.lab.packet import Icmp, Packet, Segment
from netstack.model.address import Address

_MAX_EVENTS = 1_000_000


class Entry(NamedTuple):
    """One line of a world's event log; `digest` is the CRC-32 of what the packet carries."""

    at_s: float
    what: str
    where: str
    packet: str
    digest: int

    def __str__(self) -> str:
        return f"{self.at_s:.9f} {self.what} {self.where} {self.packet} {self.digest:08x}"


class World:
    """Holds the nodes and links of one lab, and moves packets at their time.

    It runs on the loop that is running when it is made, and takes all time from it: on a
    `VirtualTimeLoop` hours pass in seconds, on an ordinary loop it keeps real time. Events due at the
    same instant happen in the order in which they were scheduled. Everything random comes from `seed`.
    """

    def __init__(self, seed: int = 0, *, log: bool = False) -> None:
        self.seed = seed
        self.log: list[Entry] | None = [] if log else None
        self.names: dict[str, tuple[str, ...]] = {}
        self.name_servers: tuple[Address, ...] = ()
        self.links: dict[str, Link] = {}
        self.closed = False
        self._loop = asyncio.get_running_loop()
        self.now: Callable[[], float] = self._loop.time
        virtual = isinstance(self._loop, VirtualTimeLoop)
        self._jump: Callable[[float], bool] = self._loop.jump if virtual else lambda _: False  # type: ignore[attr-defined]
        self.started_s = self._loop.time()
        self._events: list[tuple[float, int, Callable[[Any], None], Any]] = []
        self._sequence = 0
        self._timer: asyncio.TimerHandle | None = None
        self._timer_s = 0.0
        self._running = False
        self._context = copy_context()
        self.dropped_events = 0

    def random(self, purpose: str) -> Random:
        """A generator of its own for each purpose, so that one more packet here changes nothing there."""
        return Random(f"{self.seed} {purpose}")  # noqa: S311 - repeatable on purpose

    def connect(self, a: Port, b: Port, shape: Shape | None = None, back: Shape | None = None) -> Link:
        """Joins two ports; `back` is the way from `b` to `a` where it differs."""
        shape = Shape() if shape is None else shape
        link = Link(self, a, b, shape, shape if back is None else back)
        if link.name in self.links:
            raise ValueError(f"there is a link {link.name} already")
        self.links[link.name] = link
        return link

    def at(self, due_s: float, call: Callable[[Any], None], argument: Any) -> None:
        """Calls `call(argument)` at `due_s` of the loop's clock, or as soon as possible after it."""
        if self.closed:
            return
        if len(self._events) >= _MAX_EVENTS:
            self.dropped_events += 1
            return
        self._sequence += 1
        heappush(self._events, (due_s, self._sequence, call, argument))
        if not self._running and (self._timer is None or due_s < self._timer_s):
            self._arm(due_s)

    def note(self, what: str, where: str, packet: Packet) -> None:
        """Writes a line into the event log, where there is one."""
        if self.log is None:
            return
        payload = packet.payload
        if isinstance(payload, bytes):
            text, digest = str(packet), zlib.crc32(payload)
        elif isinstance(payload, Segment):
            flags = f"{payload.flags:x} {payload.seq} {payload.ack} {payload.window}"
            text, digest = f"{packet} {flags}", zlib.crc32(payload.data)
        else:
            text, digest = f"{packet} {_icmp_text(payload)}", 0
        self.log.append(Entry(self.now() - self.started_s, what, where, text, digest))

    def log_text(self) -> str:
        """The event log, one line an event; the same seed and program give the same bytes."""
        return "".join(f"{entry}\n" for entry in self.log or ())

    def close(self) -> None:
        """Forgets everything under way. May be called twice."""
        self.closed = True
        self._events.clear()
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _arm(self, due_s: float) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._timer_s = due_s
        self._timer = self._loop.call_at(due_s, self._run, context=self._context)

    def _run(self) -> None:
        self._timer = None
        self._running = True
        events = self._events
        latest_s = max(self._loop.time(), self._timer_s)  # a loop may fire a timer a little early
        try:
            while events and (events[0][0] <= latest_s or self._jump(events[0][0])):
                _, _, call, argument = heappop(events)
                call(argument)
        finally:
            self._running = False
            if events:
                self._arm(events[0][0])


def _icmp_text(icmp: Icmp) -> str:
    mtu = f" {icmp.mtu_bytes}" if icmp.mtu_bytes else ""
    return f"{icmp.kind} {icmp.proto} {icmp.src} > {icmp.dst}{mtu}"
