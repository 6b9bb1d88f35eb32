"""The Metrics page: what its buttons start, and that it holds still when it is told to."""

import asyncio

import pytest
from PySide6.QtWidgets import QApplication, QPushButton

from app.actions import Actions
from app.panels.metrics import MetricsActions, MetricsPage
from app.widgets.theme import Choice, Theme
from netstack.model.path import PathReport, PathSeries, PathState, PlotData, ProbeSummary, Samples
from netstack.model.snapshot import Snapshot

PATH = PathReport(
    key="1/0",
    peer="Ana",
    transport="udp",
    remote="203.0.113.7:4000",
    state=PathState.UP,
    probes=ProbeSummary(n=10, last_s=0.01, p50_s=0.01, p99_s=0.02, floor_s=0.01, sent=10, answered=10),
)
DATA = PlotData(10.0, {"1/0": PathSeries(rtt=Samples((8.0, 9.0), (0.010, 0.012)))})


class Work:
    """Counts pulls; a rehearsal lasts until it is cancelled."""

    def __init__(self) -> None:
        self.pulls = 0
        self.cancelled = False

    async def rehearse(self) -> None:
        try:
            await asyncio.Event().wait()
        finally:
            self.cancelled = True

    async def pull(self) -> None:
        self.pulls += 1


@pytest.fixture
def page(qtbot, qapp) -> MetricsPage:
    work, actions = Work(), Actions()
    page = MetricsPage(
        Theme(qapp, Choice.LIGHT),
        MetricsActions(actions.add("rehearsal", work.rehearse), actions.add("plots", work.pull, quiet=True)),
    )
    page.work, page.all_actions = work, actions  # type: ignore[attr-defined]
    qtbot.addWidget(page)
    page.resize(1000, 900)
    page.show()
    return page


def _button(page: MetricsPage, name: str) -> QPushButton:
    return next(button for button in page.findChildren(QPushButton) if button.accessibleName() == name)


async def test_try_it_here_runs_until_stopped(page) -> None:
    assert page.headline.text() == "Nothing is connected."
    _button(page, "Try it here").click()
    await asyncio.sleep(0.05)
    assert page._actions.rehearse.busy
    _button(page, "Stop").click()
    await asyncio.sleep(0.05)
    assert page.work.cancelled
    assert _button(page, "Try it here").isEnabled()
    await page.all_actions.stop()


async def test_it_pulls_only_while_it_is_seen_has_paths_and_is_not_frozen(page) -> None:
    await asyncio.sleep(0.25)
    assert page.work.pulls == 0
    page.show_snapshot(Snapshot(paths=(PATH,)), 0.0)
    await asyncio.sleep(0.35)
    pulled = page.work.pulls
    assert pulled
    _button(page, "Freeze").click()
    await asyncio.sleep(0.25)
    assert page.work.pulls <= pulled + 1
    page.hide()
    assert not page._timer.isActive()
    await page.all_actions.stop()


async def test_freezing_holds_figures_and_curves(page) -> None:
    page.show_snapshot(Snapshot(paths=(PATH,)), 0.0)
    page.show_data(DATA)
    assert page._latency.curve_count() == 1
    _button(page, "Freeze").click()
    page.show_snapshot(Snapshot(), 0.0)
    page.show_data(PlotData())
    assert page._latency.curve_count() == 1
    assert page.headline.text().startswith("UDP to Ana")
    await page.all_actions.stop()


async def test_copy_and_save(page, tmp_path) -> None:
    page.show_snapshot(Snapshot(paths=(PATH,)), 0.0)
    page.show_data(DATA)
    page.copy()
    assert "UDP to Ana" in QApplication.clipboard().text()
    page._save(str(tmp_path / "points.csv"))
    assert "rtt" in (tmp_path / "points.csv").read_text("utf-8")
    said: list[str] = []
    page.said.connect(said.append)
    page._save(str(tmp_path / "none" / "points.csv"))
    assert said[0].startswith("It could not be saved")
    await page.all_actions.stop()
