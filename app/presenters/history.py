"""The History page: what was found out when, what changed, and whether it was fine yesterday."""

import ipaddress
from collections.abc import Sequence
from datetime import datetime
from typing import Final

import msgspec

from app.presenters.metrics import BandView, CurveView, name_of
from app.presenters.quantity import NOT_MEASURED, THIN, ago, duration, moment
from app.presenters.series_book import Series
from app.presenters.tone import Tone
from app.presenters.veil import Veil
from netstack.model.address import Scope, scope
from netstack.model.history import Comparison, HistoryState, PastSession, Run, RunKind, Standing, Track

KINDS: Final = {
    RunKind.DOCTOR: "Check",
    RunKind.NAT: "NAT",
    RunKind.TURN: "Relay",
    RunKind.LOAD: "Under load",
}
SESSIONS: Final = "sessions"
FILTERS: Final = (
    ("", "Everything"),
    *((kind.value, name) for kind, name in KINDS.items()),
    (SESSIONS, "Sessions"),
)
TONES: Final = {Standing.FINE: Tone.GOOD, Standing.PROBLEM: Tone.WARN, Standing.UNKNOWN: Tone.UNKNOWN}
RANGES: Final = (
    (600, "Last 10 minutes"),
    (3600, "Last hour"),
    (86_400, "Last day"),
    (30 * 86_400, "Last 30 days"),
)
FIRST_RANGE: Final = 2
COLUMNS: Final = ("When", "What", "Result")
DAY_S: Final = 86_400.0
WEEK_S: Final = 7 * DAY_S
Facts = tuple[tuple[str, str, str], ...]


class HistoryRow(msgspec.Struct, frozen=True):
    """One line of the list; `key` is `run N` or `session N`."""

    key: str
    tone: Tone
    cells: tuple[str, str, str]
    hover: str


class ChangeView(msgspec.Struct, frozen=True):
    """A fact on two days; `changed` when it is not the same."""

    fact: str
    before: str
    after: str
    changed: bool = True


class DetailView(msgspec.Struct, frozen=True):
    """One diagnosis or session, or two beside each other."""

    title: str = ""
    before: str = ""
    after: str = ""
    lines: tuple[ChangeView, ...] = ()
    note: str = ""


class HistoryView(msgspec.Struct, frozen=True):
    """Everything but the curves."""

    headline: str
    subline: str
    empty: bool
    rows: tuple[HistoryRow, ...]
    veiled: bool
    problem: str = ""
    undo: str = ""
    since_fine: DetailView | None = None


def present(
    runs: tuple[Run, ...],
    sessions: tuple[PastSession, ...],
    state: HistoryState,
    now_s: float,
    *,
    kind: str = "",
    words: str = "",
    fine: Comparison | None = None,
    lifted: bool = False,
) -> HistoryView:
    """Rows newest first, those alone that hold every one of the words."""
    veil = veil_over(runs, sessions, lifted=lifted)
    rows = [(run.at_s, _run_row(run, now_s, veil)) for run in runs if kind in {"", run.kind.value}]
    rows += [(each.began_s, _session_row(each, now_s)) for each in sessions if kind in {"", SESSIONS}]
    wanted = words.casefold().split()
    shown = tuple(
        row
        for _, row in sorted(rows, key=lambda each: -each[0])
        if all(word in f"{' '.join(row.cells)} {row.hover}".casefold() for word in wanted)
    )
    empty = not runs and not sessions
    return HistoryView(
        headline=_headline(runs, fine, now_s) if not empty else "Nothing is remembered yet.",
        subline=_subline(runs, sessions, state)
        if not empty
        else "Checks and sessions are kept here, on this computer alone.",
        empty=empty,
        rows=shown,
        veiled=veil_over(runs, sessions).needed,
        problem=state.problem,
        undo=f"Everything was forgotten. It can be brought back for {state.undo_s:.0f}{THIN}s."
        if state.undo_s
        else "",
        since_fine=None
        if fine is None or not fine.changes
        else comparison_view(fine, now_s, veil, all_facts=False),
    )


