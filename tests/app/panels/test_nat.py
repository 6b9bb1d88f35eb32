"""The NAT page: what can be pressed, what it starts, and that every state can be painted."""

import asyncio
import json

import msgspec
import pytest
from PySide6.QtCore import QPoint, QPointF, Qt
from PySide6.QtGui import QMouseEvent
from PySide6.QtWidgets import QApplication, QLabel, QLineEdit, QPushButton

from app.actions import Actions
from app.panels.nat import NatActions, NatPage
from app.widgets.fact_grid import FactCell
from app.widgets.probe_timeline import ProbeTimeline
from app.widgets.server_table import ServerTable
from app.widgets.text import Card
from app.widgets.theme import Choice, Theme
from netstack.errors import InputError
from netstack.model.nat import (
    Evidence,
    Filtering,
    Label,
    Mapping,
    NatReport,
    ServerReport,
    TimelineEntry,
    Udp,
    Verdict,
)
from netstack.model.snapshot import NatState, Snapshot

SERVERS = ("stun:198.51.100.1", "stun:198.51.100.2")
REPORT = NatReport(
    verdict=Verdict.STRICT,
    headline="Strict - your router gives every destination its own port (address-dependent mapping).",
    udp=Udp.OK,
    mapping=Mapping.ADDRESS_DEPENDENT,
    filtering=Filtering.ADDRESS_DEPENDENT,
    label=Label.SYMMETRIC,
    public_addresses=("203.0.113.7",),
    local_addresses=("192.168.1.20",),
    gateway="192.168.1.1",
    confidence=0.9,
    servers=(
        ServerReport("stun:198.51.100.1:3478", "198.51.100.1:3478", True, 0.02, 0, mapped="203.0.113.7:9"),
    ),
    evidence=(Evidence("mapping", "every server sees another public port"),),
    advice=("The router: turn on UPnP.",),
    timeline=tuple(
        TimelineEntry(
            "What is my public address?", f"198.51.100.{n}:3478", 0.1 * n, 0.2 * n or None, 1, outcome
        )
        for n, outcome in enumerate(("running", "answered", "no answer", "refused"))
    ),
    started_at_s=1_000_000.0,
    duration_s=0.6,
)
DONE = Snapshot(nat=NatState(report=REPORT, servers=SERVERS))
RUNNING = Snapshot(
    nat=NatState(
        running=True,
        progress=0.4,
        step="Asking",
        report=msgspec.structs.replace(REPORT, provisional=True, advice=()),
    )
)


class Bench:
    """A page whose actions write down what they were asked, and wait until they are let go."""

    def __init__(self, qapp: QApplication) -> None:
        self.asked: list[object] = []
        self.gate = asyncio.Event()
        self.refusal: Exception | None = None
        self.actions = Actions()
        self.theme = Theme(qapp, Choice.LIGHT)
        self.page = NatPage(
            self.theme,
            NatActions(
                self.actions.add("check", lambda: self.work("check")),
                self.actions.add("lifetime", lambda: self.work("lifetime")),
                self.actions.add("servers", self.servers),
            ),
            SERVERS,
        )
        self.page.resize(1100, 900)

    async def work(self, name: str) -> None:
        self.asked.append(name)
        try:
            await self.gate.wait()
        except asyncio.CancelledError:
            self.asked.append(f"{name} cancelled")
            raise

    async def servers(self, servers: tuple[str, ...]) -> None:
        self.asked.append(servers)
        if self.refusal:
            raise self.refusal

    def button(self, name: str) -> QPushButton:
        found = [
            b for b in self.page.findChildren(QPushButton) if (b.accessibleName() or b.text()).strip() == name
        ]
        assert len(found) == 1, name
        return found[0]

    def text(self, name: str) -> str:
        return self.page.findChild(QLabel, name).text()


async def settle() -> None:
    for _ in range(5):
        await asyncio.sleep(0)


@pytest.fixture
def bench(qapp, qtbot):
    bench = Bench(qapp)
    qtbot.addWidget(bench.page)
    bench.page.show()
    return bench


def shows(bench: Bench, title: str) -> bool:
    return any(card.isVisible() for card in bench.page.findChildren(Card) if card.accessibleName() == title)


def test_the_empty_page_offers_one_thing_to_do(bench):
    bench.page.show_snapshot(Snapshot(nat=NatState(servers=SERVERS)), 0)
    assert bench.button("Check this network").isVisible()
    assert shows(bench, "Servers that are asked")
    assert not shows(bench, "Facts")
    assert not bench.button("Copy").isEnabled()


