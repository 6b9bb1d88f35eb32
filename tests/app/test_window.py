"""The window: shortcuts reach the page, the log shows what it should, the state is kept between starts."""

import time
from pathlib import Path

import msgspec
import pytest
from PySide6.QtCore import QSettings, Qt
from PySide6.QtWidgets import QApplication, QLabel, QPushButton

from app.widgets.page import Page
from app.widgets.theme import Choice, Theme
from app.window import Window
from netstack.errors import NetError
from netstack.model.nat import NatReport
from netstack.model.path import Degradation, PathReport, PathState
from netstack.model.snapshot import LogLine, NatState, Snapshot


def page_class(name: str) -> type[Page]:
    class Recorder(Page):
        key, title, icon = name, name.title(), "nat"

        def __init__(self, theme: Theme) -> None:
            super().__init__(theme)
            self.calls: list[str] = []
            self.snapshots: list[int] = []

        def show_snapshot(self, snapshot: Snapshot, now_s: float) -> None:
            self.snapshots.append(snapshot.version)

        def start(self) -> None:
            self.calls.append("start")

        def stop(self) -> None:
            self.calls.append("stop")

        def copy(self) -> None:
            self.calls.append("copy")

        def export(self) -> None:
            self.calls.append("export")

    return Recorder


@pytest.fixture
def make(qapp, qtbot, tmp_path: Path):
    def make_window() -> tuple[Window, list[Page]]:
        settings = QSettings(str(tmp_path / "window.ini"), QSettings.Format.IniFormat)
        theme = Theme(qapp, Choice(settings.value("window/theme") or Choice.LIGHT))
        window = Window(theme, settings)
        qtbot.addWidget(window)
        pages = [page_class(name)(theme) for name in ("first", "second")]
        for page in pages:
            window.add_page(page)
        window.restore()
        with qtbot.waitActive(window):
            window.show()
            window.activateWindow()
        return window, pages

    return make_window


def test_keys_reach_the_page_in_front(make, qtbot):
    window, (first, second) = make()
    for key, modifier in (
        (Qt.Key.Key_F5, Qt.KeyboardModifier.NoModifier),
        (Qt.Key.Key_R, Qt.KeyboardModifier.ControlModifier),
        (Qt.Key.Key_Escape, Qt.KeyboardModifier.NoModifier),
        (Qt.Key.Key_C, Qt.KeyboardModifier.ControlModifier),
        (Qt.Key.Key_S, Qt.KeyboardModifier.ControlModifier),
        (Qt.Key.Key_2, Qt.KeyboardModifier.ControlModifier),
        (Qt.Key.Key_F5, Qt.KeyboardModifier.NoModifier),
    ):
        qtbot.keyClick(window, key, modifier)
    assert first.calls == ["start", "start", "stop", "copy", "export"]
    assert second.calls == ["start"]
    window.close()


def test_only_the_page_in_front_is_kept_up_to_date(make):
    window, (first, second) = make()
    window.show_snapshot(Snapshot(version=7))
    assert first.snapshots[-1] == 7
    assert 7 not in second.snapshots
    window.open_page(1)
    assert second.snapshots[-1] == 7
    window.close()


def test_a_path_that_got_worse_is_told_below_every_page(make, qtbot):
    window, (first, _) = make()
    first.key = "metrics"
    path = PathReport(key="1/0", peer="Ben", transport="udp", remote="", state=PathState.UP)
    worse = msgspec.structs.replace(path, degraded=Degradation("rtt", 0.012, 0.087, 1_700_000_000.0))
    button = window.findChild(QPushButton, "worse")
    window.open_page(1)
    window.show_snapshot(Snapshot(paths=(path,)))
    assert not button.isVisible()
    window.show_snapshot(Snapshot(paths=(worse,)))
    assert button.isVisible()
    assert button.text().strip().startswith("UDP to Ben is slower")
    button.click()
    assert window._page is first
    window.show_snapshot(Snapshot(paths=(path,)))
    assert not button.isVisible()
    window.close()


def test_the_state_is_kept_between_starts(make, qtbot):
    window, _ = make()
    window.resize(700, 600)
    qtbot.keyClick(window, Qt.Key.Key_L, Qt.KeyboardModifier.ControlModifier)
    window.log.level.setCurrentIndex(2)
    window.open_page(1)
    window._theme.choose(Choice.DARK)
    told = []
    window.closing.connect(lambda: told.append(1))
    window.close()
    assert told == [1]
    again, _ = make()
    assert (again.width(), again.height()) == (700, 600)
    assert again.log.isVisible()
    assert again.log.level.currentData() == "error"
    assert again._page.key == "second"
    assert again._theme.choice is Choice.DARK
    again.close()


