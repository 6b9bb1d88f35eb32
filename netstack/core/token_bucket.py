"""A token bucket. Pure."""


class Bucket:
    """A token bucket: `rate_per_s` on average, `burst` at once. Time never runs backwards in it."""

    __slots__ = ("_at", "_burst", "_rate_per_s", "_tokens")

    def __init__(self, rate_per_s: float, burst: float, now: float, *, full: bool = True) -> None:
        self._rate_per_s = rate_per_s
        self._burst = burst
        self._tokens = burst if full else 0.0
        self._at = now

    def take(self, amount: float, now: float) -> bool:
        """Takes `amount` where there is as much."""
        if now > self._at:
            self._tokens = min(self._burst, self._tokens + (now - self._at) * self._rate_per_s)
            self._at = now
        if self._tokens < amount:
            return False
        self._tokens -= amount
        return True

    def give_back(self, amount: float) -> None:
        """What was taken and not used."""
        self._tokens = min(self._burst, self._tokens + amount)