def test_a_report_fills_the_page(bench):
    bench.page.show_snapshot(DONE, 0)
    assert bench.text("verdict") == "Strict"
    assert bench.text("headline") == "Your router gives every destination its own port."
    assert shows(bench, "Facts")
    assert bench.button("Copy").isEnabled()
    assert not bench.page.findChild(QLabel, "notice").isVisible()


def test_the_age_counts_from_when_the_report_came(bench):
    subline = bench.page.subline
    bench.page.show_snapshot(RUNNING, 50.0)
    bench.page.show_snapshot(DONE, 51.0)
    assert subline.text().startswith("Measured just now")
    bench.page.show_snapshot(DONE, 51.0 + 180)
    assert subline.text().startswith("Measured 3\N{NARROW NO-BREAK SPACE}min ago")
    assert subline.toolTip().startswith("1970-01-1")


@pytest.mark.parametrize("choice", list(Choice))
@pytest.mark.parametrize("snapshot", [Snapshot(), RUNNING, DONE], ids=["empty", "running", "done"])
@pytest.mark.parametrize("width", [420, 1400])
def test_every_state_can_be_painted_in_every_theme_and_width(bench, choice, snapshot, width):
    bench.theme.choose(choice)
    bench.page.resize(width, 800)
    bench.page.show_snapshot(snapshot, 0)
    picture = bench.page.grab().toImage()
    assert picture.pixelColor(2, 2) == bench.theme.color("window")
    colours = {picture.pixelColor(x, y).rgb() for x in range(0, width, 7) for y in range(0, 800, 7)}
    assert len(colours) > 5


async def test_the_button_runs_and_then_cancels(bench):
    bench.button("Check").click()
    await settle()
    assert bench.asked == ["check"]
    assert not bench.button("Copy").isEnabled()
    bench.page.start()
    bench.button("Cancel").click()
    await settle()
    assert bench.asked == ["check", "check cancelled"]
    assert bench.button("Check").isEnabled()


async def test_the_lifetime_has_its_own_button_and_shares_cancel(bench):
    bench.page.show_snapshot(DONE, 0)
    measure = bench.button("Measure")
    measure.click()
    await settle()
    assert measure.text() == "Cancel"
    bench.page.stop()
    await settle()
    assert bench.asked == ["lifetime", "lifetime cancelled"]
    bench.page.start()
    await settle()
    assert not measure.isEnabled()
    await bench.actions.stop()


async def test_copy_leaves_the_public_address_out_until_it_is_shown(bench):
    said = []
    bench.page.said.connect(said.append)
    bench.page.show_snapshot(DONE, 0)
    bench.button("Copy").click()
    assert "Strict" in QApplication.clipboard().text()
    assert "203.0.113.7" not in QApplication.clipboard().text()
    bench.button("Show").click()
    assert bench.button("Hide").isVisible()
    bench.page.copy()
    assert "203.0.113.7" in QApplication.clipboard().text()
    assert "without" in said[0]
    assert "without" not in said[1]


async def test_a_malformed_server_is_refused_beside_the_entry(bench):
    bench.page.show_snapshot(DONE, 0)
    entry = bench.page.findChild(QLineEdit, "server")
    entry.setText("stun:bad host")
    bench.button("Add").click()
    await settle()
    assert bench.asked == []
    assert "neither a host name" in bench.text("server-problem")
    entry.setText("stun:198.51.100.3")
    assert bench.text("server-problem") == ""
    bench.button("Add").click()
    await settle()
    assert bench.asked == [(*SERVERS, "stun:198.51.100.3")]
    assert entry.text() == ""


async def test_what_the_stack_refuses_is_told_too(bench, expected_logs):
    expected_logs("servers failed")
    bench.refusal = InputError(InputError.Reason.SERVER, "no")
    bench.page.findChild(QLineEdit, "server").setText("stun:198.51.100.3")
    bench.button("Add").click()
    await settle()
    assert "(no)" in bench.text("server-problem")


async def test_servers_can_be_removed_but_for_the_last_and_reset(bench):
    bench.page.show_snapshot(DONE, 0)
    table = bench.page.findChild(ServerTable)
    assert not bench.button("Remove").isEnabled()
    assert not bench.button("Reset").isEnabled()
    table.view.selectRow(0)
    bench.button("Remove").click()
    await settle()
    assert bench.asked == [SERVERS[1:]]
    bench.page.show_snapshot(Snapshot(nat=NatState(servers=SERVERS[1:])), 0)
    table.view.selectRow(0)
    bench.button("Remove").click()
    assert "One server must stay" in bench.text("server-problem")
    bench.button("Reset").click()
    await settle()
    assert bench.asked == [SERVERS[1:], SERVERS]


