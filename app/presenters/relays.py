"""The Relays page: the doctor's ladder of a TURN server, and this program's own relays, in words."""

import msgspec

from app.presenters.check import FigureView
from app.presenters.nat import AdviceView
from app.presenters.quantity import NOT_MEASURED, THIN, digits, duration
from app.presenters.relay_card import RelayCard, relay_card
from app.presenters.relay_speed import SpeedView, speed_view
from app.presenters.tone import Tone
from netstack.errors import Fault
from netstack.model.turn import KnownServer, RelayPhase, Stage, StageName, TurnReport, TurnState

TITLES = {
    StageName.DNS: "Look the name up",
    StageName.REACH: "Reach the server",
    StageName.CHALLENGE: "Be asked who we are",
    StageName.ALLOCATION: "Get a relay",
    StageName.RELAYED_ADDRESS: "Others can reach it",
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
LEAST_PACKET_BYTES = 1200
_WHO = {
    Fault.USER: ("pc", "You"),
    Fault.PC: ("pc", "On this computer"),
    Fault.NETWORK: ("network", "On your network"),
    Fault.ROUTER: ("router", "On your router"),
    Fault.PROVIDER: ("provider", "Whoever runs the server"),
    Fault.SERVER: ("server", "Whoever runs the server"),
}


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
    figures: tuple[FigureView, ...]
    facts: tuple[tuple[str, str, str], ...]
    advice: tuple[AdviceView, ...]
    speed: SpeedView | None
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
    elif alive := sum(relay.phase is RelayPhase.ALLOCATED for relay in state.relays):
        headline = "One relay is held here." if alive == 1 else f"{alive} relays are held here."
        subline = "Whoever is let in can send to its address; it is renewed until it is given back."
    else:
        headline = "Which relay shall be checked?"
        subline = "A relay (TURN server) joins people whose routers keep them apart."
    return RelaysView(
        headline=headline,
        subline=subline,
        rungs=rungs,
        figures=_figures(report) if report is not None and report.rtt_relay_p50_s is not None else (),
        facts=_facts(report) if report is not None else (),
        advice=_advice(report) if report is not None and not state.running else (),
        speed=speed_view(state),
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
    lines += ["", *(f"{each.label}: {each.value}, {each.note}" for each in view.figures)]
    lines += [f"{name}: {value}" for name, value, _ in view.facts]
    return "\n".join([*lines, *(f"{each.who}: {each.text}".removeprefix(": ") for each in view.advice)])


def login_hints(servers: tuple[KnownServer, ...], uri: str) -> tuple[str, str]:
    """What stands in the empty fields for user and password, where the settings know a server."""
    known = next((each for each in servers if each.uri == uri), None)
    if known is None or not known.username:
        return "username", "password"
    return f"{known.username} (settings)", "known" if known.password_known else "from the keyring"


def _rungs(report: TurnReport | None, *, running: bool) -> tuple[Rung, ...]:
    """Every stage in its order; one that has not been reached says so."""
    if report is None and not running:
        return ()
    known = {stage.name: stage for stage in report.stages} if report is not None else {}
    rungs: list[Rung] = []
    reasons: set[str] = set()
    for name in StageName:
        rung = _rung(name, known.get(name))
        if name in known and rung.tone is Tone.UNKNOWN and rung.detail in reasons:  # said once is enough
            rung = msgspec.structs.replace(rung, detail="")
        reasons.add(rung.detail)
        rungs.append(rung)
    return tuple(rungs)


def _rung(name: StageName, stage: Stage | None) -> Rung:
    if stage is None:
        return Rung(name.value, Tone.UNKNOWN, TITLES[name], UNTRIED, "", "")
    tone = {True: Tone.GOOD, False: Tone.BAD, None: Tone.UNKNOWN}[stage.ok]
    took = duration(stage.duration_s) if stage.duration_s is not None else ""
    detail = (stage.detail or _outcome(stage)).replace("; ", "\n")
    return Rung(name.value, tone, TITLES[name], detail, stage.next_step or "", took)


def _outcome(stage: Stage) -> str:
    return {True: "passed", False: stage.failure or "failed", None: "does not apply"}[stage.ok]


def _figures(report: TurnReport) -> tuple[FigureView, ...]:
    """The few that matter, once something went through the relay."""
    lost = report.loss_relay or 0.0
    jitter = f", jitter {duration(report.jitter_relay_s)}" if report.jitter_relay_s is not None else ""
    speed, size = report.throughput_relay_bps, report.mtu_bytes
    return (
        FigureView(
            "Through the relay",
            _time(report.rtt_relay_p50_s),
            f"n = {report.rtt_relay_n}{jitter}, {_share(lost)} lost",
            Tone.WARN if lost else Tone.GOOD,
        ),
        FigureView(
            "To the server",
            _time(report.rtt_server_p50_s),
            f"over {str(report.transport).upper()}" if report.transport else "",
            Tone.UNKNOWN if report.rtt_server_p50_s is None else Tone.GOOD,
        ),
        FigureView(
            "Speed",
            _speed(speed),
            f"n = {report.throughput_relay_n} packets, {_share(report.throughput_relay_loss or 0.0)} lost"
            if speed is not None
            else "when you ask for it",
            Tone.UNKNOWN if speed is None else Tone.GOOD,
        ),
        FigureView(
            "Largest packet",
            NOT_MEASURED if size is None else f"{size}{THIN}B",
            "payload in ChannelData",
            Tone.UNKNOWN if size is None else Tone.GOOD if size >= LEAST_PACKET_BYTES else Tone.WARN,
        ),
    )


def _facts(report: TurnReport) -> tuple[tuple[str, str, str], ...]:
    """What else is known, without what is not."""
    facts = (
        ("Server", report.server, ""),
        ("Software", report.software, ""),
        ("Realm", report.realm, ""),
        ("Relay", report.relayed_address, ""),
        ("It sees us as", report.mapped_address, ""),
        ("Got it in", None if report.allocate_s is None else duration(report.allocate_s), ""),
        ("Good for", None if report.lifetime_s is None else duration(report.lifetime_s), "then renewed"),
    )
    return tuple((name, value, note) for name, value, note in facts if value)


def _advice(report: TurnReport) -> tuple[AdviceView, ...]:
    """The next steps; the first one is about the first failure, so its side is known."""
    icon, who = _WHO.get(report.fault, ("step", "")) if report.fault is not None else ("step", "")
    return tuple(
        AdviceView(icon, who, text) if number == 0 else AdviceView("step", "", text)
        for number, text in enumerate(report.advice)
    )


def _time(seconds: float | None) -> str:
    return NOT_MEASURED if seconds is None else duration(seconds)


def _share(share: float) -> str:
    return f"{digits(share * 100)}{THIN}%"


def _speed(bps: float | None) -> str:
    return NOT_MEASURED if bps is None else f"{digits(bps / 1e6)}{THIN}Mbit/s"
