"""The Lab page: what can be pressed, what it starts, and that every state can be painted."""

import asyncio
import json

import msgspec
import pytest
from PySide6.QtCore import QPoint, QPointF, QSettings, Qt
from PySide6.QtGui import QMouseEvent
from PySide6.QtWidgets import QApplication, QComboBox, QLabel, QLineEdit, QPushButton, QSlider, QSpinBox

from app.actions import Actions
from app.panels.lab import LabActions, LabPage
from app.presenters.lab_grid import KINDS
from app.widgets.grid_card import GridCard
from app.widgets.knob_row import KnobRow
from app.widgets.nat_grid import NatGrid
from app.widgets.theme import Choice, Theme
from app.widgets.topology_map import TopologyMap
from netstack.errors import InputError
from netstack.model.lab import GridState, ScenarioLine, StoryState
from netstack.model.snapshot import Snapshot
from netstack.model.topology import LinkCounters
from tests.app.presenters.lab_world import WORLD, with_link
from tests.app.presenters.test_lab_grid import CELLS, WHOLE
from tests.app.presenters.test_lab_story import STRICT, run

SCENARIOS = (
    ScenarioLine(name="home", title="Two ordinary homes", story="They connect."),
    ScenarioLine(name="strict", title="Strict meets moderate", story="They do not."),
    ScenarioLine(name="vpn", title="A VPN", story="It is on."),
)
OPEN = Snapshot(network="strict", lab=WORLD)
OUTCOME = run(connected=True, direct=False)
PLAYING = msgspec.structs.replace(
    OPEN, story=StoryState(running=True, progress=0.4, step="Asking", nat={"anna": STRICT})
)
DONE = msgspec.structs.replace(
    OPEN,
    story=StoryState(progress=1.0, nat=OUTCOME.nat, run=OUTCOME),
    grid=GridState(tries=20, total=55, cells=CELLS, matrix=WHOLE),
)
FILLING = msgspec.structs.replace(OPEN, grid=GridState(running=True, tries=20, total=55, cells=CELLS))


class Bench:
    """A page whose actions write down what they were asked, and wait until they are let go."""

    def __init__(self, qapp: QApplication, folder, scenarios=SCENARIOS) -> None:
        self.asked: list[tuple[object, ...]] = []
        self.gate = asyncio.Event()
        self.refusal: Exception | None = None
        self.actions = Actions()
        self.theme = Theme(qapp, Choice.LIGHT)
        self.settings = QSettings(str(folder / "lab.ini"), QSettings.Format.IniFormat)
        names = LabActions._fields
        made = LabActions(*(self.actions.add(name, self.worker(name)) for name in names))
        self.page = LabPage(self.theme, made, scenarios, self.settings)
        self.page.resize(1100, 1400)

    def worker(self, name: str):
        async def work(*arguments: object) -> None:
            self.asked.append((name, *arguments))
            if self.refusal:
                raise self.refusal
            if name in ("story", "grid", "scenario", "link"):
                await self.gate.wait()

        return work

    def show(self, snapshot: Snapshot, now_s: float = 0.0) -> None:
        self.page.show_snapshot(snapshot, now_s)

    def button(self, name: str) -> QPushButton:
        found = [
            b for b in self.page.findChildren(QPushButton) if (b.accessibleName() or b.text()).strip() == name
        ]
        assert len(found) == 1, name
        return found[0]

    def text(self, name: str) -> str:
        return self.page.findChild(QLabel, name).text()

    @property
    def map(self) -> TopologyMap:
        return self.page.findChild(TopologyMap)


async def settle() -> None:
    for _ in range(6):
        await asyncio.sleep(0)


@pytest.fixture
def bench(qapp, qtbot, tmp_path):
    bench = Bench(qapp, tmp_path)
    qtbot.addWidget(bench.page)
    bench.page.show()
    return bench


async def test_on_the_real_network_it_offers_a_window_of_its_own(qapp, qtbot, tmp_path):
    bench = Bench(qapp, tmp_path, ())
    qtbot.addWidget(bench.page)
    bench.page.show()
    bench.show(Snapshot())
    assert bench.button("Open the lab").isVisible()
    assert not bench.map.isVisible()
    assert not bench.button("Play the story").isVisible()
    bench.page.start()
    await settle()
    assert bench.asked == [("open",)]


def test_before_the_lab_is_built_nothing_of_the_real_network_is_shown(bench):
    bench.show(Snapshot())
    assert bench.text("headline") == "Building the lab…"
    assert not bench.button("Open the lab").isVisible()


def test_the_scenario_fills_the_page(bench):
    bench.show(OPEN)
    assert bench.text("headline") == "Can Anna and Ben connect directly?"
    assert bench.text("story") == WORLD.story
    assert bench.text("selected") == "Anna's router"
    assert bench.page.findChild(QComboBox).currentData() == "strict"
    assert not bench.button("Copy").isEnabled()
    assert not bench.button("Copy the grid").isEnabled()


