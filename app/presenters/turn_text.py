"""A TURN report as plain text, for the terminal and the clipboard."""

from app.presenters.quantity import NOT_MEASURED, duration, percent
from netstack.model.turn import Stage, TurnReport

_MARKS = {True: "ok  ", False: "FAIL", None: "-   "}


def turn_report_text(report: TurnReport) -> str:
    """The whole report."""
    lines = [report.headline]
    if report.network != "real":
        lines.insert(0, f'This is the lab, scenario "{report.network}", not your own network.')
    lines += ["", *map(_line, report.stages), ""]
    lines += [f"{name + ':':<20}{value}" for name, value in _facts(report)]
    if report.advice:
        lines += ["", "What to do", *(f"  - {advice}" for advice in report.advice)]
    return "\n".join(lines)


def _line(stage: Stage) -> str:
    return f"  {_MARKS[stage.ok]} {stage.name.value:<16} {stage.detail}"


def _facts(report: TurnReport) -> list[tuple[str, str]]:
    throughput = report.throughput_relay_bps
    return [
        ("Server", f"{report.server or NOT_MEASURED}" + (f", {report.software}" if report.software else "")),
        ("Relay", report.relayed_address or "none"),
        ("Allocated in", _time(report.allocate_s)),
        ("To the server", _time(report.rtt_server_p50_s)),
        ("Through the relay", f"{_time(report.rtt_relay_p50_s)} (n={report.rtt_relay_n})"),
        ("Jitter", _time(report.jitter_relay_s)),
        ("Loss", NOT_MEASURED if report.loss_relay is None else percent(report.loss_relay)),
        (
            "Throughput",
            NOT_MEASURED
            if throughput is None
            else f"{throughput / 1e6:.1f} Mbit/s (n={report.throughput_relay_n} packets)",
        ),
        ("Largest payload", NOT_MEASURED if report.mtu_bytes is None else f"{report.mtu_bytes} bytes"),
        ("Took", duration(report.duration_s)),
    ]


def _time(seconds: float | None) -> str:
    return NOT_MEASURED if seconds is None else duration(seconds)
