"""The Metrics page: what its buttons start, and that it holds still when it is told to."""

import asyncio

import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QImage
from PySide6.QtSvg import QSvgRenderer
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QLabel, QMessageBox, QPushButton

from app.actions import Actions
from app.panels.metrics import MetricsActions, MetricsPage
from app.widgets.theme import Choice, Theme
from netstack.model.coordinator import (
    CoordinatorState,
    Decision,
    DrillCause,
    DrillResult,
    DrillState,
    PathHealth,
    PeerPaths,
    Reason,
)
from netstack.model.path import PathReport, PathSeries, PathState, PlotData, ProbeSummary, Samples
from netstack.model.peers import Conversation, PeersState
from netstack.model.race import Lane, RaceState
from netstack.model.session import Priority
from netstack.model.snapshot import Snapshot

PATH = PathReport(
    key="1/0",
    peer="Ana",
    transport="udp",
    remote="203.0.113.7:4000",
    state=PathState.UP,
    probes=ProbeSummary(n=10, last_s=0.01, p50_s=0.01, p99_s=0.02, floor_s=0.01, sent=10, answered=10),
)
TIMES = tuple(4 + n / 10 for n in range(60))
DATA = PlotData(10.0, {"1/0": PathSeries(rtt=Samples(TIMES, (0.010,) * 60))}, 1_700_000_000.0)


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

    async def drill(self) -> None:
        self.drilled = True

    async def race(self, seconds: float) -> None:
        self.raced = seconds

    async def load(self, number: int) -> None:
        self.loaded = number