@pytest.mark.parametrize("choice", list(Choice))
@pytest.mark.parametrize(
    "snapshot", [Snapshot(), OPEN, PLAYING, DONE, FILLING], ids=["none", "open", "playing", "done", "filling"]
)
@pytest.mark.parametrize("width", [496, 1400])
def test_every_state_can_be_painted_in_every_theme_and_width(bench, choice, snapshot, width):
    bench.theme.choose(choice)
    bench.page.resize(width, 900)
    bench.show(snapshot)
    QApplication.processEvents()
    picture = bench.page.grab().toImage()
    assert picture.pixelColor(2, 2) == bench.theme.color("window")
    colours = {picture.pixelColor(x, y).rgb() for x in range(0, width, 7) for y in range(0, 900, 7)}
    assert len(colours) > 5
    assert bench.map.width() <= width


async def test_the_button_plays_and_then_cancels(bench):
    bench.show(OPEN)
    bench.button("Play the story").click()
    await settle()
    assert bench.asked == [("story",)]
    bench.page.start()
    bench.button("Cancel").click()
    await settle()
    assert bench.asked == [("story",)]
    assert bench.button("Play the story").isEnabled()


async def test_the_newest_scenario_wins_and_is_kept(bench):
    bench.show(OPEN)
    bench.button("The next scenario").click()
    await settle()
    bench.button("The scenario before").click()
    bench.button("The scenario before").click()
    await settle()
    assert bench.asked == [("scenario", "vpn")]
    bench.gate.set()
    await settle()
    assert bench.asked == [("scenario", "vpn"), ("scenario", "home")]
    assert bench.settings.value("lab/scenario") == "home"
    bench.button("Start over").click()
    await settle()
    assert bench.asked[-1] == ("scenario", "home")


async def test_a_slider_acts_at_once_and_the_newest_value_wins(bench):
    bench.show(OPEN)
    delay = next(s for s in bench.page.findChildren(QSlider) if s.accessibleName() == "Delay")
    for position in (20, 50, 100):
        delay.setValue(position)
    await settle()
    assert bench.asked == [("link", "a-router-internet", {"delay_s": pytest.approx(0.0038)})]
    bench.show(OPEN, now_s=0.0)
    assert delay.value() == 100  # the news is older than the hand
    bench.gate.set()
    await settle()
    assert bench.asked[1:] == [("link", "a-router-internet", {"delay_s": 1.0})]


async def test_a_value_can_be_typed_and_nonsense_is_told(bench, qtbot):
    bench.show(OPEN)
    bench.gate.set()
    row = next(
        r for r in bench.page.findChildren(KnobRow) if r.findChild(QSlider).accessibleName() == "Bandwidth"
    )
    field = row.findChild(QLineEdit)
    for text in ("fast", "no limit"):
        field.selectAll()
        qtbot.keyClicks(field, text)
        qtbot.keyClick(field, Qt.Key.Key_Return)
        await settle()
    assert bench.asked == [("link", "a-router-internet", {"bandwidth_bps": None})]
    field.selectAll()
    qtbot.keyClicks(field, "fast")
    qtbot.keyClick(field, Qt.Key.Key_Return)
    assert any(label.isVisible() and "no limit" in label.text() for label in row.findChildren(QLabel))
    bench.page._choose("anna")
    assert field.text() == "50.0\N{NARROW NO-BREAK SPACE}Mbit/s"
    assert not any("Write it" in label.text() and label.isVisible() for label in row.findChildren(QLabel))


async def test_hands_reach_the_selected_link_and_router(bench):
    bench.show(OPEN)
    assert not bench.button("Undo").isEnabled()
    bench.button("Reboot Anna's router").click()
    bench.button("Cut the link").click()
    await settle()
    bench.page._choose("ben-b-router")
    bench.button("Mend the link").click()
    bench.button("Undo").click()
    await settle()
    assert bench.asked == [
        ("reboot", "a-router"),
        ("cut", "a-router-internet", True),
        ("cut", "ben-b-router", False),
        ("reset", "ben-b-router"),
    ]
    assert not any("Reboot" in b.text() and b.isVisible() for b in bench.page.findChildren(QPushButton))


def test_a_click_and_the_arrows_select(bench, qtbot):
    bench.show(OPEN)
    place = bench.map.place_of("b-router")
    qtbot.mouseClick(bench.map, Qt.MouseButton.LeftButton, pos=place.toPoint())
    assert bench.text("selected") == "Ben's router"
    qtbot.keyClick(bench.map, Qt.Key.Key_Down)
    assert bench.text("selected") == "Ben's computer - Ben's router"
    qtbot.keyClick(bench.map, Qt.Key.Key_Down)
    assert bench.text("selected") == "Ben's computer"
    qtbot.keyClick(bench.map, Qt.Key.Key_Left)
    assert bench.text("selected") == "Anna's laptop"
    assert "Anna's laptop" in bench.map.accessibleName()
    middle = bench.map.place_of("stun1-internet").toPoint()
    qtbot.mouseClick(bench.map, Qt.MouseButton.LeftButton, pos=middle)
    assert bench.text("selected") == "STUN server - Internet"
    qtbot.mouseClick(bench.map, Qt.MouseButton.LeftButton, pos=QPoint(2, bench.map.height() - 2))
    assert bench.text("selected") == "STUN server - Internet"


