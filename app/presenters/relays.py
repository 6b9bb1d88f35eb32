"""The Relays page: the doctor's ladder of a TURN server, and this program's own relays, in words."""

import msgspec

from app.presenters.quantity import NOT_MEASURED, THIN, digits, duration
from app.presenters.tone import Tone
from netstack.model.turn import RelayPhase, RelayState, Stage, StageName, TurnReport, TurnState

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
PHASES = {
    RelayPhase.OPENING: ("Opening", Tone.UNKNOWN),
    RelayPhase.ALLOCATED: ("Open", Tone.GOOD),
    RelayPhase.RECOVERING: ("Recovering", Tone.WARN),
    RelayPhase.RELEASING: ("Giving it back", Tone.UNKNOWN),
    RelayPhase.RELEASED: ("Given back", Tone.PLAIN),
    RelayPhase.FAILED: ("Failed", Tone.BAD),
}
LOG_LINES = 6
UNTRIED = "not tried"


class Rung(msgspec.Struct, frozen=True):
    """One stage: its tone, title, what was found, the next step where it failed, and how long it took."""

    key: str
    tone: Tone
    title: str
    detail: str
    next_step: str
    took: str


class RelayCard(msgspec.Struct, frozen=True):
    """One relay: headings, lines of countdowns, and the newest of its log. `open`: it can be given back."""

    relay_id: int
    tone: Tone
    title: str
    phase: str
    lines: tuple[str, ...]
    log: tuple[str, ...]
    open: bool


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
        relays=tuple(map(_card, state.relays)),
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


def _card(relay: RelayState) -> RelayCard:
    phase, tone = PHASES[relay.phase]
    lines = [
        f"relayed address {relay.relayed_address or NOT_MEASURED}",
        f"lasts {_left(relay.remaining_s)} more, over {relay.transport.value.upper()} to {relay.server}",
        f"sent {_traffic(relay.sent_packets, relay.sent_bytes)}; received {_traffic(relay.received_packets, relay.received_bytes)}",
    ]
    lines += [
        f"{each.host} may send: {each.failure or _left(each.remaining_s)}" for each in relay.permissions
    ]
    lines += [
        f"channel {each.number:#06x} to {each.peer}: {each.failure or _left(each.remaining_s)}"
        for each in relay.channels
    ]
    if relay.failure_text:
        lines.append(f"{relay.failure_text} {relay.remedy or ''}".strip())
    log = tuple(
        f"{duration(entry.age_s)} ago: {entry.what} {entry.subject}".rstrip()
        + (f" failed: {entry.failure}" if entry.failure else f" in {duration(entry.took_s)}")
        for entry in relay.log[-LOG_LINES:][::-1]
    )
    live = relay.phase in {RelayPhase.ALLOCATED, RelayPhase.RECOVERING, RelayPhase.OPENING}
    return RelayCard(relay.relay_id, tone, relay.uri, phase, tuple(lines), log, live)


def _time(seconds: float | None) -> str:
    return NOT_MEASURED if seconds is None else duration(seconds)


def _left(seconds: float | None) -> str:
    if seconds is None:
        return "asked"
    minutes, rest = divmod(max(0, round(seconds)), 60)
    return f"{minutes}:{rest:02d}"


def _share(share: float) -> str:
    return f"{digits(share * 100)}{THIN}%"


def _speed(bps: float | None) -> str:
    return NOT_MEASURED if bps is None else f"{digits(bps / 1e6)}{THIN}Mbit/s"


def _traffic(packets: int, count: int) -> str:
    return f"{packets} packets, {_bytes(count)}"


def _bytes(count: int) -> str:
    return f"{count}{THIN}B" if count < 10_000 else f"{digits(count / 1e6)}{THIN}MB"
