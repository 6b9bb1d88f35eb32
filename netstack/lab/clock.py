"""Virtual time: an asyncio loop whose clock jumps to the next timer when nothing is ready."""

import asyncio
import math
from collections.abc import Callable
from enum import StrEnum
from typing import Any, ClassVar

from netstack.errors import Fault, PeerscopeError

_MAX_TURNS_WITHOUT_TIME = 1_000_000
_TURNS_A_NUDGE = 1_000
_NUDGE_S = 1e-9


class ClockError(PeerscopeError):
    """Virtual time cannot go on; raised out of `run_until_complete` instead of hanging."""

    class Reason(StrEnum):
        """Why it stopped."""

        STALLED = "stalled"
        LIMIT = "limit"
        SPINNING = "spinning"

    TABLE: ClassVar = {
        Reason.STALLED: (
            Fault.UNKNOWN,
            "The lab stands still: everything waits and nothing is scheduled. A wait without a timeout?",
        ),
        Reason.LIMIT: (Fault.UNKNOWN, "The lab ran past its limit of virtual time."),
        Reason.SPINNING: (Fault.UNKNOWN, "The lab turns without time passing: something repeats itself."),
    }


class _JumpingSelector:
    """Stands where a loop waits for sockets: instead of waiting, it moves the clock."""

    def __init__(self, loop: "VirtualTimeLoop") -> None:
        self._loop = loop

    def select(self, timeout: float | None) -> list[Any]:
        if timeout is None:
            raise ClockError(ClockError.Reason.STALLED)
        self._loop.turn(waiting=timeout > 0.0)
        return []

    def close(self) -> None:
        pass


class VirtualTimeLoop(asyncio.BaseEventLoop):
    """A loop without sockets, threads or processes, on virtual seconds that start at 0.

    asyncio's own timers obey it; `run_in_executor` answers before it returns. `limit_s` bounds a run:
    past it, or when everything waits with nothing scheduled, the run ends with `ClockError`.
    """

    def __init__(self, *, limit_s: float = 7 * 86_400.0) -> None:
        super().__init__()
        self._virtual_s = 0.0
        self._limit_s = limit_s
        self._turns = 0
        self._selector = _JumpingSelector(self)
        self._clock_resolution = math.ulp(0.0)

    def time(self) -> float:
        """Virtual seconds."""
        return self._virtual_s

    def turn(self, *, waiting: bool) -> None:
        """One turn of the loop; when everything is `waiting`, the clock moves to the next timer's exact time.

        To the last bit: a timer that fires early by a rounding error would find itself not due, set itself
        again, and time would never pass. A program can make that error by itself (set a timer at `sent + delay`
        and ask whether `now - delay` is past `sent`), which no real clock punishes: so after many turns at one
        instant time creeps on.
        """
        if not waiting:
            self._turns += 1
            if self._turns > _MAX_TURNS_WITHOUT_TIME:
                self._turns = 0
                raise ClockError(ClockError.Reason.SPINNING)
            if self._turns % _TURNS_A_NUDGE == 0:
                self._virtual_s += _NUDGE_S
            return
        self._turns = 0
        self._virtual_s = max(self._virtual_s, self._scheduled[0].when())  # type: ignore[attr-defined]
        self._clock_resolution = math.ulp(self._virtual_s)
        if self._virtual_s > self._limit_s:
            raise ClockError(ClockError.Reason.LIMIT, f"{self._limit_s:g} s")

    def jump(self, to_s: float) -> bool:
        """Moves the clock to `to_s` if nothing else happens before; for who keeps a queue of its own."""
        timers = self._scheduled  # type: ignore[attr-defined]
        busy = self._ready or self._stopping  # type: ignore[attr-defined]
        if busy or (timers and timers[0].when() <= to_s) or to_s > self._limit_s:
            return False
        self._turns = 0
        self._virtual_s = max(self._virtual_s, to_s)
        self._clock_resolution = math.ulp(self._virtual_s)
        return True

    def run_in_executor(  # type: ignore[override]
        self,
        executor: Any,
        func: Callable[..., Any],
        *args: Any,
    ) -> asyncio.Future[Any]:
        """Calls `func` at once: a thread would let wall-clock time in."""
        future = self.create_future()
        try:
            future.set_result(func(*args))
        except Exception as error:
            future.set_exception(error)
        return future

    def _process_events(self, event_list: list[Any]) -> None:
        """There are no sockets, so there is never an event."""

    def _write_to_self(self) -> None:
        """Nothing sleeps, so nothing has to be woken."""