def test_packets_move_only_while_they_are_seen(bench):
    moved = with_link(WORLD, "anna-a-router", a_to_b=LinkCounters(2, 120, 1))
    later = msgspec.structs.replace(OPEN, lab=msgspec.structs.replace(moved, now_s=1.1))
    bench.show(OPEN, 1.0)
    bench.show(later, 1.1)
    assert len(bench.map._pulses) == 2
    assert bench.map._pulses.moving
    bench.page.hide()
    bench.map._pulses.timerEvent(None)
    assert (len(bench.map._pulses), bench.map._pulses.moving) == (0, False)
    again = msgspec.structs.replace(
        OPEN, lab=with_link(later.lab, "anna-a-router", a_to_b=LinkCounters(9, 540, 1))
    )
    bench.show(again, 1.2)
    assert not bench.map._pulses
    bench.page.show()
    bench.show(later, 60.0)
    bench.show(again, 61.5)
    assert not bench.map._pulses.moving


def test_the_outcome_is_copied_and_exported_as_the_labs(bench, tmp_path):
    bench.show(DONE)
    bench.button("Copy").click()
    assert (
        QApplication.clipboard().text().startswith('This is the lab, scenario "strict", not a real network.')
    )
    assert "real time" in QApplication.clipboard().text()
    bench.button("Copy the grid").click()
    assert "Every kind of NAT with every other" in QApplication.clipboard().text()
    file = tmp_path / "run.json"
    bench.page.write(str(file), '{"a": 1}')
    assert json.loads(file.read_text("utf-8")) == {"a": 1}
    bench.page.write(str(tmp_path / "no" / "run.json"), "")
    assert "could not be written" in bench.text("notice")


async def test_the_grid_runs_with_its_tries_and_cancels(bench):
    bench.show(DONE)
    bench.page.findChild(QSpinBox).setValue(7)
    bench.button("Fill in the grid").click()
    await settle()
    assert bench.asked == [("grid", 7)]
    assert bench.settings.value("lab/tries") == "7"
    bench.button("Cancel the grid").click()
    await settle()
    assert bench.button("Fill in the grid").isVisible()


def test_arrows_walk_through_the_grid_and_every_cell_is_told(bench, qtbot):
    bench.show(DONE)
    grid = bench.page.findChild(NatGrid)
    assert grid.accessibleName() == "NAT grid: UDP blocked meets Open: Not tried"
    qtbot.keyClick(grid, Qt.Key.Key_Left)
    for _ in range(20):
        qtbot.keyClick(grid, Qt.Key.Key_Right)
    assert grid.accessibleName().startswith("NAT grid: UDP blocked meets UDP blocked: Not at all")
    card = bench.page.findChild(GridCard)
    assert any(label.text() == "UDP blocked meets UDP blocked" for label in card.findChildren(QLabel))
    place = grid._rect(KINDS.index("symmetric"), KINDS.index("port-restricted")).center()
    where = QPointF(grid.mapToGlobal(place.toPoint()))
    button, key = Qt.MouseButton.NoButton, Qt.KeyboardModifier.NoModifier
    grid.mouseMoveEvent(QMouseEvent(QMouseEvent.Type.MouseMove, place, where, button, button, key))
    assert "Symmetric, random meets Port-restricted: Over a relay" in grid.accessibleName()


async def test_what_fails_is_told(bench, expected_logs):
    expected_logs("reboot failed")
    bench.refusal = InputError(InputError.Reason.USAGE, "there is no router")
    bench.show(OPEN)
    bench.button("Reboot Anna's router").click()
    await settle()
    assert "there is no router" in bench.text("notice")


def test_every_control_has_a_name(bench):
    bench.show(DONE)
    for kind in (QPushButton, QLineEdit, QSlider, QSpinBox, QComboBox):
        for widget in bench.page.findChildren(kind):
            if widget.objectName() == "qt_spinbox_lineedit":
                continue
            assert widget.accessibleName() or widget.text(), widget


def test_tab_goes_in_the_order_of_reading(bench):
    bench.show(DONE)
    names, widget = [], bench.button("Copy")
    for _ in range(400):
        stop = widget.focusPolicy() & Qt.FocusPolicy.TabFocus and widget.isVisible() and widget.isEnabled()
        if stop and not widget.focusProxy():
            names.append((widget.accessibleName() or widget.text()).strip().partition(":")[0])
        widget = widget.nextInFocusChain()
        if widget is bench.button("Copy"):
            break
    assert names == [
        "Copy", "Export", "Play the story", "Scenario", "The scenario before", "The next scenario", "Start over",
        "Map of the lab; selected", "Reboot Anna's router", "Delay", "Delay, typed", "Loss", "Loss, typed",
        "Bandwidth", "Bandwidth, typed", "Cut the link", "Tries of every pair", "Fill in the grid", "Copy the grid",
        "Export the grid", "NAT grid",
    ]  # fmt: skip
