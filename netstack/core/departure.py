"""When a probe really leaves: the stamp goes into the packet before it is sealed and handed to a socket. Pure.

    stamp_ns(kind, now)     what goes into the packet: now, and as long as it took with those before
    leaves(now)             the packet is handed over
    left_s(stamp_ns)        when the packet with this stamp was: what came back names it

Sealing and the tables around it take some tenths of a millisecond where the processor has done something else for a while, as
it has between probes. RFC 8762 wants the time of departure: of our own probes it is known by the time they
come back, and to all other stamps the median of the last delays is added beforehand.
"""

import statistics
from collections import OrderedDict, deque
from enum import Enum, auto
from typing import Final

DELAYS_KEPT: Final = 15
LONGEST_S: Final = 0.02
PROBES_KEPT: Final = 1024
NANO: Final = 1_000_000_000


class Stamped(Enum):
    """Answers leave with everything at hand, probes out of the blue: they take different times."""

    PROBE = auto()
    REPLY = auto()


class Departure:
    """Of all packets with a stamp of one endpoint."""

    __slots__ = ("_delays", "_left", "_stamped")

    def __init__(self) -> None:
        self._delays: dict[Stamped, deque[float]] = {kind: deque(maxlen=DELAYS_KEPT) for kind in Stamped}
        self._left: OrderedDict[int, float] = OrderedDict()
        self._stamped: tuple[Stamped, float, int] | None = None

    def stamp_ns(self, kind: Stamped, now: float) -> int:
        """For a packet of this kind that is made now."""
        stamp_ns = int((now + self.delay_s(kind)) * NANO)
        self._stamped = kind, now, stamp_ns
        return stamp_ns

    @property
    def pending(self) -> bool:
        """Something was stamped and has not left."""
        return self._stamped is not None

    def leaves(self, now: float) -> None:
        """What was stamped last is on its way to the network."""
        if self._stamped is None:
            return
        kind, stamped_s, stamp_ns = self._stamped
        self._stamped = None
        if kind is Stamped.PROBE:
            self._left[stamp_ns] = now
            if len(self._left) > PROBES_KEPT:
                self._left.popitem(last=False)
        if now - stamped_s <= LONGEST_S:  # a machine that stood still predicts nothing
            self._delays[kind].append(now - stamped_s)

    def left_s(self, stamp_ns: int) -> float:
        """When the probe left; its stamp where that is not known (any more)."""
        return self._left.get(stamp_ns, stamp_ns / NANO)

    def delay_s(self, kind: Stamped) -> float:
        """From the stamp to the socket, as it was with the last ones."""
        delays = self._delays[kind]
        return statistics.median(delays) if delays else 0.0
