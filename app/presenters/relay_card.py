"""One relay of this program in words: how long it lasts, who may use it, what went through, what was said."""

import msgspec

from app.presenters.quantity import NOT_MEASURED, THIN, digits, duration
from app.presenters.tone import Tone
from netstack.model.turn import RelayPhase, RelayState

PHASES = {
    RelayPhase.OPENING: ("Opening", Tone.UNKNOWN),
    RelayPhase.ALLOCATED: ("Open", Tone.GOOD),
    RelayPhase.RECOVERING: ("Recovering", Tone.WARN),
    RelayPhase.RELEASING: ("Giving it back", Tone.UNKNOWN),
    RelayPhase.RELEASED: ("Given back", Tone.PLAIN),
    RelayPhase.FAILED: ("Failed", Tone.BAD),
}
PERMISSION_S = 300.0
CHANNEL_S = 600.0
LOG_LINES = 6


class Countdown(msgspec.Struct, frozen=True):
    """Something that lapses unless it is renewed: what it is, what is left of it (0 to 1; None: not yet), in words."""

    name: str
    left: float | None
    text: str
    bad: bool = False


class RelayCard(msgspec.Struct, frozen=True):
    """One relay. `open`: it can be given back; `alive`: peers can be let in."""

    relay_id: int
    tone: Tone
    title: str
    phase: str
    subtitle: str
    countdowns: tuple[Countdown, ...]
    facts: tuple[tuple[str, str], ...]
    problem: str
    log: tuple[str, ...]
    open: bool
    alive: bool


def relay_card(relay: RelayState) -> RelayCard:
    """A relay as its card shows it."""
    phase, tone = PHASES[relay.phase]
    alive = relay.phase is RelayPhase.ALLOCATED
    countdowns = [
        Countdown("The relay", _share(relay.remaining_s, relay.lifetime_s), _left(relay.remaining_s))
    ]
    countdowns += [
        Countdown(
            f"{each.host} may send",
            _share(each.remaining_s, PERMISSION_S),
            each.failure or _left(each.remaining_s),
            bool(each.failure),
        )
        for each in relay.permissions
    ]
    countdowns += [
        Countdown(
            f"Channel {each.number:#06x} to {each.peer}",
            _share(each.remaining_s, CHANNEL_S),
            each.failure or _left(each.remaining_s),
            bool(each.failure),
        )
        for each in relay.channels
    ]
    server = f"over {relay.transport.value.upper()} at {relay.server}" if relay.server else relay.uri
    return RelayCard(
        relay_id=relay.relay_id,
        tone=tone,
        title=relay.relayed_address or relay.uri,
        phase=phase,
        subtitle=f"{relay.uri}, {server}" if relay.server and relay.relayed_address else server,
        countdowns=tuple(countdowns) if alive else (),
        facts=(
            ("Sent", _traffic(relay.sent_packets, relay.sent_bytes)),
            ("Received", _traffic(relay.received_packets, relay.received_bytes)),
            ("Server's answer", NOT_MEASURED if relay.rtt_s is None else f"after {duration(relay.rtt_s)}"),
            ("Not sent", str(relay.dropped)),
            ("Recovered", f"{relay.recoveries} times" if relay.recoveries != 1 else "once"),
        ),
        problem=f"{relay.failure_text} {relay.remedy or ''}".strip() if relay.failure_text else "",
        log=tuple(
            f"{duration(entry.age_s)} ago: {entry.what} {entry.subject}".rstrip()
            + (f" failed: {entry.failure}" if entry.failure else f" in {duration(entry.took_s)}")
            for entry in relay.log[-LOG_LINES:][::-1]
        ),
        open=relay.phase in {RelayPhase.ALLOCATED, RelayPhase.RECOVERING, RelayPhase.OPENING},
        alive=alive,
    )


def _share(left_s: float | None, whole_s: float | None) -> float | None:
    return None if left_s is None or not whole_s else max(0.0, min(1.0, left_s / whole_s))


def _left(seconds: float | None) -> str:
    if seconds is None:
        return "asked"
    minutes, rest = divmod(max(0, round(seconds)), 60)
    return f"{minutes}:{rest:02d}"


def _traffic(packets: int, count: int) -> str:
    size = f"{count}{THIN}B" if count < 10_000 else f"{digits(count / 1e6)}{THIN}MB"
    return f"{packets} packets, {size}"
