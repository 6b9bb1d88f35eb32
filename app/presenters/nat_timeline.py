"""The probes of a check as bars on one axis of time."""

import msgspec

from app.presenters.quantity import duration
from app.presenters.tone import Tone
from app.presenters.veil import Veil
from netstack.model.nat import NatReport, TimelineEntry


class ProbeBar(msgspec.Struct, frozen=True):
    """One probe; `end_s` is None while it waits. Times count from the start of the check."""

    name: str
    target: str
    start_s: float
    end_s: float | None
    tone: Tone
    result: str
    detail: str


def probe_bars(report: NatReport | None, veil: Veil) -> tuple[ProbeBar, ...]:
    """A bar for each probe, in the order of their start."""
    entries = report.timeline if report else ()
    return tuple(_bar(entry, veil) for entry in sorted(entries, key=lambda entry: entry.start_s))


_TONES = {
    "answered": Tone.GOOD,
    "connected": Tone.GOOD,
    "no answer": Tone.UNKNOWN,
    "does not tell": Tone.UNKNOWN,
    "nothing there": Tone.UNKNOWN,
    "slower than the others, not waited for": Tone.UNKNOWN,
}


def _bar(entry: TimelineEntry, veil: Veil) -> ProbeBar:
    name, target, outcome = veil(entry.name), veil(entry.target), veil(entry.outcome)
    sends = f"sent {entry.sends} times" if entry.sends > 1 else "sent once"
    if entry.end_s is None:
        tone, result, sends = Tone.PLAIN, "waiting", "under way"
    elif (tone := _TONES.get(entry.outcome, Tone.BAD)) is Tone.GOOD:
        result = duration(entry.end_s - entry.start_s)
    else:
        result = outcome.partition(",")[0]
    span = "" if entry.end_s is None else f" to {duration(entry.end_s)}"
    detail = f"{name}\n{target}: {outcome}, {sends}\nFrom {duration(entry.start_s)}{span} of the check"
    return ProbeBar(name, target, entry.start_s, entry.end_s, tone, result, detail)
