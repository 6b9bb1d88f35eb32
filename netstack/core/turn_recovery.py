"""When a lost relay is asked for again, and when that is given up. Pure."""

from typing import Final

from netstack.core.turn_bindings import NEVER

RECOVER_FOR_S: Final = 300.0
FIRST_WAIT_S: Final = 0.5
MAX_WAIT_S: Final = 30.0
STEADY_S: Final = 10.0


class Recovery:
    """The first try is at once, each next one waits twice as long. `under_way`: there was a relay, and it was lost.

    A relay that is lost within ten seconds of its success was none: it goes on as if that had not been.
    """

    __slots__ = ("_lost_s", "_since_s", "_wait_s", "again_s", "under_way")

    def __init__(self) -> None:
        self.again_s = NEVER
        self.under_way = False
        self._lost_s: float | None = None
        self._since_s = 0.0
        self._wait_s = 0.0

    def begin(self, now: float) -> None:
        """The relay is lost."""
        self.under_way = True
        if self._lost_s is None or now - self._since_s > STEADY_S:
            self._lost_s = now
            self._wait_s = 0.0

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

    def succeeded(self, now: float) -> None:
        """There is a relay again."""
        self.under_way = False
        self._since_s = now
