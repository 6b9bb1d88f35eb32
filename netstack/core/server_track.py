"""What is remembered of each server between checks: speed, success, failures in a row, strikes. Pure."""

AVERAGE_WEIGHT = 0.2
HISTORY = 100
MAX_SERVERS = 256


class ServerTrack:
    """One server's record."""

    __slots__ = ("_history", "asked", "consecutive_failures", "last_used_s", "response_time_s", "strikes")

    def __init__(self) -> None:
        self.response_time_s: float | None = None
        self.asked = 0
        self._history = 0
        self.last_used_s: float | None = None
        self.consecutive_failures = 0
        self.strikes = 0

    def record(self, rtt_s: float | None, now: float) -> None:
        """One check's outcome: the round-trip time in seconds, None for a failure."""
        ok = rtt_s is not None
        self.asked += 1
        self.last_used_s = now
        self._history = (self._history << 1 | ok) & ((1 << HISTORY) - 1)
        self.consecutive_failures = 0 if ok else self.consecutive_failures + 1
        if rtt_s is not None:
            known = self.response_time_s
            self.response_time_s = rtt_s if known is None else known + AVERAGE_WEIGHT * (rtt_s - known)

    def strike(self) -> None:
        """A proved lie."""
        self.strikes += 1

    @property
    def success_rate(self) -> float | None:
        """Over the last 100 checks; None before the first."""
        return self._history.bit_count() / min(self.asked, HISTORY) if self.asked else None


class ServerTracks:
    """Records by server name; the one that was used longest ago makes room."""

    def __init__(self) -> None:
        self._tracks: dict[str, ServerTrack] = {}

    def of(self, server: str) -> ServerTrack:
        """The record of a server, made when first asked for."""
        track = self._tracks.pop(server, None) or ServerTrack()
        while len(self._tracks) >= MAX_SERVERS:
            del self._tracks[next(iter(self._tracks))]
        self._tracks[server] = track
        return track
