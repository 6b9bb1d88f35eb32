"""Latency under load: round trips while a session carries all that it can, one direction after the other.

The peer is asked first, and both sides keep to the agreed bounds. After draft-ietf-ippm-responsiveness, with the
session's own probes and small messages in place of new TCP and HTTP connections.
"""

import asyncio
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Final

import msgspec

from netstack.core.filling import Filling
from netstack.core.responsiveness import Settling, round_trips, round_trips_per_minute
from netstack.core.session_path import Path
from netstack.model.load import LoadError, LoadPhase, LoadPlan, LoadReport, LoadStage, LoadState
from netstack.model.session import Event, Mode, Priority, ProbeAnswered, SessionClosed, SessionError
from netstack.net.protocol import Net
from netstack.service.connection import Connection
from netstack.tasks import TaskScope
from netstack.wire.chat import LOAD_PIECE_BYTES, LoadAsk, LoadData, LoadNote, LoadStep, LoadVerb, encode

ANSWER_S: Final = 60.0
PROBE_PERIOD_S: Final = 0.1
TURN_S: Final = 0.005
GOT_PERIOD_S: Final = 0.25
AFTER_STABLE_S: Final = 2.0
GRACE_S: Final = 1.0
FILLING_SHARE: Final = 1 / 3  # of the time, where the throughput did not settle
LEAST_AHEAD_BYTES: Final = 65_536
AHEAD_S: Final = 0.1
LEAST_ANSWERS: Final = 5
_WORDS: Final = frozenset({LoadVerb.ALLOW, LoadVerb.REFUSE, LoadVerb.END})

Post = Callable[[LoadNote], None]


class _Phase:
    """What is gathered in one direction, by when each probe left; answers may come after `ended_s`."""

    def __init__(self, now: float) -> None:
        self.began_s = now
        self.ended_s: float | None = None
        self.total_bytes = 0
        self.settling = Settling(now)
        self.paths: list[tuple[float, float]] = []
        self.messages: list[tuple[float, float]] = []
        self.sent = 0

    def end(self, now: float) -> None:
        """What leaves from now on is not counted."""
        self.ended_s = now

    def figures(self) -> LoadPhase:
        ended_s = self.began_s if self.ended_s is None else self.ended_s
        seconds = ended_s - self.began_s
        stable_s = self.settling.stable_at_s
        since_s = self.began_s + seconds * FILLING_SHARE
        if stable_s is not None:
            since_s = max(self.began_s, min(stable_s, ended_s - AFTER_STABLE_S))
        if not self.total_bytes:
            since_s = self.began_s
        path = round_trips([rtt_s for at_s, rtt_s in self.paths if since_s <= at_s <= ended_s])
        message = round_trips([rtt_s for at_s, rtt_s in self.messages if since_s <= at_s <= ended_s])
        return LoadPhase(
            seconds=seconds,
            bytes=self.total_bytes,
            goodput=self.total_bytes / seconds if self.total_bytes and seconds > 0 else None,
            stable=stable_s is not None,
            path=path,
            message=message,
            messages=self.sent,
            lost=max(0, self.sent - len(self.messages)),
            rpm=round_trips_per_minute(path, message),
        )