def test_broken_settings_do_no_harm(make, tmp_path):
    (tmp_path / "window.ini").write_text(
        "[window]\ngeometry=5\nstate=x\npage=none\n[log]\nlevel=loud\n", encoding="utf-8"
    )
    window, _ = make()
    assert window._page.key == "first"
    assert window.log.level.currentData() == "info"
    window.close()


def test_the_log_follows_filters_and_copies(make, qtbot):
    window, _ = make()
    qtbot.keyClick(window, Qt.Key.Key_L, Qt.KeyboardModifier.ControlModifier)
    lines = tuple(
        LogLine(float(n), "warning" if n % 2 else "info", "service.nat", f"line {n} of 203.0.113.7")
        for n in range(20)
    )
    report = NatReport(public_addresses=("203.0.113.7",))
    shown = window.log.text.toPlainText
    for count in (5, 12):
        window.show_snapshot(Snapshot(version=count, nat=NatState(report=report), log=lines[:count]))
        assert len(shown().splitlines()) == count
    window.show_snapshot(Snapshot(version=20, nat=NatState(report=report), log=lines[8:]))
    assert len(shown().splitlines()) == 20
    window.log.level.setCurrentIndex(1)
    assert len(shown().splitlines()) == 6
    assert "203.0.113.7" not in shown()
    window.log.copy()
    assert QApplication.clipboard().text() == shown()
    window.log.level.setCurrentIndex(2)
    assert shown() == ""
    window.close()


def test_the_bar_tells_both_lags_and_where_it_is(make, qtbot):
    window, _ = make()
    window.show_snapshot(Snapshot(engine_lag_s=0.0015))
    time.sleep(0.03)
    texts = lambda: [label.text() for label in window.statusBar().findChildren(QLabel)]  # noqa: E731
    qtbot.waitUntil(lambda: "Real network" in texts())
    assert any(text.startswith("Engine lag 1.50") for text in texts())
    assert any(text.startswith("Window lag") and "not measured" not in text for text in texts())
    window.close()


def test_an_engine_that_did_not_start_is_told(make):
    window, _ = make()
    window.show_failure(NetError(NetError.Reason.DENIED))
    assert "firewall" in window.statusBar().currentMessage()
    window.close()


def test_a_narrow_window_keeps_the_names_of_its_pages(make):
    window, _ = make()
    window.resize(600, 600)
    names = [button.accessibleName() for button, _ in window._sidebar._icons]
    assert names == ["Log", "View", "First", "Second"]
    assert not any(button.text() for button, _ in window._sidebar._icons)
    window.resize(1200, 700)
    assert all(button.text() for button, _ in window._sidebar._icons)
    window.close()


def test_the_smallest_window_has_room_for_every_entry_of_the_sidebar(make):
    window, pages = make()
    for _ in range(12):
        window.add_page(type(pages[0])(window._theme))
    window.resize(560, 100)
    QApplication.processEvents()
    foot = window._view_button
    bottom = foot.mapTo(window, foot.rect().bottomLeft()).y()
    assert bottom < window.statusBar().geometry().top()
    window.close()


def test_every_page_says_that_this_is_the_lab_and_how_to_leave(make, qtbot):
    window, _ = make()
    told = []
    window.closing.connect(lambda: told.append(1))
    window.show_snapshot(Snapshot())
    assert not window._banner.isVisible()
    window.show_snapshot(Snapshot(network="home"))
    for page in (0, 1):
        window.open_page(page)
        assert window._banner.isVisible()
        assert "home" in window._banner.accessibleName()
    qtbot.mouseClick(window._banner.findChild(QPushButton), Qt.MouseButton.LeftButton)
    assert told == [1]


def test_without_a_page_to_take_up_the_wanted_one_comes_first(make):
    window, _ = make()
    window.restore("second")
    assert window._page.key == "second"
    window.restore("none")
    assert window._page.key == "first"
    window.close()


def test_enter_presses_the_button_that_has_the_focus(make, qtbot):
    _window, pages = make()
    pressed = []
    button = QPushButton("Go", pages[0])
    button.clicked.connect(lambda: pressed.append(True))
    button.show()
    button.setFocus()
    qtbot.keyClick(button, Qt.Key.Key_Return)
    qtbot.waitUntil(lambda: pressed == [True])
