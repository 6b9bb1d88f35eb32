"""Latency under load as a card: who could take some megabytes, how far it is, and what became of small packets."""

import msgspec

from app.presenters.check import RowView
from app.presenters.load import LOAD_TONES
from app.presenters.networks import cost_warning
from app.presenters.quantity import duration, size
from app.presenters.tone import Tone
from netstack.model.load import LoadPhase, LoadPlan, LoadReport, LoadStage, load_grade
from netstack.model.network_cost import NetworkCost
from netstack.model.peers import PeersState

WHY = (
    "A full line makes everybody wait: games stutter while somebody uploads. To see it, the line is filled for some "
    "seconds, with at most {most}. {cost}"
)
NOBODY = "It needs somebody who takes the bytes: connect to a friend on the Peers page."
_WORDS = {
    LoadStage.ASKING: "Waiting for {name}'s yes…",
    LoadStage.IDLE: "At rest…",
    LoadStage.UP: "Sending to {name}…",
    LoadStage.DOWN: "Receiving from {name}…",
}


class LoadView(msgspec.Struct, frozen=True):
    """`step` and `progress` (0 to 1) while it runs; `rows` of the newest report."""

    text: str
    peers: tuple[tuple[int, str], ...]
    running: bool
    step: str
    progress: float
    rows: tuple[RowView, ...]


def load_view(peers: PeersState, networks: tuple[NetworkCost, ...] = ()) -> LoadView:
    """Of all conversations."""
    open_ones = [each for each in peers.conversations if not each.ended]
    running = next((each for each in open_ones if each.load.stage in _WORDS), None)
    reports = [each.load.report for each in peers.conversations if each.load.report is not None]
    newest = max(reports, key=lambda report: report.at_s, default=None)
    return LoadView(
        text=WHY.format(most=size(2 * LoadPlan().max_bytes), cost=cost_warning(networks))
        if open_ones
        else NOBODY,
        peers=tuple((each.number, each.name) for each in open_ones),
        running=running is not None,
        step=_WORDS[running.load.stage].format(name=running.name) if running else "",
        progress=running.load.progress if running else 0.0,
        rows=() if newest is None else _rows(newest),
    )


def _rows(report: LoadReport) -> tuple[RowView, ...]:
    added_s = report.added_s
    grade = load_grade(added_s)
    tone = Tone.UNKNOWN if grade is None else LOAD_TONES[grade]
    rows = [
        _phase("At rest", report.idle, Tone.PLAIN),
        _phase("While sending", report.up, Tone.PLAIN),
        _phase("While receiving", report.down, Tone.PLAIN),
        RowView(
            "added",
            "Added by load",
            tone,
            False,
            "not measured" if added_s is None else duration(max(0.0, added_s)),
            "The median of small round trips in the worse direction, less that at rest. Under 30 ms is good.",
        ),
        RowView(
            "rpm",
            "Responsiveness",
            Tone.PLAIN,
            False,
            "not measured" if report.rpm is None else f"{report.rpm:.0f} round trips a minute",
            f"The worse direction (draft-ietf-ippm-responsiveness), with {report.peer} by {report.transport}.",
        ),
    ]
    return tuple(rows)


def _phase(title: str, phase: LoadPhase, tone: Tone) -> RowView:
    trips = phase.path if phase.path.n else phase.message
    if trips.p50_s is None:
        return RowView(title, title, Tone.UNKNOWN, False, "not measured", "Too few probes came back.")
    worst = "" if trips.p99_s is None else f", one in a hundred {duration(trips.p99_s)}"
    pace = "" if phase.goodput is None else f" at {phase.goodput * 8 / 1e6:.3g} Mbit/s"
    return RowView(
        title, title, tone, False, f"{duration(trips.p50_s)}{pace}", f"Median of n = {trips.n}{worst}"
    )
