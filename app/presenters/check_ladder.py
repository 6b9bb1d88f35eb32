"""Where is it bad? The way to a server, station by station, with what was measured up to each."""

from collections.abc import Iterator

from app.presenters.nat_path import Station
from app.presenters.quantity import duration
from app.presenters.tone import Tone
from app.presenters.veil import HIDDEN, Veil
from netstack.model.doctor import DoctorReport, Outcome, Rung, Segment

_STATIONS = {
    Rung.ROUTER: ("router", "Router"),
    Rung.INTERNET: ("provider", "Public hop"),
    Rung.SERVER: ("internet", "Server"),
}

_GUILTY = {"home": (Rung.ROUTER, Rung.INTERNET), "line": (Rung.INTERNET,)}
_BAD_FROM = {
    "home": "It is bad before the router already, and stays bad to the end: look at the Wi-Fi or the cable.",
    "line": "It is good up to the router and bad from there on: look at the line, or at what fills it.",
    "beyond": "It is good up to the first public station and bad behind it: nothing at home changes that.",
}


def waiting() -> Iterator[Station]:
    """The same while it is measured."""
    yield Station("pc", "This computer", "", Tone.PLAIN)
    for icon, title in _STATIONS.values():
        yield Station(icon, title, "", Tone.UNKNOWN)


def ladder(report: DoctorReport, veil: Veil) -> Iterator[Station]:
    """From this computer to the server; a station that was not measured is told as such."""
    if not report.segments:
        return
    rows = {check.name: check.outcome for check in report.checks}
    bad = Outcome.BAD in {rows.get("latency"), rows.get("loss")}
    known = {segment.rung: segment for segment in report.segments}
    yield Station("pc", "This computer", "", Tone.PLAIN)
    for rung, (icon, title) in _STATIONS.items():
        segment = known.get(rung)
        if segment is None or segment.rtt_p50_s is None:
            yield Station(icon, title, "", Tone.UNKNOWN, "not measured")
            continue
        host = veil(segment.host or "")
        yield Station(
            icon,
            title,
            "address hidden" if host == HIDDEN else host,
            _tone(rung, report, bad=bad),
            _figure(segment),
        )


def _figure(segment: Segment) -> str:
    """With how many came back where some did not."""
    back = "" if segment.answered == segment.sent else f", {segment.answered}/{segment.sent} back"
    return f"{duration(segment.rtt_p50_s or 0.0)}{back}"


def ladder_note(report: DoctorReport) -> str:
    """What the ladder says, and what it cannot say."""
    if len(report.segments) < 2:
        return "The stations on the way did not tell of themselves, so only the whole way was measured."
    asked = f" There and back, {_asked(report)}."
    if report.bad_from:
        return _BAD_FROM[report.bad_from] + asked
    if any(check.name in {"latency", "loss"} and check.outcome is Outcome.BAD for check in report.checks):
        return f"Too few answers to say where it begins.{asked}"
    return f"Nowhere.{asked} A station that answers late or not at all proves nothing by itself."


def _asked(report: DoctorReport) -> str:
    """How often each was asked: "n = 10, 10, 200"."""
    return "n = " + ", ".join(str(segment.sent) for segment in report.segments if segment.rung in _STATIONS)


def _tone(rung: Rung, report: DoctorReport, *, bad: bool) -> Tone:
    if not bad:
        return Tone.GOOD
    if rung in _GUILTY.get(report.bad_from or "", ()) or rung is Rung.SERVER:
        return Tone.BAD
    return Tone.GOOD if report.bad_from else Tone.PLAIN
