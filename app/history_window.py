"""The history in the window: what its page starts, and where what was read goes."""

import time
from collections.abc import Callable
from typing import TYPE_CHECKING

from app.actions import Actions
from app.engine import Engine
from app.panels.history import HistoryActions, HistoryData, HistoryPage
from netstack.model.history import RunKind, Track

if TYPE_CHECKING:
    from netstack.node import Node

TRACKED = ("rtt", "loss_out")


def history_actions(actions: Actions, engine: Engine, page: Callable[[], HistoryPage]) -> HistoryActions:
    """What the History page starts. `page` is asked when there is something to show."""

    async def load() -> None:
        async def read(node: "Node") -> HistoryData:
            runs = await node.history.runs()
            kind = next(
                (each for each in (RunKind.DOCTOR, RunKind.NAT) if any(r.kind is each for r in runs)), None
            )
            fine = None if kind is None else await node.history.when_fine(kind)
            return HistoryData(runs, await node.history.sessions(), fine)

        page().show_data(await engine.call(read, "history"))

    async def tracks(seconds: float) -> None:
        now_s = time.time()

        async def read(node: "Node") -> dict[str, tuple[Track, ...]]:
            return {metric: await node.history.tracks(now_s - seconds, now_s, metric) for metric in TRACKED}

        page().show_tracks(await engine.call(read, "history series"), now_s)

    async def compare(before: int, after: int) -> None:
        comparison = await engine.call(lambda node: node.history.compare(before, after), "compare")
        page().show_comparison(comparison)

    async def open_report(run: int) -> None:
        page().show_report(run, await engine.call(lambda node: node.history.whole(run), "open report"))

    return HistoryActions(
        load=actions.add("history", load, quiet=True),
        tracks=actions.add("history series", tracks, quiet=True),
        compare=actions.add("compare", compare, quiet=True),
        open=actions.add("open report", open_report),
        forget=actions.add(
            "forget history", lambda: engine.call(lambda node: node.history.forget(), "forget")
        ),
        undo=actions.add(
            "bring history back", lambda: engine.call(lambda node: node.history.undo_forget(), "undo")
        ),
    )
