"""The race of transports: its table, its curves, its export, and who is ahead."""

from typing import Final, NamedTuple

from app.presenters.quantity import duration
from netstack.model.race import Lane, RaceState

SECONDS: Final = 15.0
COLUMNS: Final = ("Transport", "Median", "99 %", "Jitter", "Lost", "Over 50 ms", "Messages")
STYLES: Final = {"udp": "solid", "tcp": "dash", "turn": "dot", "ble": "dash-dot", "webrtc": "solid"}


class RaceCurve(NamedTuple):
    """One transport's points: seconds into the race, and one-way seconds; `color` and `style` are names."""

    transport: str
    color: str
    style: str
    times_s: tuple[float, ...]
    values_s: tuple[float, ...]


class RaceView(NamedTuple):
    """`rows` by `COLUMNS`; `progress` 0 to 1 while it runs."""

    headline: str
    note: str
    rows: tuple[tuple[str, ...], ...] = ()
    samples: tuple[tuple[str, str], ...] = ()
    curves: tuple[RaceCurve, ...] = ()
    progress: float | None = None
    seconds: float = SECONDS


def present_race(state: RaceState) -> RaceView:
    """As the card shows it."""
    if not state.lanes:
        headline = "Opening every transport…" if state.running else "Which transport suits a game best here?"
        note = f"{state.messages_per_s:.0f} messages of {state.message_bytes} B a second over each at once, on one clock."
        return RaceView(headline, note, progress=0.0 if state.running else None)
    ran = [lane for lane in state.lanes if lane.p99_s is not None]
    best = min(ran, key=_ninety_nine, default=None)
    if best is None:
        headline = "Nothing has arrived yet." if state.running else "Nothing arrived."
    else:
        lead = "leads" if state.running else "won"
        headline = f"{best.transport.upper()} {lead}: 99 of 100 messages took {duration(_ninety_nine(best))} or less, one way."
    where = f" Between here and {state.where}." if state.where else ""
    radio = " BLE is the lab's radio." if any(lane.transport == "ble" for lane in ran) else ""
    note = (
        f"{state.messages_per_s:.0f} messages of {state.message_bytes} B a second over each at once, on one clock: what is "
        f"measured is the time from queued to delivered.{where}{radio}"
    )
    return RaceView(
        headline,
        note,
        tuple(_row(lane, running=state.running) for lane in state.lanes),
        tuple((lane.transport, STYLES.get(lane.transport, "solid")) for lane in state.lanes),
        tuple(
            RaceCurve(
                lane.transport,
                lane.transport,
                STYLES.get(lane.transport, "solid"),
                lane.series.times_s,
                lane.series.values,
            )
            for lane in ran
        ),
        state.elapsed_s / state.seconds if state.running and state.seconds else None,
        state.seconds,
    )


def race_csv(state: RaceState) -> str:
    """Every message that is kept: transport, seconds into the race, one-way seconds."""
    lines = ["transport,arrived_s,took_s"]
    for lane in state.lanes:
        points = zip(lane.series.times_s, lane.series.values, strict=True)
        lines += [f"{lane.transport},{at_s:.6f},{took_s:.6f}" for at_s, took_s in points]
    return "\n".join(lines) + "\n"


def race_lines(state: RaceState) -> list[str]:
    """As plain text."""
    view = present_race(state)
    rows = [COLUMNS, *view.rows]
    widths = [max(len(row[column]) for row in rows) for column in range(len(COLUMNS))]
    table = [
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows
    ]
    return [view.headline, view.note, "", *table]


def _ninety_nine(lane: Lane) -> float:
    return lane.p99_s if lane.p99_s is not None else float("inf")


def _row(lane: Lane, *, running: bool) -> tuple[str, ...]:
    name = lane.transport.upper()
    if lane.failure is not None and not lane.sent:
        return name, lane.failure, "", "", "", "", ""
    times = [lane.p50_s, lane.p99_s, lane.jitter_s]
    figures = ["–" if each is None else duration(each) for each in times]
    lost = "–" if running else str(lane.lost)
    return name, *figures, lost, str(lane.late), str(lane.sent)
