"""How far the peer may send on the reliable lanes, and for how much memory that may be held."""

from typing import Final

from netstack.core.congestion import SHORT_PATH_S
from netstack.wire.fragment import UNIT_BYTES
from netstack.wire.frame import Credit

INITIAL_UNITS: Final = (256 << 10) // UNIT_BYTES
MAX_UNITS: Final = (4 << 20) // UNIT_BYTES
AMPLE_BELOW: Final = INITIAL_UNITS // 2
UNREAD_MAX_BYTES: Final = 16 << 20
UNREAD_COST_BYTES: Final = 256
GROW_WITHIN_RTTS: Final = 4.0


class CreditGiver:
    """Grants credit as data comes in without a gap, unless too much of it lies unread.

    The window doubles, up to 4 MiB a lane, while half of it is used up within four round trips. On a short path all of
    it may wait in the socket while this computer is busy, so it stays within half of `buffer_bytes`.
    """

    __slots__ = ("_buffer_units", "_granted", "_granted_at_s", "_windows", "ample_below", "unread_bytes")

    def __init__(self, buffer_bytes: int) -> None:
        self._buffer_units = max(buffer_bytes // 2 // UNIT_BYTES, INITIAL_UNITS)
        self._granted: dict[int, int] = {}
        self._granted_at_s: dict[int, float] = {}
        self._windows: dict[int, int] = {}
        self.ample_below: dict[
            int, int
        ] = {}  # by lane, `AMPLE_BELOW` at first: units that ask for no new credit
        self.unread_bytes = 0

    def limit(self, lane: int) -> int:
        """Units below this were granted."""
        return self._granted.get(lane, INITIAL_UNITS)

    @property
    def full(self) -> bool:
        """The caller has not read what came: nothing more is taken."""
        return self.unread_bytes > 2 * UNREAD_MAX_BYTES

    def delivered(self, size_bytes: int) -> None:
        """A message waits to be read."""
        self.unread_bytes += size_bytes + UNREAD_COST_BYTES

    def read(self, size_bytes: int) -> None:
        """It was read."""
        self.unread_bytes -= size_bytes + UNREAD_COST_BYTES

    def grant(self, lane: int, contiguous: int, rtt_s: float, now: float) -> Credit | None:
        """More credit when half the window is used."""
        window = self._windows.get(lane, INITIAL_UNITS)
        limit = self.limit(lane)
        if contiguous < limit - (window - window // 2) or self.unread_bytes > UNREAD_MAX_BYTES:
            return None
        if now - self._granted_at_s.get(lane, now) < GROW_WITHIN_RTTS * max(rtt_s, 0.001):
            most = min(self._buffer_units, MAX_UNITS) if rtt_s < SHORT_PATH_S else MAX_UNITS
            window = max(window, min(2 * window, most))
            self._windows[lane] = window
        self._granted_at_s[lane] = now
        self._granted[lane] = contiguous + window
        self.ample_below[lane] = contiguous + window // 2
        return Credit(lane, contiguous + window)
