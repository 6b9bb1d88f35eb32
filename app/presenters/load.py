"""Latency under load in words: what happens, what came out, and what it means for a game."""

from typing import Final

import msgspec

from app.presenters.metrics import name_of
from app.presenters.networks import cost_warning
from app.presenters.quantity import NOT_MEASURED, THIN, digits, duration
from app.presenters.tone import Tone
from netstack.model.load import LoadGrade, LoadPhase, LoadPlan, LoadReport, LoadStage, load_grade
from netstack.model.network_cost import NetworkCost
from netstack.model.peers import PeersState

STAGES: Final = {
    LoadStage.ASKING: "Waiting for NAME to allow it",
    LoadStage.IDLE: "Measuring at rest",
    LoadStage.UP: "Sending as much as it carries",
    LoadStage.DOWN: "Receiving as much as it carries",
    LoadStage.SERVING: "NAME measures the connection with this computer",
}
LOAD_TONES: Final = {
    LoadGrade.STEADY: Tone.GOOD,
    LoadGrade.NOTICED: Tone.WARN,
    LoadGrade.LAGS: Tone.BAD,
    LoadGrade.UNPLAYABLE: Tone.BAD,
}
MEGA: Final = 1 << 20


class LoadBar(msgspec.Struct, frozen=True):
    """One phase: its median and 99th percentile (seconds; None: not measured), and what else there is to say."""

    name: str
    p50_s: float | None
    p99_s: float | None
    value: str
    note: str


class LoadView(msgspec.Struct, frozen=True):
    """The card. `number` is the conversation that a press would measure, None when there is none."""

    number: int | None
    peer: str = ""
    sentence: str = ""
    tone: Tone = Tone.PLAIN
    bars: tuple[LoadBar, ...] = ()
    detail: str = ""
    running: bool = False
    progress: float | None = None
    ask: str = ""


def present_load(peers: PeersState, chosen: str = "", networks: tuple[NetworkCost, ...] = ()) -> LoadView:
    """Of the conversation that the chosen path belongs to, else of the newest open one."""
    open_ones = [each for each in peers.conversations if not each.ended and each.guest is None]
    mine = next((each for each in open_ones if _session(each.path) == _session(chosen) != ""), None)
    talk = mine or (open_ones[-1] if open_ones else None)
    if talk is None:
        return LoadView(
            number=None,
            sentence="Meet somebody on the Peers page, then see here what a game feels when somebody else in the house downloads.",
        )
    running = talk.load.stage is not LoadStage.NONE
    report = talk.load.report
    plan = LoadPlan()
    ask = (
        f"This sends up to {plan.max_bytes // MEGA}{THIN}MB to {talk.name} and receives as much, for at most "
        f"{2 * plan.max_s}{THIN}s in all. {cost_warning(networks)} {talk.name} is asked, too."
    )
    view = LoadView(
        number=talk.number,
        peer=talk.name,
        ask=ask,
        running=running,
        progress=talk.load.progress if running and talk.load.stage is not LoadStage.SERVING else None,
        sentence=STAGES[talk.load.stage].replace("NAME", talk.name) + "…"
        if running
        else f"Not measured yet with {talk.name}.",
        tone=Tone.UNKNOWN if not running else Tone.PLAIN,
    )
    if report is None or running:
        return view
    sentence, tone = _verdict(report)
    return msgspec.structs.replace(
        view,
        sentence=sentence,
        tone=tone,
        bars=_bars(report),
        detail=_detail(report),
    )


def load_text(report: LoadReport) -> str:
    """The whole report, a line each."""
    lines = [f"Latency under load with {report.peer}", _verdict(report)[0], ""]
    lines += [f"{bar.name}: {bar.value} ({bar.note})" for bar in _bars(report)]
    return "\n".join((*lines, "", _detail(report)))


def _bars(report: LoadReport) -> tuple[LoadBar, ...]:
    phases = (("At rest", report.idle), ("Sending", report.up), ("Receiving", report.down))
    return tuple(_bar(*each) for each in phases)


def _verdict(report: LoadReport) -> tuple[str, Tone]:
    added_s, rpm = report.added_s, report.rpm
    if added_s is None or rpm is None:
        return "Too few probes came back to say anything.", Tone.UNKNOWN
    worse = "sending" if (report.up.path.p50_s or 0) >= (report.down.path.p50_s or 0) else "receiving"
    rpm_text = f"{digits(rpm)} round trips a minute"
    grade = load_grade(added_s)
    if grade is LoadGrade.STEADY:
        return (
            f"Steady under load: {rpm_text}, {duration(max(0.0, added_s))} more while {worse}.",
            LOAD_TONES[grade],
        )
    rise = f"{duration(added_s)} more while {worse}: {rpm_text}."
    if grade is LoadGrade.NOTICED:
        return f"A game notices it: {rise}", LOAD_TONES[grade]
    advice = "A queue on the way is too long (bufferbloat); a router with smart queues (SQM, fq_codel, CAKE) cures it."
    return f"{'Games lag' if grade is LoadGrade.LAGS else 'Unplayable'} under load: {rise} {advice}", Tone.BAD


def _bar(name: str, phase: LoadPhase) -> LoadBar:
    path = phase.path
    goodput = "" if phase.goodput is None else f"{digits(phase.goodput * 8 / 1e6)}{THIN}Mbit/s"
    settled = "" if not phase.bytes or phase.stable else "not settled"
    lost = f"{phase.lost} of {phase.messages} lost" if phase.lost else ""
    return LoadBar(
        name,
        path.p50_s,
        path.p99_s,
        NOT_MEASURED if path.p50_s is None else f"{duration(path.p50_s)} / {duration(path.p99_s or 0.0)}",
        ", ".join(filter(None, (goodput, f"n {path.n}", settled, lost))),
    )


def _detail(report: LoadReport) -> str:
    each = [
        f"{name} {digits(phase.rpm)}"
        for name, phase in (("sending", report.up), ("receiving", report.down))
        if phase.rpm is not None
    ]
    moved = (report.up.bytes + report.down.bytes) / 1e6
    return (
        f"RPM {', '.join(each)} over {name_of(report.transport)}; {digits(moved)}{THIN}MB moved. Median and 99 % of the session's "
        "probes; RPM averages them with small messages (draft-ietf-ippm-responsiveness, on an open session instead of new connections)."
    )


def _session(path_key: str) -> str:
    return path_key.split("/", 1)[0] if path_key else ""
