"""The Relays page: the doctor's ladder of a TURN server, and this program's own relays, in words."""

import msgspec

from app.presenters.quantity import NOT_MEASURED, THIN, digits, duration
from app.presenters.relay_card import RelayCard, relay_card
from app.presenters.tone import Tone
from netstack.model.turn import Stage, StageName, TurnReport, TurnState

TITLES = {
    StageName.DNS: "Look the name up",
    StageName.REACH: "Reach the server",
    StageName.CHALLENGE: "Be asked who we are",
    StageName.ALLOCATION: "Get a relay",
    StageName.RELAYED_ADDRESS: "A relay address that others can reach",
    StageName.PERMISSION: "Let a peer in",
    StageName.ECHO_SEND: "Send to ourselves through it",
    StageName.ECHO_CHANNEL: "The same over a channel",
    StageName.RTT: "Latency, jitter and loss",
    StageName.THROUGHPUT: "Speed",
    StageName.MTU: "Packet size",
    StageName.RENEWAL: "Renew it",
    StageName.QUOTA: "Room for more",
    StageName.DELETION: "Give it back",
}
UNTRIED = "not tried"


class Rung(msgspec.Struct, frozen=True):
    """One stage: its tone, title, what was found, the next step where it failed, and how long it took."""

    key: str
    tone: Tone
    title: str
    detail: str
    next_step: str
    took: str


class RelaysView(msgspec.Struct, frozen=True):
    """The whole page."""

    headline: str
    subline: str
    rungs: tuple[Rung, ...]
    figures: tuple[tuple[str, str], ...]
    advice: tuple[str, ...]
    relays: tuple[RelayCard, ...]
    servers: tuple[str, ...]
    running: bool
    progress: float


def present(state: TurnState) -> RelaysView:
    """Everything that the page shows."""
    report = state.report
    rungs = _rungs(report, running=state.running)
    if state.running:
        headline, subline = f"{state.step or 'Checking the relay'}...", "Esc cancels; what is known stays"
    elif report is not None:
        headline = report.headline or "The relay was checked."
        subline = f"{report.uri}, checked in {duration(report.duration_s)}"
    else:
        headline = "Which relay shall be checked?"
        subline = "A relay (TURN server) joins people whose routers keep them apart."
    return RelaysView(
        headline=headline,
        subline=subline,
        rungs=rungs,
        figures=_figures(report) if report is not None else (),
        advice=report.advice if report is not None else (),
        relays=tuple(map(relay_card, state.relays)),
        servers=tuple(server.uri for server in state.servers),
        running=state.running,
        progress=state.progress,
    )


def report_text(view: RelaysView) -> str:
    """The check as text, for the clipboard."""
    marks = {Tone.GOOD: "ok", Tone.BAD: "!!"}
    lines = [view.headline, view.subline, ""]
    for rung in view.rungs:
        lines.append(f"{marks.get(rung.tone, '--')} {rung.title}: {rung.detail}")
        if rung.next_step:
            lines.append(f"   {rung.next_step}")
    lines += ["", *(f"{name}: {value}" for name, value in view.figures)]
    return "\n".join([*lines, *view.advice])


def _rungs(report: TurnReport | None, *, running: bool) -> tuple[Rung, ...]:
    """Every stage in its order; one that has not been reached says so."""
    if report is None and not running:
        return ()
    known = {stage.name: stage for stage in report.stages} if report is not None else {}
    return tuple(_rung(name, known.get(name)) for name in StageName)


def _rung(name: StageName, stage: Stage | None) -> Rung:
    if stage is None:
        return Rung(name.value, Tone.UNKNOWN, TITLES[name], UNTRIED, "", "")
    tone = {True: Tone.GOOD, False: Tone.BAD, None: Tone.UNKNOWN}[stage.ok]
    took = duration(stage.duration_s) if stage.duration_s is not None else ""
    return Rung(name.value, tone, TITLES[name], stage.detail or _outcome(stage), stage.next_step or "", took)


def _outcome(stage: Stage) -> str:
    return {True: "passed", False: stage.failure or "failed", None: "does not apply"}[stage.ok]


def _figures(report: TurnReport) -> tuple[tuple[str, str], ...]:
    return (
        ("Time to get a relay", _time(report.allocate_s)),
        ("To the server and back", _time(report.rtt_server_p50_s)),
        ("Through the relay and back", f"{_time(report.rtt_relay_p50_s)} (n = {report.rtt_relay_n})"),
        ("Lost through the relay", NOT_MEASURED if report.loss_relay is None else _share(report.loss_relay)),
        ("Speed through the relay", _speed(report.throughput_relay_bps)),
        ("Largest packet", NOT_MEASURED if report.mtu_bytes is None else f"{report.mtu_bytes}{THIN}B"),
        ("Lifetime", _time(report.lifetime_s)),
        ("Software", report.software or "it does not tell"),
    )


def _time(seconds: float | None) -> str:
    return NOT_MEASURED if seconds is None else duration(seconds)


def _share(share: float) -> str:
    return f"{digits(share * 100)}{THIN}%"


def _speed(bps: float | None) -> str:
    return NOT_MEASURED if bps is None else f"{digits(bps / 1e6)}{THIN}Mbit/s"
