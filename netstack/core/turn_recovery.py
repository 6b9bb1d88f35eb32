"""When a lost relay is asked for again, and when that is given up. Pure."""

from typing import Final

from netstack.core.turn_bindings import NEVER

RECOVER_FOR_S: Final = 300.0
FIRST_WAIT_S: Final = 0.5
MAX_WAIT_S: Final = 30.0


class Recovery:
    """The first try is at once, each next one waits twice as long. `under_way`: there was a relay, and it was lost."""

    __slots__ = ("_lost_s", "_wait_s", "again_s")

    def __init__(self) -> None:
        self.again_s = NEVER
        self._lost_s: float | None = None
        self._wait_s = 0.0

    @property
    def under_way(self) -> bool:
        """Whether a relay is being had again."""
        return self._lost_s is not None

    def begin(self, now: float) -> None:
        """The relay is lost."""
        self._lost_s = now

    def hopeless(self, now: float) -> bool:
        """There never was a relay, or it has been gone for five minutes."""
        return self._lost_s is None or now - self._lost_s > RECOVER_FOR_S

    def wait(self, now: float) -> None:
        """Another try is due later."""
        self.again_s = now + self._wait_s
        self._wait_s = min(MAX_WAIT_S, max(FIRST_WAIT_S, 2 * self._wait_s))

    def take(self, now: float) -> bool:
        """Whether a try is due; it is had once."""
        due = now >= self.again_s
        if due:
            self.again_s = NEVER
        return due

    def succeeded(self) -> None:
        """There is a relay again."""
        self._lost_s = None
        self._wait_s = 0.0