def first_range(oldest_s: float, now_s: float) -> int:
    """The place of the shortest range that everything is in; a day where it is more."""
    age_s = now_s - oldest_s
    return next((place for place in range(FIRST_RANGE) if age_s < RANGES[place][0]), FIRST_RANGE)


def one_view(item: Run | PastSession, now_s: float, veil: Veil) -> DetailView:
    """A diagnosis with its facts, or a session with what happened to its paths."""
    if isinstance(item, Run):
        return DetailView(
            title=f"{KINDS[item.kind]}, {_when(item.at_s, now_s)}",
            after=veil(item.title),
            lines=tuple(
                ChangeView(name, "", veil(value), changed=False)
                for name, value in item.facts.items()
                if value is not None
            ),
            note="Pick a second one with Ctrl to see what changed." + _missing(item),
        )
    lasted = "" if item.ended_s is None else f", {_lasted(item.ended_s - item.began_s)}"
    return DetailView(
        title=f"With {item.peer}, {_when(item.began_s, now_s)}{lasted}",
        lines=tuple(
            ChangeView(
                moment(change.at_s)[11:19],
                f"{change.what.capitalize()}: {name_of(change.transport)}"
                if change.transport
                else change.what.capitalize(),
                veil(" ".join(filter(None, (change.remote, change.text)))),
                changed=change.what in {"worse", "path closed", "moved"},
            )
            for change in item.changes
        ),
        note="" if item.changes else "Nothing happened to its paths.",
    )


def comparison_view(
    comparison: Comparison, now_s: float, veil: Veil, *, all_facts: bool = True
) -> DetailView:
    """What changed, first; then what stayed."""
    before, after = comparison.before, comparison.after
    lines = [
        ChangeView(each.fact, veil(each.before or NOT_MEASURED), veil(each.after or NOT_MEASURED))
        for each in comparison.changes
    ]
    if all_facts:
        lines += [
            ChangeView(name, veil(after.facts[name] or ""), veil(after.facts[name] or ""), changed=False)
            for name in comparison.same
        ]
    number = len(comparison.changes)
    return DetailView(
        title=f"{number} {'thing has' if number == 1 else 'things have'} changed"
        if number
        else "Nothing that is compared has changed",
        before=_when(before.at_s, now_s),
        after=_when(after.at_s, now_s),
        lines=tuple(lines),
    )


def bands(tracks: dict[str, tuple[Track, ...]]) -> tuple[tuple[BandView, ...], float]:
    """Latency (mean, and dotted the 99th percentile) and loss as plots, and after which pause a line breaks."""
    step_s = max(
        (track.points[0].step_s for found in tracks.values() for track in found if track.points), default=1
    )
    views = []
    for metric, title, unit, scale, least_top, tall in (
        ("rtt", "Latency: mean, dotted 99 %", "ms", 1e3, 1.0, "latency"),
        ("loss_out", "Loss there", "%", 100.0, 1.0, "loss"),
    ):
        curves = []
        for track in tracks.get(metric, ()):
            times = tuple(float(point.at_s) for point in track.points)
            name = f"{name_of(track.transport)} to {track.peer}"
            for part, style in (("mean", "solid"), ("p99", "dot"))[: 2 if metric == "rtt" else 1]:
                series = Series()
                series.add(times, tuple(getattr(point, part) for point in track.points), ())
                curves.append(
                    CurveView(
                        f"{track.peer.replace(' ', '_')}/{track.transport} {part}",
                        name,
                        track.transport,
                        style,
                        series,
                        scale,
                    )
                )
        views.append(BandView(tall, title, unit, least_top, tuple(curves)))
    return tuple(views), 2.5 * step_s


def veil_over(runs: Sequence[Run], sessions: Sequence[PastSession], *, lifted: bool = False) -> Veil:
    """Over every public address that the history names."""
    texts = [value for run in runs for value in run.facts.values() if value]
    texts += [change.remote for each in sessions for change in each.changes]
    hosts = (part.strip("[],") for text in texts for part in text.split())
    return Veil((host for part in hosts for host in _public(part)), lifted=lifted)


