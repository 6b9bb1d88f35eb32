"""The race: identical game-shaped traffic over every transport at once, on one clock.

Both ends are in this process, so a message's time is its age when it arrives, with no clock to compare. A session of its
own for each transport; every sixtieth of a second each gets the same message in the same turn of the loop.
"""

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from contextlib import AsyncExitStack
from typing import Final

from netstack.core.histogram import Histogram
from netstack.errors import PeerscopeError
from netstack.model.path import Samples
from netstack.model.race import Lane, RaceState
from netstack.model.session import MessageReceived, Mode, Priority, SessionError, TransportKind
from netstack.net.protocol import Net
from netstack.service.connection import Connection
from netstack.service.two_ends import KINDS, At, RelayPlace, TwoEnds, here
from netstack.tasks import TaskScope

MESSAGE_BYTES: Final = 100
MESSAGES_PER_S: Final = 60.0
LATE_S: Final = 0.05
TELL_EVERY: Final = 15
DRAWN: Final = 1800
DRAIN_S: Final = 2.0
OPEN_S: Final = 35.0


class _Runner:
    """One transport in the race."""

    def __init__(self, kind: TransportKind, ends: TwoEnds, now: Callable[[], float]) -> None:
        self.kind = kind
        self.failure: str | None = None
        self._ends = ends
        self._now = now
        self._connection: Connection | None = None
        self._left: dict[int, float] = {}
        self._sent = self._arrived = self._late = 0
        self._times = Histogram()
        self._jitter_s: float | None = None
        self._last_s: float | None = None
        self._series: deque[tuple[float, float]] = deque(maxlen=DRAWN)

    async def open(self) -> None:
        """To the start. What fails is told in the lane."""
        try:
            async with asyncio.timeout(OPEN_S):
                ours, theirs = await self._ends.connect(await self._ends.open(self.kind))
        except PeerscopeError as error:
            self.failure = error.sentence
        except TimeoutError:
            self.failure = "It did not open in time."
        else:
            theirs.on_message = self._take
            self._connection = ours

    def send(self) -> None:
        """One message, where it runs."""
        if self._connection is None:
            return
        number = self._sent
        try:
            self._connection.post(
                number.to_bytes(4, "big") + bytes(MESSAGE_BYTES - 4), Priority.REALTIME, Mode.UNRELIABLE
            )
        except SessionError as error:
            self.failure = error.sentence
            return
        self._left[number] = self._now()
        self._sent += 1

    def _take(self, message: MessageReceived) -> None:
        left_s = self._left.pop(int.from_bytes(message.data[:4], "big"), None)
        if left_s is None:
            return
        now = self._now()
        took_s = now - left_s
        self._arrived += 1
        self._late += took_s > LATE_S
        self._times.add(took_s)
        self._series.append((now, took_s))
        if self._last_s is not None:
            change_s = abs(took_s - self._last_s)
            self._jitter_s = (
                change_s if self._jitter_s is None else self._jitter_s + (change_s - self._jitter_s) / 16
            )
        self._last_s = took_s

    def lane(self, began_s: float) -> Lane:
        """As it stands."""
        return Lane(
            transport=self.kind.value,
            sent=self._sent,
            arrived=self._arrived,
            late=self._late,
            p50_s=self._times.quantile(0.5),
            p99_s=self._times.quantile(0.99),
            jitter_s=self._jitter_s,
            failure=self.failure,
            series=Samples(
                tuple(at_s - began_s for at_s, _ in self._series), tuple(took_s for _, took_s in self._series)
            ),
        )


async def race(
    near: Net,
    far: Net,
    far_host: str,
    *,
    seconds: float,
    kinds: Sequence[TransportKind] = KINDS,
    relay: RelayPlace | None = None,
    where: str = "",
    at: At = here,
    tell: Callable[[RaceState], None] = lambda _: None,
) -> RaceState:
    """Runs it and returns the end; `tell` hears of it four times a second. A transport that does not open stands aside.

    `at` is as in `TwoEnds`.
    """
    async with AsyncExitStack() as stack:
        runners = []
        for kind in kinds:
            ends = await stack.enter_async_context(TwoEnds(near, far, far_host, relay=relay, at=at))
            runners.append(_Runner(kind, ends, near.now))
        state = RaceState(running=True, seconds=seconds, where=where)
        tell(state)
        async with TaskScope("race") as tasks:
            await asyncio.wait([tasks.start(runner.open(), runner.kind) for runner in runners])
        began_s = near.now()

        def show(*, running: bool) -> RaceState:
            state = RaceState(
                running=running,
                elapsed_s=min(seconds, near.now() - began_s),
                seconds=seconds,
                messages_per_s=MESSAGES_PER_S,
                message_bytes=MESSAGE_BYTES,
                where=where,
                lanes=tuple(runner.lane(began_s) for runner in runners),
            )
            tell(state)
            return state

        for turn in range(round(seconds * MESSAGES_PER_S)):
            for runner in (
                runners[turn % len(runners) :] + runners[: turn % len(runners)]
            ):  # nobody is always first
                runner.send()
            if turn % TELL_EVERY == 0:
                show(running=True)
            await asyncio.sleep(max(0.0, began_s + (turn + 1) / MESSAGES_PER_S - near.now()))
        await asyncio.sleep(DRAIN_S)
        return show(running=False)