class LoadDesk:
    """One session's measurements, ours and the peer's. `post` sends a note in order; `changed` tells of `state`.

    `accept_all` answers the peer's wish without asking: only for who sends back everything anyway.
    """

    def __init__(
        self,
        net: Net,
        connection: Connection,
        post: Post,
        changed: Callable[[], None],
        *,
        accept_all: bool = False,
    ) -> None:
        self.state = LoadState()
        self._net = net
        self._connection = connection
        self._post = post
        self._changed = changed
        self._accept_all = accept_all
        self._tasks = TaskScope("under load")
        self._number = 0
        self._phase: _Phase | None = None
        self._asked: LoadAsk | None = None  # the peer's wish, answered or not
        self._word: asyncio.Future[LoadVerb] | None = None
        self._pings: dict[int, tuple[float, _Phase]] = {}
        self._next_ping = 0
        self._served: _Phase | None = None  # what the peer sends us in its own measurement
        self._pouring: asyncio.Task[None] | None = None

    # Ours.

    async def measure(self, peer: str, plan: LoadPlan | None = None) -> LoadReport:
        """Asks the peer, then loads the connection each way within the plan's bounds. Cancelling ends it on both sides.

        Raises LoadError, SessionError when the session ends.
        """
        if self.state.stage is not LoadStage.NONE:
            raise LoadError(LoadError.Reason.BUSY)
        plan = plan or LoadPlan()
        self._number = (self._number + 1) & 0xFFFFFFFF
        ended = False
        self._set(stage=LoadStage.ASKING, progress=0.0)
        try:
            await self._ask(plan)
            path = self._loaded()
            transport = path.traits.kind.value if path.traits is not None else ""
            async with TaskScope("load probes") as tasks:
                with self._listening():
                    tasks.start(self._probe(), "probe")
                    idle = await self._rest(plan)
                    up = await self._load(plan, LoadStage.UP)
                    down = await self._load(plan, LoadStage.DOWN)
            if min(up.path.n, down.path.n) < LEAST_ANSWERS:
                raise LoadError(LoadError.Reason.TOO_FEW)
            report = LoadReport(
                at_s=self._net.wall_time(), peer=peer, transport=transport, idle=idle, up=up, down=down
            )
            self._step(LoadVerb.END)
            ended = True
            self._set(report=report)
            return report
        finally:
            self._phase = self._word = None
            self._pings.clear()
            if not ended:
                self._step(LoadVerb.END)
            self._set(stage=LoadStage.NONE, progress=0.0)

    async def _ask(self, plan: LoadPlan) -> None:
        word = self._expect()
        self._post(LoadAsk(self._number, plan.max_s, plan.max_bytes))
        try:
            async with asyncio.timeout(ANSWER_S):
                verb = await word
        except TimeoutError as error:
            raise LoadError(LoadError.Reason.SILENT) from error
        if verb is not LoadVerb.ALLOW:
            raise LoadError(LoadError.Reason.REFUSED)

    async def _rest(self, plan: LoadPlan) -> LoadPhase:
        phase = self._begin(LoadStage.IDLE)
        await self._until(phase, plan.idle_s, lambda: False)
        return await self._end(phase)

    async def _load(self, plan: LoadPlan, stage: LoadStage) -> LoadPhase:
        """Until the throughput has been steady for a while, or a bound is reached."""
        phase = self._begin(stage)

        def enough() -> bool:
            stable_s = phase.settling.stable_at_s
            return (
                stable_s is not None and self._net.now() >= stable_s + AFTER_STABLE_S
            ) or phase.total_bytes >= plan.max_bytes - LOAD_PIECE_BYTES

        if stage is LoadStage.UP:
            async with TaskScope("load") as tasks:
                pouring = tasks.start(self._pour(self._number, plan.max_s, plan.max_bytes), "pour")
                await self._until(
                    phase, plan.max_s, lambda: enough() or (pouring.done() and not self._queued())
                )
        else:
            self._step(LoadVerb.TURN)
            await self._until(phase, plan.max_s, enough)
        return await self._end(phase)

    async def _end(self, phase: _Phase) -> LoadPhase:
        """Waits for the answers that are still on their way."""
        phase.end(self._net.now())
        await self._until(phase, GRACE_S, lambda: len(phase.messages) == phase.sent)
        return phase.figures()

    def _begin(self, stage: LoadStage) -> _Phase:
        phase = self._phase = _Phase(self._net.now())
        self._expect()
        self._set(stage=stage, progress={LoadStage.IDLE: 0.0, LoadStage.UP: 0.1}.get(stage, 0.55))
        return phase

    async def _until(self, phase: _Phase, limit_s: float, over: Callable[[], bool]) -> None:
        """Looks every so often. Raises LoadError when the peer ends it."""
        base = self.state.progress
        share = 0.45 if self.state.stage is not LoadStage.IDLE else 0.1
        until_s = self._net.now() + limit_s
        while (now := self._net.now()) < until_s and not over():
            if phase.ended_s is None:
                phase.settling.look(now, phase.total_bytes)
            if self._word is not None and self._word.done():
                raise LoadError(LoadError.Reason.STOPPED)
            if self._connection.closed:
                raise SessionError(SessionError.Reason.CLOSED)
            self._set(progress=base + share * (1 - (until_s - now) / limit_s))
            await asyncio.sleep(PROBE_PERIOD_S)

    def _expect(self) -> "asyncio.Future[LoadVerb]":
        """What the peer says next about going on or not."""
        word = self._word = asyncio.get_running_loop().create_future()
        return word

    async def _probe(self) -> None:
        """A small message, and a probe where nobody else sends them, ten times a second."""
        while not self._connection.closed:
            phase = self._phase
            if phase is not None and phase.ended_s is None:
                if not self._apart():
                    ping, self._next_ping = self._next_ping, self._next_ping + 1
                    self._pings[ping] = self._net.now(), phase
                    phase.sent += 1
                    self._message(LoadStep(self._number, LoadVerb.PING, ping))
                if self._connection.watch is None:
                    with suppress(SessionError):
                        self._connection.probe(self._loaded().id)
            await asyncio.sleep(PROBE_PERIOD_S)

    @contextmanager
    def _listening(self) -> Iterator[None]:
        def heard(event: Event) -> None:
            phase = self._phase
            if isinstance(event, ProbeAnswered) and phase is not None and event.path_id == self._loaded_id():
                phase.paths.append((event.t1_s, max(0.0, event.rtt_s)))
            elif isinstance(event, SessionClosed) and self._word is not None and not self._word.done():
                self._word.set_result(LoadVerb.END)

        self._connection.listeners.append(heard)
        try:
            yield
        finally:
            self._connection.listeners.remove(heard)

    # The peer's.

    def answer(self, *, allow: bool) -> None:
        """What the person says to the peer's wish; does nothing when there is none."""
        asked = self._asked
        if asked is None or self.state.asked is None:
            return
        self._post(LoadStep(asked.number, LoadVerb.ALLOW if allow else LoadVerb.REFUSE))
        if allow:
            self._served = _Phase(self._net.now())
            self._set(asked=None, stage=LoadStage.SERVING)
            self._tasks.start(self._serve(asked, self._served), "serve")
        else:
            self._asked = None
            self._set(asked=None)

    async def _serve(self, asked: LoadAsk, phase: _Phase) -> None:
        """Tells what has come, until the peer is done or the time that both directions may take is over."""
        limit_s = self._net.now() + 2 * asked.max_s + 4 * GRACE_S + ANSWER_S
        while self._served is phase and self._net.now() < limit_s and not self._connection.closed:
            if phase.total_bytes:
                self._post(LoadStep(asked.number, LoadVerb.GOT, phase.total_bytes))
            await asyncio.sleep(GOT_PERIOD_S)
        self._stop_serving()

    def _stop_serving(self) -> None:
        self._served = self._asked = None
        if self._pouring is not None:
            self._pouring.cancel()
            self._pouring = None
        if self.state.stage is LoadStage.SERVING:
            self._set(stage=LoadStage.NONE)

    def stop(self) -> None:
        """Ends what the peer measures with us."""
        if self._asked is not None and self._served is not None:
            self._post(LoadStep(self._asked.number, LoadVerb.END))
            self._stop_serving()

    # Both.

    def take(self, note: LoadNote) -> None:
        """What the peer says; anything out of turn is ignored."""
        if isinstance(note, LoadAsk):
            self._take_wish(note)
        elif isinstance(note, LoadData):
            self._take_data(note)
        elif note.verb is LoadVerb.PING:
            asked = self._asked if self._served is not None else None
            if asked is not None and note.number == asked.number:
                self._message(LoadStep(note.number, LoadVerb.PONG, note.value))
        elif note.verb is LoadVerb.TURN:
            if self._asked is not None and self._served is not None and self._pouring is None:
                asked = self._asked
                self._pouring = self._tasks.start(
                    self._pour(asked.number, asked.max_s, asked.max_bytes), "pour"
                )
        elif self._served is not None and self._asked is not None and note.number == self._asked.number:
            if note.verb is LoadVerb.END:
                self._stop_serving()
        elif note.verb is LoadVerb.END and self._asked is not None and note.number == self._asked.number:
            self._asked = None
            self._set(asked=None)
        elif note.number == self._number:
            self._take_own(note)

    def _take_wish(self, note: LoadAsk) -> None:
        if self.state.stage is not LoadStage.NONE or self._asked is not None:
            self._post(LoadStep(note.number, LoadVerb.REFUSE))
            return
        self._asked = note
        self._set(asked=LoadPlan(max_s=note.max_s, max_bytes=note.max_bytes))
        if self._accept_all:
            self.answer(allow=True)

    def _take_data(self, note: LoadData) -> None:
        if self._served is not None and self._asked is not None and note.number == self._asked.number:
            self._served.total_bytes += len(note.data)
        elif self._phase is not None and note.number == self._number and self.state.stage is LoadStage.DOWN:
            self._phase.total_bytes += len(note.data)

    def _take_own(self, note: LoadStep) -> None:
        phase = self._phase
        if note.verb is LoadVerb.PONG and note.value in self._pings:
            sent_s, then = self._pings.pop(note.value)
            then.messages.append((sent_s, self._net.now() - sent_s))
        elif note.verb is LoadVerb.GOT and phase is not None and self.state.stage is LoadStage.UP:
            phase.total_bytes = max(phase.total_bytes, note.value)
        elif note.verb in _WORDS and self._word is not None and not self._word.done():
            self._word.set_result(note.verb)

    async def _pour(self, number: int, max_s: int, max_bytes: int) -> None:
        """Keeps the path full, with little waiting behind it, and the queue of a bottleneck full too."""
        filler = encode(LoadData(number, self._net.random_bytes(LOAD_PIECE_BYTES)))
        began_s, sent = self._net.now(), 0
        try:
            path = self._loaded()
        except SessionError:
            return
        control = path.ensure_control(began_s)
        before = control.use(Filling(path.mtu_bytes))
        try:
            while (now := self._net.now()) < began_s + max_s and sent + LOAD_PIECE_BYTES <= max_bytes:
                ahead = max(LEAST_AHEAD_BYTES, AHEAD_S * sent / max(AHEAD_S, now - began_s))
                room = control.bytes_in_flight + ahead
                while self._queued() < room and sent + LOAD_PIECE_BYTES <= max_bytes:
                    self._connection.post(filler, Priority.BULK, Mode.UNORDERED)
                    sent += LOAD_PIECE_BYTES
                await asyncio.sleep(TURN_S)
        except SessionError as error:  # over, or full of what somebody else sends
            if error.reason is not SessionError.Reason.QUEUE_FULL and not self._connection.closed:
                raise
        finally:
            control.use(before)

    def _queued(self) -> int:
        session = self._connection.session
        return 0 if session is None else session.queued_bytes

    def _loaded_id(self) -> int | None:
        """The path that bulk takes."""
        session = self._connection.session
        return None if session is None else session.route_of(Priority.BULK)

    def _apart(self) -> bool:
        """Small messages take another way than bulk, so they tell nothing of its queue."""
        session = self._connection.session
        return session is not None and session.route_of(Priority.REALTIME) != session.route_of(Priority.BULK)

    def _loaded(self) -> Path:
        """The path that is loaded. Raises SessionError when there is none."""
        session = self._connection.session
        path = None if session is None else session.paths.table.get(session.route_of(Priority.BULK))
        if path is None:
            raise SessionError(SessionError.Reason.CLOSED)
        return path

    def _message(self, step: LoadStep) -> None:
        with suppress(SessionError):
            self._connection.post(encode(step), Priority.REALTIME, Mode.UNRELIABLE)

    def _step(self, verb: LoadVerb) -> None:
        self._post(LoadStep(self._number, verb))

    def _set(self, **changes: object) -> None:
        state = msgspec.structs.replace(self.state, **changes)
        if state != self.state:
            self.state = state
            self._changed()

    async def close(self) -> None:
        """Ends what goes on. May be called twice."""
        await self._tasks.close()
