"""What a TURN server lets through: for each allocation, each user and all together (bit/s, and bytes in all)."""

import msgspec

from netstack.core.token_bucket import Bucket
from netstack.server.turn_allocation import Allocation


class TurnLimits(msgspec.Struct, frozen=True):
    """Caps. Bits and bytes count relayed payload in both directions."""

    allocations: int = 64
    allocations_per_user: int = 16
    bits_per_s: float = 200e6
    bits_per_s_per_user: float = 100e6
    bits_per_s_per_allocation: float = 50e6
    bytes_per_allocation: int = 2_000_000_000
    minutes_per_allocation: float = 240.0
    max_lifetime_s: float = 3600.0
    default_lifetime_s: float = 600.0
    permission_s: float = 300.0
    channel_s: float = 600.0
    reservation_s: float = 30.0

    def lifetime_s(self, asked_s: int | None) -> float:
        """What an allocation gets that asks for so many seconds."""
        default_s = min(self.default_lifetime_s, self.max_lifetime_s)
        return default_s if asked_s is None else max(default_s, min(float(asked_s), self.max_lifetime_s))


class Budget:
    """Takes relayed bytes from the allocation's share first, then from its user's, then from the one for all."""

    def __init__(self, limits: TurnLimits) -> None:
        self._limits = limits
        self._in_all: Bucket | None = None
        self._users: dict[str, Bucket] = {}
        self.relayed_bytes = 0
        self._second = 0
        self._second_bytes = self._last_second_bytes = 0

    def bucket(self, now: float) -> Bucket:
        """An allocation's own."""
        return _bucket(self._limits.bits_per_s_per_allocation, now)

    def spend(self, allocation: Allocation, size: int, now: float) -> bool:
        """Whether `size` bytes may pass; they are taken when they do."""
        if self._in_all is None:
            self._in_all = _bucket(self._limits.bits_per_s, now)
        user = self._users.get(allocation.username)
        if user is None:
            user = self._users[allocation.username] = _bucket(self._limits.bits_per_s_per_user, now)
        if allocation.relayed_bytes + size > self._limits.bytes_per_allocation:
            return False
        if not allocation.bucket.take(size, now) or not user.take(size, now):
            return False
        if not self._in_all.take(size, now):
            return False
        allocation.relayed_bytes += size
        self.relayed_bytes += size
        if int(now) != self._second:
            self._last_second_bytes = self._second_bytes if int(now) == self._second + 1 else 0
            self._second, self._second_bytes = int(now), 0
        self._second_bytes += size
        return True

    def forget(self, username: str) -> None:
        """A user without allocations needs no share."""
        self._users.pop(username, None)

    @property
    def bits_per_s(self) -> float:
        """What was relayed in the last whole second in which something was."""
        return 8.0 * self._last_second_bytes


def _bucket(bits_per_s: float, now: float) -> Bucket:
    return Bucket(bits_per_s / 8, bits_per_s / 8, now)
