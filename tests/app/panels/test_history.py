"""The History page: reads while it is seen, compares two, asks before it forgets."""

import asyncio
import json
import time

import msgspec
import pytest
from PySide6.QtWidgets import QApplication, QMessageBox, QPlainTextEdit, QPushButton

from app.actions import Actions
from app.panels.history import HistoryActions, HistoryData, HistoryPage
from app.widgets.theme import Choice, Theme
from netstack.core.history_facts import compare, since_fine
from netstack.model.history import HistoryState, Point, Run, RunKind, Standing, Track
from netstack.model.snapshot import Snapshot

FINE = Run(
    id=1, at_s=1_700_000_000.0, kind=RunKind.NAT, network="real", title="Moderate.", standing=Standing.FINE,
    facts={"Verdict": "moderate", "Public address": "203.0.113.7"},
)  # fmt: skip
STRICT = msgspec.structs.replace(
    FINE, id=2, at_s=1_700_009_000.0, title="Strict.", standing=Standing.PROBLEM, facts={"Verdict": "strict"}
)
KEPT = Snapshot(history=HistoryState(kept=True, revision=3, size_bytes=5000))


class Work:
    def __init__(self) -> None:
        self.seen: list[tuple[object, ...]] = []
        self.page: HistoryPage | None = None

    async def load(self) -> None:
        self.seen.append(("load",))
        self.page.show_data(HistoryData((STRICT, FINE), (), since_fine((STRICT, FINE))))

    async def tracks(self, seconds: float) -> None:
        self.seen.append(("tracks", seconds))

    async def compare(self, before: int, after: int) -> None:
        self.seen.append(("compare", before, after))
        self.page.show_comparison(compare(FINE, STRICT))

    async def open(self, run: int) -> None:
        self.seen.append(("open", run))
        self.page.show_report(run, '{"from": "another version", "address": "203.0.113.7"}')

    async def forget(self) -> None:
        self.seen.append(("forget",))

    async def undo(self) -> None:
        self.seen.append(("undo",))


@pytest.fixture
def page(qtbot, qapp) -> HistoryPage:
    work, actions = Work(), Actions()
    page = HistoryPage(
        Theme(qapp, Choice.LIGHT),
        HistoryActions(*(actions.add(name, getattr(work, name)) for name in HistoryActions._fields)),
    )
    work.page = page
    page.work, page.all_actions = work, actions  # type: ignore[attr-defined]
    qtbot.addWidget(page)
    page.resize(1000, 900)
    return page


async def opened(page: HistoryPage) -> None:
    page.show_snapshot(KEPT, time.monotonic())
    assert page.work.seen == []  # hidden, it reads nothing
    page.show()
    page.show_snapshot(KEPT, time.monotonic())
    await asyncio.sleep(0.05)


def _button(page: HistoryPage, name: str) -> QPushButton:
    return next(button for button in page.findChildren(QPushButton) if button.accessibleName() == name)


async def test_it_reads_once_for_each_revision_and_not_too_often(page) -> None:
    await opened(page)
    assert page.work.seen == [("load",), ("tracks", 86_400.0)]
    assert page.headline.text().startswith("It was fine 14 November 2023")
    now_s = time.monotonic()
    for revision in range(4, 40):
        page.show_snapshot(Snapshot(history=HistoryState(kept=True, revision=revision)), now_s + 0.1)
    await asyncio.sleep(0.05)
    assert page.work.seen.count(("load",)) == 1
    page.show_snapshot(Snapshot(history=HistoryState(kept=True, revision=40)), now_s + 10)
    await asyncio.sleep(0.05)
    assert page.work.seen.count(("load",)) == 2
    await page.all_actions.stop()


async def test_two_that_are_picked_are_compared(page) -> None:
    await opened(page)
    page._table.mark(("run 2",))
    assert page._detail_view.title.startswith("NAT, ")
    page._table.mark(("run 1",))
    await asyncio.sleep(0.05)
    assert page.work.seen[-1] == ("compare", 1, 2)
    assert page._detail_view.title == "2 things have changed"
    page.copy()
    assert "Verdict\tmoderate\tstrict" in QApplication.clipboard().text()
    assert "203.0.113.7" not in QApplication.clipboard().text()
    await page.all_actions.stop()


async def test_what_is_new_does_not_unmark(page) -> None:
    await opened(page)
    page._table.mark(("run 1",))
    newer = msgspec.structs.replace(FINE, id=3, at_s=1_700_020_000.0)
    page.show_data(HistoryData((newer, STRICT, FINE), ()))
    assert page._table.keys() == ("run 1",)
    await page.all_actions.stop()


