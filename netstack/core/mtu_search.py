"""Packetization-layer path MTU discovery for one direction of one path (RFC 8899). Pure.

Drive it so: `poll_probe(now)` gives the size of a probe to send now; tell `acked` and `lost` of every packet
with its size, `refused` when the system will not send a size; ask again at `deadline()`. `mtu_bytes` is the
largest packet that is known to pass and is what the sender uses. Sizes are datagram payloads in bytes.
"""

from enum import StrEnum

import msgspec

BASE_BYTES = 1200
MAX_PROBES = 3
RAISE_S = 600.0
CACHE_S = 3600.0
BLACK_HOLE_LOSSES = 6
RESOLUTION_BYTES = 8
LIKELY_BYTES = (
    1280,
    1372,
    1392,
    1412,
    1432,
    1440,
    1444,
    1452,
    1464,
    1472,
    4072,
    8952,
    8972,
    16_384,
    32_500,
    65_000,
)


class Phase(StrEnum):
    """RFC 8899 section 5.2, without the phases that need no state here."""

    BASE = "base"
    SEARCHING = "searching"
    COMPLETE = "complete"


class MtuSearch:
    """Searches between `base_bytes`, which is used until more is proved, and `max_bytes`.

    `cached_bytes` is what an earlier session found on the path: it is probed first. Equal base and maximum mean
    that there is nothing to search.
    """

    __slots__ = (
        "_base_bytes",
        "_failed_bytes",
        "_first_bytes",
        "_losses",
        "_max_bytes",
        "_probe_bytes",
        "_raise_at",
        "_tries",
        "_waiting_until",
        "black_holes",
        "mtu_bytes",
        "phase",
    )

    def __init__(
        self, max_bytes: int, *, base_bytes: int = BASE_BYTES, cached_bytes: int | None = None
    ) -> None:
        self.mtu_bytes = min(base_bytes, max_bytes)
        self.phase = Phase.SEARCHING if max_bytes > base_bytes else Phase.COMPLETE
        self.black_holes = 0
        self._base_bytes = self.mtu_bytes
        self._max_bytes = max_bytes
        self._failed_bytes = max_bytes + 1
        self._first_bytes = cached_bytes
        self._probe_bytes = 0
        self._tries = 0
        self._waiting_until: float | None = None
        self._raise_at: float | None = None
        self._losses = 0

    def poll_probe(self, now: float, timeout_s: float) -> int | None:
        """The size to probe now, None when none is due. The probe counts as lost after `timeout_s`."""
        if self._raise_at is not None and now >= self._raise_at:
            self._begin_search()
        if self._waiting_until is not None:
            if now < self._waiting_until:
                return None
            self._probe_failed(now)
        if self.phase is not Phase.SEARCHING:
            return None
        self._probe_bytes = self._probe_bytes or self._next_size()
        if not self._probe_bytes:
            self._complete(now)
            return None
        self._waiting_until = now + timeout_s
        return self._probe_bytes

    def deadline(self) -> float | None:
        """When `poll_probe` may have something new."""
        if self._waiting_until is not None:
            return self._waiting_until
        return self._raise_at

    def acked(self, size_bytes: int, now: float) -> None:
        """A packet of that size arrived, a probe or not."""
        if size_bytes > self._base_bytes:
            self._losses = 0
        if self._waiting_until is not None and size_bytes >= self._probe_bytes:
            self._waiting_until = None
            self.mtu_bytes = max(self.mtu_bytes, size_bytes)
            self._probe_bytes = self._tries = 0
            if not self._next_size():
                self._complete(now)

    def lost(self, size_bytes: int, now: float) -> None:
        """A packet of that size was found lost; several large ones in a row without one arriving are a black hole."""
        if self._waiting_until is not None and size_bytes == self._probe_bytes > self.mtu_bytes:
            self._probe_failed(now)
            return
        if size_bytes <= self._base_bytes:
            return
        self._losses += 1
        if self._losses >= BLACK_HOLE_LOSSES:
            self._shrink(size_bytes)
            self.black_holes += 1

    def silent(self) -> None:
        """Nothing is answered any more: perhaps what is large vanishes, so the base is tried."""
        if self.mtu_bytes > self._base_bytes:
            self._shrink(self.mtu_bytes)
            self.black_holes += 1

    def refused(self, size_bytes: int, now: float) -> None:
        """The system said at once that the size does not fit (EMSGSIZE), or a checked ICMP message did."""
        if size_bytes <= self._base_bytes:
            return
        self._failed_bytes = min(self._failed_bytes, size_bytes)
        if size_bytes <= self.mtu_bytes:
            self._shrink(size_bytes)
        else:
            self._waiting_until = None
            self._probe_bytes = self._tries = 0
            if not self._next_size():
                self._complete(now)

    def _shrink(self, size_bytes: int) -> None:
        """Back to the base, and search again below what failed."""
        self.mtu_bytes = self._base_bytes
        self._begin_search()
        self._failed_bytes = min(self._failed_bytes, max(size_bytes, self._base_bytes + 1))
        self._first_bytes = None

    def _begin_search(self) -> None:
        self.phase = Phase.SEARCHING
        self._failed_bytes = self._max_bytes + 1
        self._probe_bytes = self._tries = self._losses = 0
        self._waiting_until = self._raise_at = None

    def _probe_failed(self, now: float) -> None:
        self._waiting_until = None
        self._tries += 1
        if self._tries >= MAX_PROBES:
            self._failed_bytes = self._probe_bytes
            self._probe_bytes = self._tries = 0
            if not self._next_size():
                self._complete(now)

    def _next_size(self) -> int:
        """What to probe: the cached size, the maximum, the largest likely size below the failed one; 0: nothing."""
        low, high = self.mtu_bytes, self._failed_bytes
        if self._first_bytes is not None:
            first, self._first_bytes = self._first_bytes, None
            if low < first < high:
                return first
        if high > self._max_bytes:
            return self._max_bytes if low < self._max_bytes else 0
        if high - low <= RESOLUTION_BYTES:
            return 0
        likely = [size for size in LIKELY_BYTES if low < size < high]
        return likely[len(likely) // 2] if likely else (low + high) // 2

    def _complete(self, now: float) -> None:
        self.phase = Phase.COMPLETE
        self._waiting_until = None
        self._raise_at = now + RAISE_S if self.mtu_bytes < self._max_bytes else None


class CachedMtu(msgspec.Struct, frozen=True):
    """A discovered size and when it was found, on the clock of `now`."""

    mtu_bytes: int
    found_at: float


class MtuCache:
    """What was found on each path in the last hour; the oldest of 1,024 makes room."""

    CAPACITY = 1024

    def __init__(self) -> None:
        self._found: dict[str, CachedMtu] = {}

    def put(self, path: str, mtu_bytes: int, now: float) -> None:
        """Remembers a discovered size."""
        self._found.pop(path, None)
        while len(self._found) >= self.CAPACITY:
            del self._found[next(iter(self._found))]
        self._found[path] = CachedMtu(mtu_bytes, now)

    def get(self, path: str, now: float) -> int | None:
        """The size found within the last hour."""
        cached = self._found.get(path)
        return cached.mtu_bytes if cached is not None and now - cached.found_at < CACHE_S else None

    def entries(self, now: float) -> list[tuple[str, int, float]]:
        """What still holds: path, size, and when it was found."""
        return [
            (path, cached.mtu_bytes, cached.found_at)
            for path, cached in self._found.items()
            if now - cached.found_at < CACHE_S
        ]
