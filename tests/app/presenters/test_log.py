"""The log and the status bar as text."""

from app.presenters.log import LEVEL_NAMES, log_view
from app.presenters.status import status
from app.presenters.veil import Veil
from netstack.model.snapshot import LogLine, Snapshot

LEVELS = ("debug", "info", "warning", "error", "critical", "strange")
LINES = tuple(LogLine(1.5, level, "service.nat", f"{level} of 203.0.113.7\nmore") for level in LEVELS)


def test_levels_filter_from_below_and_what_is_not_known_is_kept():
    shown = {
        least: [line.split()[1] for line in log_view(LINES, least, Veil(())).lines] for least in LEVEL_NAMES
    }
    assert shown == {
        "info": ["info", "warning", "error", "critical", "strange"],
        "warning": ["warning", "error", "critical", "strange"],
        "error": ["error", "critical", "strange"],
    }


def test_a_line_is_one_line_and_hides_what_is_hidden():
    line = log_view(LINES[1:2], "info", Veil(("203.0.113.7",))).lines[0]
    assert line.endswith("info      service.nat: info of (hidden) more")


def test_the_status_bar_says_where_it_lives_and_what_was_measured():
    view = status(Snapshot(), None, 0.0012)
    assert view.network == "Real network"
    assert view.engine_lag == "Engine lag not measured"
    assert view.window_lag == "Window lag 1.20\N{NARROW NO-BREAK SPACE}ms"
    assert status(Snapshot(network="cgnat"), 0.0, 0.0).network == "Lab: cgnat"
