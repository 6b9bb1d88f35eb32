"""The History page's words: when, what, what changed, and was it fine yesterday."""

from datetime import datetime

import msgspec
import pytest

from app.presenters.history import RANGES, bands, comparison_view, first_range, one_view, present, veil_over
from app.presenters.tone import Tone
from app.presenters.veil import Veil
from netstack.core.history_facts import compare, since_fine
from netstack.model.history import (
    HistoryState,
    PastSession,
    PathChange,
    Point,
    Run,
    RunKind,
    Standing,
    Track,
)

NOW_S = datetime(2026, 5, 14, 18, 0).timestamp()  # noqa: DTZ001 - local, as it is shown
YESTERDAY_S = NOW_S - 86_400
FINE = Run(
    id=1,
    at_s=YESTERDAY_S,
    kind=RunKind.NAT,
    network="real",
    title="Moderate - one port for all.",
    standing=Standing.FINE,
    facts={"Verdict": "moderate", "Public address": "203.0.113.7", "VPN": None},
)
STRICT = msgspec.structs.replace(
    FINE,
    id=2,
    at_s=NOW_S - 60,
    title="Strict.",
    standing=Standing.PROBLEM,
    facts={"Verdict": "strict", "Public address": "203.0.113.7", "VPN": None},
)
SESSION = PastSession(
    id=7,
    began_s=NOW_S - 7200,
    ended_s=NOW_S - 1800,
    peer="Ben",
    transports=("udp", "turn"),
    changes=(
        PathChange(at_s=NOW_S - 7100, what="path opened", transport="udp", remote="203.0.113.9:4000"),
        PathChange(at_s=NOW_S - 5000, what="worse", transport="udp", text="slower"),
    ),
)
KEPT = HistoryState(kept=True, size_bytes=2_500_000)
BARE = Veil(())


def view(runs=(STRICT, FINE), sessions=(SESSION,), **options):
    return present(tuple(runs), tuple(sessions), KEPT, NOW_S, fine=since_fine(runs), **options)


def test_nothing_yet() -> None:
    seen = present((), (), HistoryState(), NOW_S)
    assert (seen.empty, seen.headline, seen.rows) == (True, "Nothing is remembered yet.", ())


def test_it_was_fine_yesterday() -> None:
    seen = view()
    assert seen.headline == "It was fine yesterday 18:00. 1 thing has changed."
    assert seen.subline == "2 checks, 1 session, 2.5\u202fMB on this computer"
    assert [(line.fact, line.before, line.after) for line in seen.since_fine.lines] == [
        ("Verdict", "moderate", "strict")
    ]
    same = msgspec.structs.replace(STRICT, facts=FINE.facts)
    assert view((same, FINE)).headline == "It was fine yesterday 18:00; nothing that is compared has changed."
    assert view((FINE,)).headline == "NAT: fine yesterday 18:00."
    assert view((STRICT,)).headline == "NAT: a problem 1\u202fmin ago."


def test_rows_are_newest_first_and_filtered() -> None:
    seen = view()
    assert [row.key for row in seen.rows] == ["run 2", "session 7", "run 1"]
    assert [row.tone for row in seen.rows] == [Tone.WARN, Tone.WARN, Tone.GOOD]
    assert seen.rows[1].cells == (
        "today 16:00",
        "With Ben",
        "1\u202fh 30\u202fmin over UDP, TURN relay, worse once",
    )
    assert [row.key for row in view(kind="sessions").rows] == ["session 7"]
    assert [row.key for row in view(kind="nat").rows] == ["run 2", "run 1"]
    assert [row.key for row in view(words="one PORT").rows] == ["run 1"]
    assert view(words="nobody").rows == ()


def test_public_addresses_are_hidden_until_they_are_asked_for() -> None:
    assert view().veiled
    veil = veil_over((FINE,), (SESSION,))
    shown = one_view(FINE, NOW_S, veil)
    assert ("Public address", "(hidden)") in [(line.fact, line.after) for line in shown.lines]
    assert one_view(SESSION, NOW_S, veil).lines[0].after == "(hidden):4000"
    lifted = veil_over((FINE,), (SESSION,), lifted=True)
    assert one_view(SESSION, NOW_S, lifted).lines[0].after == "203.0.113.9:4000"
    private = msgspec.structs.replace(FINE, facts={"Local address": "192.168.1.10"})
    assert not view((private,), ()).veiled


def test_two_days_beside_each_other() -> None:
    seen = comparison_view(compare(FINE, STRICT), NOW_S, BARE)
    assert (seen.title, seen.before, seen.after) == (
        "1 thing has changed",
        "yesterday 18:00",
        "1\u202fmin ago",
    )
    assert [(line.fact, line.changed) for line in seen.lines] == [
        ("Verdict", True),
        ("Public address", False),
    ]
    nothing = comparison_view(compare(FINE, FINE), NOW_S, BARE)
    assert nothing.title == "Nothing that is compared has changed"


def test_one_day_tells_what_it_knows_and_what_it_does_not() -> None:
    seen = one_view(FINE, NOW_S, BARE)
    assert [line.fact for line in seen.lines] == ["Verdict", "Public address"]
    assert seen.note.endswith("Not measured: VPN.")
    story = one_view(SESSION, NOW_S, BARE)
    assert story.title == "With Ben, today 16:00, 1\u202fh 30\u202fmin"
    assert [line.changed for line in story.lines] == [False, True]


def test_problems_and_undo_are_told() -> None:
    seen = present((FINE,), (), HistoryState(kept=True, problem="Full.", undo_s=42.0), NOW_S)
    assert seen.problem == "Full."
    assert seen.undo == "Everything was forgotten. It can be brought back for 42\u202fs."


@pytest.mark.parametrize("step_s", [1, 60])
def test_series_become_bands(step_s: int) -> None:
    points = tuple(Point(1000 + n * step_s, step_s, 0.01, 0.02, 0.05, 0.04, 10) for n in range(5))
    views, gap_s = bands({"rtt": (Track(peer="Ben", transport="udp", metric="rtt", points=points),)})
    latency, loss = views
    assert [curve.style for curve in latency.curves] == ["solid", "dot"]
    assert [curve.series.values[0] * curve.scale for curve in latency.curves] == [20.0, 40.0]
    assert loss.curves == ()
    assert gap_s == 2.5 * step_s


def test_the_plots_begin_with_the_shortest_range_that_holds_everything():
    names = [RANGES[first_range(1000.0, 1000.0 + age_s)][1] for age_s in (5, 599, 600, 3601, 10**7)]
    assert names == ["Last 10 minutes", "Last 10 minutes", "Last hour", "Last day", "Last day"]