async def test_forgetting_is_asked_about_and_can_be_undone(page) -> None:
    await opened(page)
    _button(page, "Forget").click()
    await asyncio.sleep(0.01)
    question = page.findChild(QMessageBox)
    question.button(QMessageBox.StandardButton.Cancel).click()
    await asyncio.sleep(0.02)
    assert ("forget",) not in page.work.seen
    _button(page, "Forget").click()
    await asyncio.sleep(0.01)
    question = next(box for box in page.findChildren(QMessageBox) if box.isVisible())
    next(button for button in question.buttons() if button.text() == "Forget").click()
    await asyncio.sleep(0.05)
    assert ("forget",) in page.work.seen
    page.show_snapshot(Snapshot(history=HistoryState(kept=True, undo_s=50.0)), time.monotonic())
    _button(page, "Bring it back").click()
    await asyncio.sleep(0.05)
    assert ("undo",) in page.work.seen
    await page.all_actions.stop()


async def test_export_hides_addresses_until_they_are_shown(page, tmp_path) -> None:
    await opened(page)
    page._save(str(tmp_path / "one.json"))
    told = json.loads((tmp_path / "one.json").read_text("utf-8"))
    assert (told["schema"], len(told["runs"])) == ("peerscope.history/1", 2)
    assert told["runs"][1]["facts"]["Public address"] == "(hidden)"
    _button(page, "Show addresses").click()
    page._save(str(tmp_path / "two.json"))
    assert "203.0.113.7" in (tmp_path / "two.json").read_text("utf-8")
    said: list[str] = []
    page.said.connect(said.append)
    page._save(str(tmp_path / "none" / "one.json"))
    assert said[0].startswith("It could not be saved")
    await page.all_actions.stop()


async def test_series_are_drawn_where_there_are_any(page) -> None:
    await opened(page)
    assert page._plots_card.isHidden()
    now_s = 1_700_000_000.0
    points = tuple(Point(int(now_s) - 600 + 10 * n, 10, 0.01, 0.02, 0.05, 0.04, 10) for n in range(60))
    page.show_tracks({"rtt": (Track(peer="Ben", transport="udp", metric="rtt", points=points),)}, now_s)
    assert not page._plots_card.isHidden()
    assert page._plots.tops["latency"] == 50.0
    await page.all_actions.stop()


async def test_a_young_history_is_drawn_over_minutes(page) -> None:
    await opened(page)
    assert page._range.currentData() == 86_400
    page._data = HistoryData()
    young = msgspec.structs.replace(FINE, at_s=time.time() - 60)
    page.show_data(HistoryData((young,), ()))
    await asyncio.sleep(0.05)
    assert page.work.seen[-1] == ("tracks", 600.0)
    assert page._plots.window[1] - page._plots.window[0] == 600.0
    await page.all_actions.stop()


async def test_an_old_report_is_opened_copied_saved_and_closed_again(page, tmp_path) -> None:
    await opened(page)
    text = page.findChild(QPlainTextEdit, "old-report")
    page._table.mark(("run 1",))
    assert not text.isVisible()
    _button(page, "Open the report").click()
    await asyncio.sleep(0.02)
    assert page.work.seen[-1] == ("open", 1)
    assert text.isVisible()
    assert "another version of Peerscope" in text.toPlainText()
    assert "203.0.113.7" not in text.toPlainText()
    page.copy()
    assert '"address": "(hidden)"' in QApplication.clipboard().text()
    page._save_opened(str(tmp_path / "old.json"))
    assert json.loads((tmp_path / "old.json").read_text("utf-8"))["address"] == "(hidden)"
    page._table.mark(("run 2",))
    assert not text.isVisible()
    page._table.clearSelection()
    page._table.mark(("run 1",))
    _button(page, "Open the report").click()
    await asyncio.sleep(0.02)
    _button(page, "Close the report").click()
    assert not text.isVisible()
    await page.all_actions.stop()


async def test_a_range_that_is_chosen_while_another_is_read_is_read_next(page) -> None:
    gate = asyncio.Event()

    async def slow(seconds: float) -> None:
        page.work.seen.append(("tracks", seconds))
        await gate.wait()

    page._actions.tracks._work = slow
    await opened(page)
    page._range.setCurrentIndex(0)
    page._look_back(0)
    gate.set()
    await asyncio.sleep(0.02)
    page.show_snapshot(KEPT, time.monotonic())
    await asyncio.sleep(0.02)
    assert [seen for seen in page.work.seen if seen[0] == "tracks"] == [
        ("tracks", 86_400.0),
        ("tracks", 600.0),
    ]
    await page.all_actions.stop()
