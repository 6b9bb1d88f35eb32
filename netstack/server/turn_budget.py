"""What a TURN server lets through: bit/s, bytes and minutes of each allocation, each user and all together."""

from typing import Final

import msgspec

from netstack.core.token_bucket import Bucket
from netstack.server.turn_allocation import Allocation

DAY_S: Final = 86_400.0
LEAST_S: Final = 30.0  # less than that is no relay
MAX_USERS: Final = 4096  # of one day: whoever knows the shared secret can invent names


class TurnLimits(msgspec.Struct, frozen=True):
    """Caps. Bits and bytes count relayed payload in both directions; days are of 24 h since the clock's zero."""

    allocations: int = 64
    allocations_per_user: int = 16
    bits_per_s: float = 200e6
    bits_per_s_per_user: float = 100e6
    bits_per_s_per_allocation: float = 50e6
    bytes_a_day: int = 100_000_000_000
    bytes_a_day_per_user: int = 20_000_000_000
    bytes_per_allocation: int = 2_000_000_000
    minutes_a_day: float = 23_040.0
    minutes_a_day_per_user: float = 5_760.0
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


class _Use:
    """What a user, or all, had today."""

    __slots__ = ("bucket", "bytes", "seconds")

    def __init__(self, bucket: Bucket) -> None:
        self.bucket = bucket
        self.bytes = 0
        self.seconds = 0.0


class Budget:
    """Takes relayed bytes from the allocation's share first, then from its user's, then from the one for all.

    An allocation's time is taken when it is granted; what is left of it at its end is given back.
    """

    def __init__(self, limits: TurnLimits) -> None:
        self._limits = limits
        self._day = -1
        self._all = _Use(_bucket(limits.bits_per_s, 0.0))
        self._users: dict[str, _Use] = {}
        self.relayed_bytes = 0
        self._second = 0
        self._second_bytes = self._last_second_bytes = 0

    def bucket(self, now: float) -> Bucket:
        """An allocation's own."""
        return _bucket(self._limits.bits_per_s_per_allocation, now)

    def refusal(self, username: str, now: float) -> int | None:
        """The code to refuse another allocation with: 486 where the user, 508 where all have had their day's share."""
        use = self._use(username, now)
        if use is None or self._spent(self._all, self._limits.bytes_a_day, self._limits.minutes_a_day):
            return 508
        limits = self._limits
        return 486 if self._spent(use, limits.bytes_a_day_per_user, limits.minutes_a_day_per_user) else None

    def grant(self, allocation: Allocation, until: float, now: float) -> float:
        """Until when it may live, `until` at most: as far as the minutes of its user and of all go."""
        paid = max(allocation.paid_until, now)
        use = self._use(allocation.username, now)
        if use is None or until <= paid:
            return min(until, paid)
        left_s = min(
            60 * self._limits.minutes_a_day_per_user - use.seconds,
            60 * self._limits.minutes_a_day - self._all.seconds,
        )
        self._pay(use, max(0.0, min(until - paid, left_s)))
        allocation.paid_until = paid + max(0.0, min(until - paid, left_s))
        return allocation.paid_until

    def ended(self, allocation: Allocation, now: float) -> None:
        """Gives back the time that it did not use."""
        use = self._users.get(allocation.username)
        left_s = allocation.paid_until - now
        if use is not None and left_s > 0:
            self._pay(use, -min(left_s, use.seconds, self._all.seconds))
        allocation.paid_until = now

    def spend(self, allocation: Allocation, size: int, now: float) -> bool:
        """Whether `size` bytes may pass; they are taken when they do."""
        use, limits = self._use(allocation.username, now), self._limits
        if (
            use is None
            or allocation.relayed_bytes + size > limits.bytes_per_allocation
            or use.bytes + size > limits.bytes_a_day_per_user
            or self._all.bytes + size > limits.bytes_a_day
        ):
            return False
        if not allocation.bucket.take(size, now) or not use.bucket.take(size, now):
            return False
        if not self._all.bucket.take(size, now):
            return False
        allocation.relayed_bytes += size
        use.bytes += size
        self._all.bytes += size
        self.relayed_bytes += size
        if int(now) != self._second:
            self._last_second_bytes = self._second_bytes if int(now) == self._second + 1 else 0
            self._second, self._second_bytes = int(now), 0
        self._second_bytes += size
        return True

    def gauges(self) -> dict[str, tuple[float, float]]:
        """What was relayed in the last whole second in which something was, and today; and the limit of each."""
        limits, users = self._limits, self._users.values()
        return {
            "bits_per_s": (8.0 * self._last_second_bytes, limits.bits_per_s),
            "bytes_today": (self._all.bytes, limits.bytes_a_day),
            "bytes_today_of_busiest_user": (
                max((use.bytes for use in users), default=0),
                limits.bytes_a_day_per_user,
            ),
            "minutes_today": (self._all.seconds / 60, limits.minutes_a_day),
            "minutes_today_of_busiest_user": (
                max((use.seconds for use in users), default=0.0) / 60,
                limits.minutes_a_day_per_user,
            ),
        }

    def _use(self, username: str, now: float) -> _Use | None:
        """A user's; None where there are too many."""
        if int(now // DAY_S) != self._day:
            self._day = int(now // DAY_S)
            self._users.clear()
            self._all.bytes, self._all.seconds = 0, 0.0
        use = self._users.get(username)
        if use is None and len(self._users) < MAX_USERS:
            use = self._users[username] = _Use(_bucket(self._limits.bits_per_s_per_user, now))
        return use

    @staticmethod
    def _spent(use: _Use, most_bytes: int, most_minutes: float) -> bool:
        return use.bytes >= most_bytes or use.seconds > 60 * most_minutes - LEAST_S

    def _pay(self, use: _Use, seconds: float) -> None:
        use.seconds += seconds
        self._all.seconds += seconds


def _bucket(bits_per_s: float, now: float) -> Bucket:
    return Bucket(bits_per_s / 8, bits_per_s / 8, now)
