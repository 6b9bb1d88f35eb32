"""The history as a person uses it: what was, what changed since, and letting go of it."""

import asyncio
import json
from collections.abc import Callable
from pathlib import Path
from typing import Final, TypeVar

from netstack.core.history_facts import Report, compare, since_fine
from netstack.errors import InputError
from netstack.model.coordinator import Decision
from netstack.model.history import (
    Comparison,
    HistoryReport,
    HistoryState,
    PastSession,
    Run,
    RunKind,
    Track,
)
from netstack.net.protocol import Net
from netstack.observe.history import History, Retention
from netstack.observe.history_reader import HistoryReader
from netstack.service.history_keeper import HistoryKeeper
from netstack.service.in_thread import in_thread
from netstack.service.path_watch import PathWatch
from netstack.tasks import TaskScope

T = TypeVar("T")

UNDO_TICK_S: Final = 1.0


class HistoryDesk:
    """One Node's history in `path` (None: nothing is kept). `changed` gets the new state on this loop.

    Its times are this computer's, in the lab too: that is when somebody played there.
    """

    def __init__(
        self,
        net: Net,
        watch: PathWatch,
        changed: Callable[[HistoryState], None],
        *,
        path: Path | None,
        retention: Retention | None = None,
        network: str = "real",
    ) -> None:
        self.state = HistoryState()
        self._net = net
        self._tell = changed
        self._watch = watch
        self._network = network
        self._loop: asyncio.AbstractEventLoop | None = None
        self._tasks = TaskScope("history")
        self._history = None if path is None else History(path, retention, changed=self._written)
        self._keeper = None if self._history is None else HistoryKeeper(net, self._history)

    async def start(self) -> None:
        """Opens the file, without keeping anybody waiting."""
        if self._history is not None:
            self._loop = asyncio.get_running_loop()
            self._tasks.start(self._open(self._history), "open")

    async def close(self) -> None:
        """Writes what waits. May be called twice."""
        await self._tasks.close()
        if self._keeper is not None and self._history is not None:
            self._keeper.close()
            await in_thread(self._history.close)
        self._loop = None

    def add(self, report: Report) -> None:
        """A diagnosis that has ended."""
        if self._history is not None:
            self._history.add_run(report)

    def decided(self, decision: Decision) -> None:
        """The coordinator has put traffic on another path, and says why."""
        if self._keeper is not None:
            self._keeper.decided(decision)

    async def runs(self, kind: RunKind | None = None, limit: int = 500) -> tuple[Run, ...]:
        """Diagnoses, newest first. Raises InputError for a file that cannot be read."""
        return await self._read(lambda reader: reader.runs(kind=kind, limit=limit), ())

    async def sessions(self, limit: int = 200) -> tuple[PastSession, ...]:
        """Sessions, newest first. Raises InputError."""
        return await self._read(lambda reader: reader.sessions(limit=limit), ())

    async def tracks(self, begin_s: float, end_s: float, metric: str) -> tuple[Track, ...]:
        """Every path's points of a metric between two times (1970). Raises InputError."""
        return await self._read(lambda reader: reader.tracks(begin_s, end_s, metric), ())

    async def whole(self, run_id: int) -> str:
        """A diagnosis as it was told then, as JSON text. Raises InputError when it is gone."""
        body = await self._read(lambda reader: reader.body(run_id), None)
        if body is None:
            raise InputError(InputError.Reason.FILE, "that diagnosis is not kept any more")
        return json.dumps(json.loads(body), indent=2, ensure_ascii=False)

    async def report(self, limit: int = 10_000) -> HistoryReport:
        """Everything but the series, for a file. Raises InputError."""
        return HistoryReport(
            network=self._network,
            runs=await self.runs(limit=limit),
            sessions=await self.sessions(limit),
            size_bytes=self.state.size_bytes,
        )

    async def when_fine(self, kind: RunKind) -> Comparison | None:
        """It was fine yesterday: the newest run of a kind beside the last one before it that was fine; None without both."""
        return since_fine(await self.runs(kind))

    async def compare(self, before: int, after: int) -> Comparison:
        """What changed between two diagnoses. Raises InputError when one is gone."""
        found = {run.id: run for run in await self.runs(limit=10_000)}
        if before not in found or after not in found:
            raise InputError(InputError.Reason.FILE, "that diagnosis is not kept any more")
        return compare(found[before], found[after])

    def set_retention(self, retention: Retention) -> None:
        """From the next tidying on."""
        if self._history is not None:
            self._history.retention = retention

    async def forget(self) -> None:
        """Everything, with a minute to undo it."""
        if self._history is not None:
            self._history.forget()
            self._tasks.start(self._count_down(), "undo")

    async def undo_forget(self) -> None:
        """Brings it back, where a minute has not passed."""
        if self._history is not None and self._history.undo_s:
            self._history.undo_forget()
            self._show()

    async def _open(self, history: History) -> None:
        await in_thread(history.open)
        if self._keeper is not None and history.kept:
            self._watch.listeners.append(self._keeper)
        self._show()

    async def _count_down(self) -> None:
        self._show()
        while self._history is not None and self._history.undo_s:
            await asyncio.sleep(UNDO_TICK_S)
            self._show()

    async def _read(self, work: Callable[[HistoryReader], T], empty: T) -> T:
        if self._history is None:
            return empty
        return await in_thread(work, HistoryReader(self._history.path))

    def _written(self) -> None:
        """From the writer's thread."""
        loop = self._loop
        if loop is not None and not loop.is_closed():
            loop.call_soon_threadsafe(self._show)

    def _show(self) -> None:
        history = self._history
        if history is None:
            return
        state = HistoryState(
            kept=history.kept,
            revision=history.revision,
            size_bytes=history.size_bytes,
            problem=history.problem,
            undo_s=round(history.undo_s),
        )
        if state != self.state:
            self.state = state
            self._tell(state)


def keep_one(path: Path, report: Report) -> None:
    """Adds one diagnosis and closes again, for a command. Blocks; says nothing and raises nothing when it cannot."""
    history = History(path)
    history.open()
    history.add_run(report)
    history.close()
