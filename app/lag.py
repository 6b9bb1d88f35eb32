"""How late a loop wakes up: the worst of its last wake-ups."""

from collections import deque

KEPT = 20


class LagMeter:
    """Keeps the lateness of the last `KEPT` timed wake-ups; `worst_s` is None until the first."""

    def __init__(self) -> None:
        self._late: deque[float] = deque(maxlen=KEPT)
        self.worst_s: float | None = None

    def add(self, late_s: float) -> None:
        """Takes one wake-up's lateness in seconds; an early one counts as on time."""
        self._late.append(max(0.0, late_s))
        self.worst_s = max(self._late)
