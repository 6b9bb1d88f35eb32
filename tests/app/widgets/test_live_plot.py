"""The live plot: curves come and go, and the axis does not jump about."""

import math

import pytest

from app.widgets.live_plot import NARROW_AFTER, Curve, LivePlot, nice_ceiling
from app.widgets.theme import Choice, Theme


@pytest.mark.parametrize(
    ("value", "top"),
    [(0, 1), (-1, 1), (math.inf, 1), (0.9, 1), (1.0, 1), (1.2, 1.5), (17, 20), (210, 300), (6e4, 7e4)],
)
def test_nice_ceiling(value: float, top: float) -> None:
    assert nice_ceiling(value) == pytest.approx(top)


@pytest.fixture
def plot(qtbot, qapp) -> LivePlot:
    widget = LivePlot(Theme(qapp, Choice.LIGHT), "Latency")
    qtbot.addWidget(widget)
    widget.resize(600, 260)
    widget.show()
    return widget


def test_curves_come_and_go(plot: LivePlot) -> None:
    plot.show_curves(
        {"a": Curve((1.0, 0.0), (5.0, 6.0), "udp"), "b": Curve((1.0,), (math.nan,), "tcp", "dash")}
    )
    assert plot.curve_count() == 2
    plot.show_curves({"b": Curve((), (), "tcp")})
    assert plot.curve_count() == 1
    plot.show_curves({})
    assert plot.curve_count() == 0


def test_the_axis_widens_at_once_and_narrows_late(plot: LivePlot) -> None:
    plot.show_curves({"a": Curve((0.0,), (100.0,), "udp")})
    wide = plot.top
    assert wide >= 115
    for _ in range(NARROW_AFTER - 1):
        plot.show_curves({"a": Curve((0.0,), (10.0,), "udp")})
    assert plot.top == wide
    plot.show_curves({"a": Curve((0.0,), (10.0,), "udp")})
    assert plot.top < wide


def test_points_older_than_the_window_do_not_widen_it(plot: LivePlot) -> None:
    plot.show_curves({"a": Curve((100.0, 0.0), (1e6, 5.0), "udp")})
    assert plot.top < 100


def test_it_takes_a_new_theme_with_its_curves(plot: LivePlot, qapp) -> None:
    plot.show_curves({"a": Curve((1.0, 0.0), (5.0, 6.0), "udp")})
    plot._theme.choose(Choice.DARK)
    assert plot.curve_count() == 1
    assert not plot.grab().isNull()
