"""The user's caps: how fast a peer may send and be sent to, over one transport or all. Pure."""

from typing import Final

from netstack.core.token_bucket import Bucket
from netstack.model.session import TransportKind

BURST_S: Final = 0.1
LEAST_BURST_BYTES: Final = 65_536
MAX_CAPS: Final = 4096


class TrafficCaps:
    """Caps in bytes a second by peer key and transport; None stands for every peer, or every transport."""

    __slots__ = ("_caps",)

    def __init__(self) -> None:
        self._caps: dict[tuple[bytes | None, TransportKind | None], float] = {}

    def set(self, peer_key: bytes | None, kind: TransportKind | None, bytes_per_s: float | None) -> None:
        """Sets a cap, or takes it away. Raises ValueError when it is not above 0, or there are too many."""
        if bytes_per_s is None:
            self._caps.pop((peer_key, kind), None)
            return
        if bytes_per_s <= 0 or (len(self._caps) >= MAX_CAPS and (peer_key, kind) not in self._caps):
            raise ValueError("a cap is above 0, and there are at most 4,096")
        self._caps[peer_key, kind] = bytes_per_s

    def of(self, peer_key: bytes, kind: TransportKind) -> float | None:
        """The lowest cap that speaks of this peer and transport."""
        names = ((peer_key, kind), (peer_key, None), (None, kind), (None, None))
        return min((self._caps[name] for name in names if name in self._caps), default=None)


def bucket(bytes_per_s: float, now: float) -> Bucket:
    """What comes in under a cap."""
    return Bucket(bytes_per_s, max(bytes_per_s * BURST_S, LEAST_BURST_BYTES), now)
