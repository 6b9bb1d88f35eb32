"""The plots: one axis for all, a stretch to be judged, lines without joins where nothing was measured."""

from array import array

import pytest
from PySide6.QtCore import QPoint, QPointF, Qt
from PySide6.QtGui import QImage, QPainter, QWheelEvent
from PySide6.QtTest import QTest

from app.presenters.metrics import BandView, CurveView
from app.presenters.series_book import Series
from app.widgets.polyline import polygons
from app.widgets.theme import Choice, Theme
from app.widgets.time_bands import LEFT, NARROW_AFTER, RIGHT, TimeBands


def series(values: list[float], start_s: float = 0.0, step_s: float = 1.0) -> Series:
    made = Series()
    times = tuple(start_s + n * step_s for n in range(len(values)))
    made.add(times, tuple(values), ())
    return made


def shown(values: list[float], key: str = "latency") -> tuple[BandView, ...]:
    curve = CurveView("1/0 rtt", "UDP", "udp", "solid", series(values), 1.0)
    return (BandView(key, "Latency", "ms", 1.0, (curve,)), BandView("loss", "Loss", "%", 1.0, ()))


@pytest.fixture
def plots(qtbot, qapp) -> TimeBands:
    widget = TimeBands(Theme(qapp, Choice.LIGHT))
    qtbot.addWidget(widget)
    widget.resize(LEFT + RIGHT + 600, 400)
    widget.show_bands(shown([10.0] * 60), 60.0, 0.0)
    widget.show()
    return widget


def test_a_pause_breaks_the_line_and_one_point_is_a_point() -> None:
    times, values = array("d", [0, 1, 2, 10, 11, 20]), array("d", [1, 2, 3, 4, 5, 6])
    found = polygons(times, values, (10.0, 5.0), (-1.0, 100.0), 2.5, False)
    assert [piece.size() for piece in found] == [3, 2, 1]
    assert found[0].at(1) == QPointF(15.0, 98.0)
    assert polygons(array("d"), array("d"), (1, 0), (1, 0), 2.5, False) == []


def test_many_points_keep_their_least_and_most() -> None:
    values = [5.0] * 10_000
    values[4321], values[7654] = 900.0, -3.0
    times = array("d", [n / 100 for n in range(10_000)])
    (line,) = polygons(times, array("d", values), (6.0, 0.0), (1.0, 0.0), 2.5, False)
    ys = [line.at(n).y() for n in range(line.size())]
    assert line.size() <= 2 * 601
    assert (max(ys), min(ys)) == (900.0, -3.0)


def test_the_axis_widens_at_once_and_narrows_late(plots) -> None:
    assert plots.tops["latency"] == 15.0
    plots.show_bands(shown([10.0] * 59 + [170.0]), 60.0, 0.0)
    assert plots.tops["latency"] == 200.0
    for _ in range(NARROW_AFTER - 1):
        plots.show_bands(shown([10.0] * 60), 60.0, 0.0)
    assert plots.tops["latency"] == 200.0
    plots.show_bands(shown([10.0] * 60), 60.0, 0.0)
    assert plots.tops["latency"] == 15.0


def test_a_drag_focuses_a_click_does_not_and_a_double_click_ends_it(plots, qtbot) -> None:
    heard: list[object] = []
    plots.focused.connect(heard.append)
    left = Qt.MouseButton.LeftButton
    QTest.mouseClick(plots, left, pos=QPoint(LEFT + 100, 50))
    assert heard == []
    QTest.mousePress(plots, left, pos=QPoint(LEFT + 100, 50))
    QTest.mouseMove(plots, QPoint(LEFT + 300, 50))
    QTest.mouseRelease(plots, left, pos=QPoint(LEFT + 300, 50))
    begin_s, end_s = plots.focus_s
    assert (begin_s, end_s) == (pytest.approx(10.0, abs=0.2), pytest.approx(30.0, abs=0.2))
    assert heard == [plots.focus_s]
    plots.show_bands(shown([10.0] * 70), 70.0, 0.0)
    assert plots.focus_s == (begin_s, end_s)  # the stretch stays where it was in time
    QTest.mouseDClick(plots, left, pos=QPoint(LEFT + 100, 50))
    assert heard[-1] is None


def test_the_wheel_zooms_with_ctrl_alone(plots) -> None:
    def turn(modifier: Qt.KeyboardModifier) -> QWheelEvent:
        event = QWheelEvent(
            QPointF(200, 50), QPointF(200, 50), QPoint(), QPoint(0, 120), Qt.MouseButton.NoButton, modifier,
            Qt.ScrollPhase.NoScrollPhase, False,
        )  # fmt: skip
        plots.wheelEvent(event)
        return event

    assert not turn(Qt.KeyboardModifier.NoModifier).isAccepted()  # the page scrolls
    assert plots.window == (0.0, 60.0)
    turn(Qt.KeyboardModifier.ControlModifier)
    assert plots.window == (12.0, 60.0)


def test_the_keyboard_zooms_moves_and_comes_back(plots) -> None:
    for key in (Qt.Key.Key_Plus, Qt.Key.Key_Left, Qt.Key.Key_Left):
        QTest.keyClick(plots, key)
    begin_s, end_s = plots.window
    assert end_s - begin_s == pytest.approx(48.0)
    assert end_s == pytest.approx(60 - 2 * 4.8)
    QTest.keyClick(plots, Qt.Key.Key_Home)
    assert plots.window[1] == 60.0
    for _ in range(30):
        QTest.keyClick(plots, Qt.Key.Key_Minus)
    assert plots.window[1] - plots.window[0] == 600.0


@pytest.mark.parametrize("log", [False, True])
def test_what_is_measured_is_painted_in_its_colour(plots, log: bool) -> None:
    plots.set_logarithmic(log)
    image = QImage(plots.size(), QImage.Format.Format_RGB32)
    painter = QPainter(image)
    plots.render_picture(painter)
    painter.end()
    wanted = plots._theme.color("udp").rgb()
    columns = {x for x in range(image.width()) for y in range(image.height()) if image.pixel(x, y) == wanted}
    assert len(columns) > 500  # one point a second, nearly the whole width
