"""Whether data still arrives on a path. Pure.

Acknowledged data is the only sign of life that counts: a path may answer pings and swallow data. A path is in doubt once
data is unanswered for a probe timeout, or two packets were lost within half a second, until data has arrived half a second
later and as quickly as before (or for ten seconds: then it is what the path is like now). (The probe timeout of RFC 9002 itself begins anew with every packet, so that a steady stream never meets it.) The session
sends what is important on a stand-in meanwhile, and copies of it on the path in doubt.
"""

from typing import Final

from netstack.core.cargo import data_of, important, pieces
from netstack.core.sent_bursts import SentBurst
from netstack.core.session_path import Path

DOUBT_S: Final = 0.5
SLOW_FOR_S: Final = 10.0


class Doubts:
    """`changed` are paths that fell into doubt or left it since somebody looked, `stand_in` is who helps them out."""

    __slots__ = ("changed", "stand_in")

    def __init__(self) -> None:
        self.changed: list[Path] = []
        self.stand_in: Path | None = None

    def silence(self, path: Path, now: float) -> None:
        """A probe timeout passed: a doubt where data, or what has to be said, was in flight."""
        if path.control is None:
            return
        for burst in path.control.losses.outstanding():
            if burst.cargo is None:
                continue
            self._doubt(path, now)
            if data_of(burst) is not None:
                if path.stalled_since_s is None:
                    path.stalled_since_s = burst.sent_at_s
                return

    def loss(self, path: Path, burst: SentBurst, mask: int, now: float) -> None:
        """Packets were lost: one may be chance, and bulk loses as it finds its pace."""
        data = data_of(burst)
        if data is None or not important(data):
            return
        if mask.bit_count() > 1 or now - path.lost_s < DOUBT_S:
            self._doubt(path, now)
        path.lost_s = now

    def delivered(self, path: Path, now: float) -> None:
        """Data arrived on a path in doubt."""
        path.stalled_since_s = None
        if path.doubt_s is None or path.control is None or now - path.doubt_s < DOUBT_S:
            return
        quick = (path.control.rtt.latest_s or 0.0) <= path.patience_s
        if quick or now - path.doubted_s >= SLOW_FOR_S:
            path.doubt_s = None
            self.changed.append(path)

    def _doubt(self, path: Path, now: float) -> None:
        if path.doubt_s is None:
            self.changed.append(path)
            path.doubted_s, path.patience_s = now, path.probe_timeout_s()
        path.doubt_s = now


def silent_from_s(path: Path) -> float | None:
    """When what is in flight on a path becomes a reason to doubt it."""
    control = path.control
    if control is None or path.doubt_s is not None:
        return None
    oldest = next((burst for burst in control.losses.outstanding() if burst.cargo is not None), None)
    return None if oldest is None else oldest.sent_at_s + path.probe_timeout_s()


def rescue(path: Path, stand_in: Path) -> None:
    """What is in flight on a path in doubt travels on another one too, except bulk."""
    if path.control is None:
        return
    for burst in path.control.losses.outstanding():
        data = data_of(burst)
        if data is not None and important(data):
            stand_in.copy(pieces(data, burst.pending))