def test_a_selection_survives_news_of_the_same_servers(bench):
    table = bench.page.findChild(ServerTable)
    bench.page.show_snapshot(Snapshot(nat=NatState(servers=SERVERS)), 0)
    table.view.selectRow(1)
    bench.page.show_snapshot(DONE, 0)
    assert [index.row() for index in table.view.selectionModel().selectedRows()] == [1]


def test_export_writes_the_report_and_says_when_it_cannot(bench, tmp_path):
    bench.page.show_snapshot(DONE, 0)
    file = tmp_path / "nat.json"
    bench.page.export_to(str(file))
    assert json.loads(file.read_text("utf-8"))["public_addresses"] == ["(hidden)"]
    bench.page.export_to(str(tmp_path / "no" / "nat.json"))
    assert "could not be written" in bench.text("notice")


def test_arrows_walk_through_the_facts(bench, qtbot):
    bench.page.show_snapshot(DONE, 0)
    cells = bench.page.findChildren(FactCell)
    bench.page.activateWindow()
    cells[0].setFocus()
    for key, reached in (
        (Qt.Key.Key_Right, 1),
        (Qt.Key.Key_Down, 3),
        (Qt.Key.Key_Left, 2),
        (Qt.Key.Key_Up, 0),
    ):
        qtbot.keyClick(QApplication.focusWidget() or cells[0], key)
        assert QApplication.focusWidget() is cells[reached]
    assert [cell.focusPolicy() == Qt.FocusPolicy.StrongFocus for cell in cells[:4]] == [
        True,
        False,
        False,
        False,
    ]
    qtbot.keyClick(cells[0], Qt.Key.Key_Up)
    assert QApplication.focusWidget() is cells[0]


def test_evidence_is_on_hover_and_for_a_screen_reader(bench):
    bench.page.show_snapshot(DONE, 0)
    cell = next(cell for cell in bench.page.findChildren(FactCell) if "Public port" in cell.accessibleName())
    for told in (cell.toolTip(), cell.accessibleDescription()):
        assert "every server sees another public port" in told
        assert "RFC 4787" in told


def test_the_timeline_grows_with_its_probes_and_only_while_it_runs(bench):
    timeline = bench.page.findChild(ProbeTimeline)
    bench.page.show_snapshot(RUNNING, 0)
    high = timeline.sizeHint().height()
    assert timeline.accessibleName() == "Timeline: 4 probes, 1 answered"
    assert timeline._timer
    fewer = msgspec.structs.replace(REPORT, timeline=REPORT.timeline[:2])
    bench.page.show_snapshot(Snapshot(nat=NatState(report=fewer)), 0)
    assert timeline.sizeHint().height() < high
    assert not timeline._timer
    row = QPointF(20, 30)
    timeline.mouseMoveEvent(
        QMouseEvent(
            QMouseEvent.Type.MouseMove,
            row,
            QPointF(timeline.mapToGlobal(QPoint(20, 30))),
            Qt.MouseButton.NoButton,
            Qt.MouseButton.NoButton,
            Qt.KeyboardModifier.NoModifier,
        )
    )
    assert timeline._current == 0


def test_tab_goes_in_the_order_of_reading(bench):
    bench.page.show_snapshot(DONE, 0)
    bench.page.findChild(ServerTable).view.selectRow(0)
    names, widget = [], bench.button("Copy")
    for _ in range(300):
        stop = widget.focusPolicy() & Qt.FocusPolicy.TabFocus and widget.isVisible() and widget.isEnabled()
        if stop and not widget.focusProxy():
            names.append((widget.accessibleName() or widget.text()).strip().partition(":")[0])
        widget = widget.nextInFocusChain()
        if widget is bench.button("Copy"):
            break
    assert names == [
        "Copy", "Export", "Check", "UDP", "Measure", "Show", "Timeline", "STUN servers", "Add a STUN server", "Add",
        "Remove",
    ]  # fmt: skip


def test_every_control_has_a_name(bench):
    bench.page.show_snapshot(DONE, 0)
    for kind in (QPushButton, QLineEdit):
        for widget in bench.page.findChildren(kind):
            assert widget.accessibleName() or widget.text(), widget
