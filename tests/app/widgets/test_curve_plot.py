"""Plots by pyqtgraph: what is drawn, in which theme, and that nothing is loaded before something is shown."""

import math
import subprocess
import sys

import pytest
from PySide6.QtGui import QColor, QImage, QPainter
from PySide6.QtWidgets import QApplication

from app.presenters.race import RaceCurve
from app.widgets.curve_plot import Axis, Curve, CurvePlot
from app.widgets.race_plot import RacePlot
from app.widgets.rssi_plot import RssiPlot
from app.widgets.theme import Choice, Theme

X = Axis(0.0, 10.0, ((0.0, "start"), (10.0, "end")))
Y = Axis(0.0, 1.0, ((0.0, "none"), (1.0, "all")))


@pytest.fixture
def theme(qapp):
    return Theme(qapp, Choice.LIGHT)


def shown(qtbot, plot, width=400):
    qtbot.addWidget(plot)
    plot.resize(width, plot.height())
    plot.show()
    return plot


def pixels(plot, color: QColor) -> int:
    QApplication.processEvents()  # the layout comes first
    image = plot.grab().toImage()
    return sum(image.pixel(x, y) == color.rgb() for x in range(image.width()) for y in range(image.height()))


def test_a_curve_has_its_colour_in_every_theme_and_a_nan_is_a_gap(qtbot, theme):
    plot = shown(qtbot, CurvePlot(theme, "A plot", 160))
    whole = Curve((0.0, 5.0, 10.0), (0.5, 0.5, 0.5), "udp")
    plot.show_curves((whole,), X, Y)
    drawn = pixels(plot, theme.color("udp"))
    assert drawn > 250
    plot.show_curves((whole._replace(y=(0.5, math.nan, 0.5)),), X, Y)
    assert pixels(plot, theme.color("udp")) < drawn / 2
    plot.show_curves((whole,), X, Y)
    theme.choose(Choice.DARK)
    assert pixels(plot, theme.color("udp")) > 250
    assert pixels(plot, theme.color("surface")) > 10_000


def test_the_race_is_drawn_and_written_as_a_picture(qtbot, theme):
    plot = shown(qtbot, RacePlot(theme))
    plot.show_race((), 1.0)
    times = tuple(number / 60 for number in range(60))
    plot.show_race((RaceCurve("tcp", "tcp", "solid", times, (0.02,) * 60),), 1.0)
    assert pixels(plot, theme.color("tcp")) > 250
    image = QImage(plot.size(), QImage.Format.Format_RGB32)
    painter = QPainter(image)
    plot.render_picture(painter)
    painter.end()
    assert any(image.pixel(x, y) == theme.color("tcp").rgb() for x in range(400) for y in range(220))


def test_signal_strength_of_the_last_minute_and_an_empty_one(qtbot, theme):
    plot = shown(qtbot, RssiPlot(theme))
    plot.show_history(())
    assert pixels(plot, theme.color("ble")) == 0
    plot.show_history(((50.0, -70.0), (90.0, -30.0), (0.0, -60.0)))
    assert pixels(plot, theme.color("ble")) > 100


def test_nothing_is_loaded_before_something_is_shown():
    script = (
        "import sys; from PySide6.QtWidgets import QApplication; app = QApplication([])\n"
        "from app.widgets.race_plot import RacePlot; from app.widgets.theme import Choice, Theme\n"
        "RacePlot(Theme(app, Choice.LIGHT))\n"
        "sys.exit('pyqtgraph' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", script], timeout=50, check=False).returncode == 0