def _missing(run: Run) -> str:
    names = [name for name, value in run.facts.items() if value is None and name != "Failure"]
    return f" Not measured: {', '.join(names)}." if names else ""


def _lasted(seconds: float) -> str:
    if seconds < 3600:
        return duration(seconds)
    hours, minutes = divmod(round(seconds / 60), 60)
    return f"{hours}{THIN}h {minutes}{THIN}min"


def _public(text: str) -> tuple[str, ...]:
    for candidate in (text, text.rsplit(":", 1)[0].strip("[]")):
        try:
            ipaddress.ip_address(candidate)
        except ValueError:
            continue
        return (candidate,) if scope(candidate) is Scope.PUBLIC else ()
    return ()


def _headline(runs: tuple[Run, ...], fine: Comparison | None, now_s: float) -> str:
    if not runs:
        return "No check has been kept yet."
    newest = fine.after if fine is not None else runs[0]
    what = KINDS[newest.kind]
    if fine is None:
        if newest.standing is Standing.FINE:
            return f"{what}: fine {_when(newest.at_s, now_s)}."
        return f"{what}: {'a problem' if newest.standing is Standing.PROBLEM else 'not tested'} {_when(newest.at_s, now_s)}."
    when = _when(fine.before.at_s, now_s)
    if newest.standing is Standing.FINE:
        return f"{what}: fine, as it was {when}." if not fine.changes else f"{what}: fine, but not as {when}."
    if not fine.changes:
        return f"It was fine {when}; nothing that is compared has changed."
    number = len(fine.changes)
    return f"It was fine {when}. {number} {'thing has' if number == 1 else 'things have'} changed."


def _subline(runs: tuple[Run, ...], sessions: tuple[PastSession, ...], state: HistoryState) -> str:
    kept = [_count(len(runs), "check"), _count(len(sessions), "session")]
    if state.size_bytes:
        kept.append(f"{state.size_bytes / 1e6:.1f}{THIN}MB on this computer")
    return ", ".join(kept)


def _run_row(run: Run, now_s: float, veil: Veil) -> HistoryRow:
    what = KINDS[run.kind] if run.network == "real" else f"{KINDS[run.kind]}, {run.network}"
    return HistoryRow(
        f"run {run.id}",
        TONES[run.standing],
        (_when(run.at_s, now_s), what, veil(run.title)),
        moment(run.at_s),
    )


def _session_row(session: PastSession, now_s: float) -> HistoryRow:
    lasted = "Open, or cut off" if session.ended_s is None else _lasted(session.ended_s - session.began_s)
    ways = ", ".join(name_of(name) for name in session.transports if name)
    worse = sum(change.what == "worse" for change in session.changes)
    parts = [
        f"{lasted}{';' if session.ended_s is None else ''} over {ways}" if ways else lasted,
        ("" if not worse else "worse once" if worse == 1 else f"worse {worse} times"),
    ]
    return HistoryRow(
        f"session {session.id}",
        Tone.WARN if worse else Tone.PLAIN,
        (_when(session.began_s, now_s), f"With {session.peer}", ", ".join(filter(None, parts))),
        moment(session.began_s),
    )


def _when(at_s: float, now_s: float) -> str:
    """As people say it: 5 min ago, today 14:03, yesterday 14:03, Tuesday 14:03, 3 May 14:03."""
    if now_s - at_s < 3600:
        return ago(max(0.0, now_s - at_s))
    then, now = datetime.fromtimestamp(at_s).astimezone(), datetime.fromtimestamp(now_s).astimezone()
    days = (now.date() - then.date()).days
    clock = f"{then:%H:%M}"
    if days <= 1:
        return f"{('today', 'yesterday')[max(0, days)]} {clock}"
    if days < 7:
        return f"{then:%A} {clock}"
    return f"{then.day} {then:%B} {clock}" if then.year == now.year else f"{then.day} {then:%B %Y}"


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"
