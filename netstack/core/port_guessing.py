"""The birthday method: a direct way to a router that gives each destination a port by chance. Pure.

The side behind it opens many sockets and sends to the other from each, which makes as many ports at its router that let the
other in; the other tries ports of that router by chance. `chance` is how likely one of them meets.
"""

from collections.abc import Callable
from enum import StrEnum
from typing import Final

from netstack.core.pair_verdict import expected, is_blocked, maps_per_destination
from netstack.model.pair import NatFacts, PairRoute

SOCKETS: Final = 128
GUESSES: Final = 2048
GUESSES_PER_S: Final = 250.0
AT_ONCE: Final = 8
FIRST_PORT, LAST_PORT = 1024, 65535
PORTS: Final = LAST_PORT - FIRST_PORT + 1


class Part(StrEnum):
    """What a side does."""

    OPENS = "opens"
    GUESSES = "guesses"


def part_of(ours: NatFacts, theirs: NatFacts) -> Part | None:
    """None where it would be of no use, or one of the two has not agreed.

    Two such routers make it hopeless, and one that can be foretold or reached makes it needless.
    """
    if not (ours.guesses and theirs.guesses) or ours.hidden or theirs.hidden:
        return None
    if is_blocked(ours) or is_blocked(theirs) or expected(ours, theirs) is not PairRoute.RELAY:
        return None
    if maps_per_destination(ours) == maps_per_destination(theirs):
        return None
    return Part.OPENS if maps_per_destination(ours) else Part.GUESSES


def chance(sockets: int = SOCKETS, guesses: int = GUESSES, ports: int = PORTS) -> float:
    """That at least one guess meets a port that is open, where the router draws from `ports`."""
    return 1.0 - (1.0 - min(1.0, sockets / ports)) ** guesses


class PortGuesses:
    """Ports in an order by chance, each once, at a steady pace. Ask `due` at `deadline`, until that is None."""

    def __init__(self, random_bytes: Callable[[int], bytes], now: float) -> None:
        self._random_bytes = random_bytes
        self._tried: set[int] = set()
        self._began_s = now

    def due(self, now: float) -> list[int]:
        """The ports to try now."""
        earned = int((now - self._began_s) * GUESSES_PER_S + 1e-6) + 1
        count = min(GUESSES, earned, len(self._tried) + AT_ONCE) - len(self._tried)
        return [self._draw() for _ in range(count)]

    def deadline(self) -> float | None:
        """When the next is due; None: all were tried."""
        if len(self._tried) >= GUESSES:
            return None
        return self._began_s + len(self._tried) / GUESSES_PER_S

    def _draw(self) -> int:
        while True:
            port = int.from_bytes(self._random_bytes(2), "big")
            if port >= FIRST_PORT and port not in self._tried:
                self._tried.add(port)
                return port