@pytest.fixture
def page(qtbot, qapp) -> MetricsPage:
    work, actions = Work(), Actions()
    page = MetricsPage(
        Theme(qapp, Choice.LIGHT),
        MetricsActions(
            actions.add("rehearsal", work.rehearse),
            actions.add("plots", work.pull, quiet=True),
            actions.add("load", work.load),
            actions.add("drill", work.drill),
            actions.add("race", work.race),
        ),
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
    page._refresh()
    _button(page, "Freeze").click()
    page.show_snapshot(Snapshot(), 0.0)
    page.show_data(PlotData())
    assert list(page._book.paths) == ["1/0"]
    assert page.headline.text().startswith("UDP to Ana")
    await page.all_actions.stop()


async def test_copy_and_save(page, tmp_path) -> None:
    page.show_snapshot(Snapshot(paths=(PATH,)), 0.0)
    page.show_data(DATA)
    page._refresh()
    page.copy()
    assert "UDP to Ana" in QApplication.clipboard().text()
    page._save(str(tmp_path / "points.csv"))
    assert (tmp_path / "points.csv").read_text("utf-8").count("rtt") == 60
    page._plots.set_focus_stretch((6.95, 7.95))
    page._save(str(tmp_path / "focus.csv"))
    assert (tmp_path / "focus.csv").read_text("utf-8").count("rtt") == 10
    page._save(str(tmp_path / "picture.png"))
    assert QImage(str(tmp_path / "picture.png")).width() == 2 * page._plots.width()
    page._save(str(tmp_path / "picture.svg"))
    assert QSvgRenderer(str(tmp_path / "picture.svg")).isValid()
    assert "Latency" in (tmp_path / "picture.svg").read_text("utf-8")
    said: list[str] = []
    page.said.connect(said.append)
    for name in ("points.csv", "picture.png", "picture.svg"):
        page._save(str(tmp_path / "none" / name))
    assert all(text.startswith("It could not be saved") for text in said)
    assert len(said) == 3
    await page.all_actions.stop()


async def test_a_focus_is_judged_alone_until_escape(page) -> None:
    page.show_snapshot(Snapshot(paths=(PATH,)), 0.0)
    page.show_data(DATA)
    page._plots.set_focus_stretch((6.95, 7.95))
    assert "figures of 1.00" in page.subline.text()
    assert page._table.model().rows[0].cells[-1] == "10 program"
    page.stop()
    assert page._plots.focus_s is None
    assert page._table.model().rows[0].cells[-1] == "60 program"
    await page.all_actions.stop()


async def test_a_row_is_looked_at_alone_and_its_line_hidden(page) -> None:
    page.show_snapshot(Snapshot(paths=(PATH,)), 0.0)
    page.show_data(DATA)
    page._refresh()
    page._table.selectRow(0)
    page._table.setCurrentIndex(page._table.model().index(0, 1))
    QTest.keyClick(page._table, Qt.Key.Key_Return)
    assert page._plots._strong == "1/0"
    QTest.keyClick(page._table, Qt.Key.Key_H)
    assert all(not band.view.curves for band in page._plots._bands)
    QTest.keyClick(page._table, Qt.Key.Key_H)
    assert page._plots._bands[0].view.curves
    await page.all_actions.stop()


async def test_load_is_asked_about_before_it_begins(page) -> None:
    talk = Conversation(
        number=3, peer="k", name="Ben", transport="udp", kind="direct", remote="203.0.113.9:1", path="1/0",
        digits="123456", connect_s=0.1, since_s=0.0,
    )  # fmt: skip
    page.show_snapshot(Snapshot(paths=(PATH,), peers=PeersState(conversations=(talk,))), 0.0)
    page._refresh()
    _button(page, "Measure").click()
    await asyncio.sleep(0.01)
    question = page.findChild(QMessageBox)
    assert "64" in question.informativeText()
    assert not hasattr(page.work, "loaded")
    question.button(QMessageBox.StandardButton.Cancel).click()
    await asyncio.sleep(0.01)
    assert not hasattr(page.work, "loaded")
    _button(page, "Measure").click()
    await asyncio.sleep(0.01)
    question = next(box for box in page.findChildren(QMessageBox) if box.isVisible())
    next(button for button in question.buttons() if button.text() == "Measure").click()
    await asyncio.sleep(0.05)
    assert page.work.loaded == 3
    await page.all_actions.stop()


async def test_decisions_drill_and_race_have_their_cards(page) -> None:
    move = Decision(
        at_s=10.0,
        priority=Priority.REALTIME,
        source=0,
        source_transport="udp",
        target=2,
        target_transport="turn",
        reason=Reason.LATENCY,
        left=0.041,
        right=0.035,
        margin=0.005,
        unit="s",
        sentence="UDP p99 41 ms > TURN p99 35 ms + 5 ms: moved to TURN",
        peer="Ben",
    )
    drilled = DrillResult(
        cause=DrillCause.DEAD, warm=True, blackout_s=0.163, lost=0, duplicated=0, late=4, n=600, switches=2
    )
    page.show_snapshot(
        Snapshot(
            paths=(PATH,),
            coordinator=CoordinatorState(
                peers=(PeerPaths(peer="Ben", connection=1, health=(PathHealth(path=0, transport="udp"),)),),
                decisions=(move,),
            ),
            drill=DrillState(results=(drilled,), total=10),
            race=RaceState(
                seconds=15.0, lanes=(Lane(transport="udp", sent=9, arrived=9, p50_s=0.1, p99_s=0.2),)
            ),
        ),
        0.0,
    )
    shown = {label.text() for label in page.findChildren(QLabel) if label.isVisible()}
    assert {move.sentence, "everything by UDP", "the path dies", "163 ms"} <= shown
    assert any(text.startswith("UDP won") for text in shown)
    _button(page, "Drill again").click()
    _button(page, "Race again").click()
    await asyncio.sleep(0.05)
    assert page.work.drilled
    assert page.work.raced == 15.0
    await page.all_actions.stop()


async def test_no_button_is_cut_off_in_a_narrow_window(page) -> None:
    page.resize(760, 700)
    page.show_snapshot(Snapshot(paths=(PATH,)), 0.0)
    page.show_data(DATA)
    page._refresh()
    await asyncio.sleep(0.05)
    for button in (page._log, page._freeze, page._copy, page._export, page._run):
        assert button.width() >= button.sizeHint().width(), button.text()
    await page.all_actions.stop()
