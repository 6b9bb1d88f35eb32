"""What of a diagnosis is worth comparing with another day's. Pure."""

from collections.abc import Sequence

from netstack.model.doctor import DoctorReport, Severity
from netstack.model.history import Change, Comparison, Run, RunKind, Standing
from netstack.model.load import LoadReport
from netstack.model.nat import NatReport, Verdict
from netstack.model.turn import TurnReport

Report = DoctorReport | NatReport | TurnReport | LoadReport
Facts = dict[str, str | None]

FINE_RPM = 400.0


def kind_of(report: Report) -> RunKind:
    """Which kind of run it is."""
    match report:
        case DoctorReport():
            return RunKind.DOCTOR
        case NatReport():
            return RunKind.NAT
        case TurnReport():
            return RunKind.TURN
        case LoadReport():
            return RunKind.LOAD


def title_of(report: Report) -> str:
    """One sentence."""
    match report:
        case DoctorReport():
            return report.verdict or report.failure_text or "The check did not end."
        case NatReport() | TurnReport():
            return report.headline or report.failure_text or "The check did not end."
        case LoadReport():
            rpm = report.rpm
            return f"Under load to {report.peer}: " + (
                "not measured" if rpm is None else f"{rpm:.0f} round trips a minute"
            )


def standing_of(report: Report) -> Standing:
    """Whether it was fine then."""
    match report:
        case DoctorReport():
            if report.failure is not None:
                return Standing.UNKNOWN
            bad = any(finding.severity is Severity.PROBLEM for finding in report.findings)
            return Standing.PROBLEM if bad else Standing.FINE
        case NatReport():
            if report.failure is not None or report.provisional or report.verdict is Verdict.UNKNOWN:
                return Standing.UNKNOWN
            return Standing.FINE if report.verdict in {Verdict.OPEN, Verdict.MODERATE} else Standing.PROBLEM
        case TurnReport():
            return Standing.FINE if report.failure is None else Standing.PROBLEM
        case LoadReport():
            if report.rpm is None:
                return Standing.UNKNOWN
            return Standing.FINE if report.rpm >= FINE_RPM else Standing.PROBLEM


def facts_of(report: Report) -> Facts:
    """Names and values in the order of showing."""
    match report:
        case DoctorReport():
            return _doctor(report)
        case NatReport():
            return _nat(report)
        case TurnReport():
            return _turn(report)
        case LoadReport():
            return _load(report)


def compare(before: Run, after: Run) -> Comparison:
    """What changed from one run to the other."""
    names = list(dict.fromkeys((*after.facts, *before.facts)))
    changes, same = [], []
    for name in names:
        was, is_now = before.facts.get(name), after.facts.get(name)
        if was == is_now:
            if was is not None:
                same.append(name)
        else:
            changes.append(Change(name, was, is_now))
    return Comparison(before, after, tuple(changes), tuple(same))


def since_fine(runs: Sequence[Run]) -> Comparison | None:
    """Of runs of one kind, newest first: the newest beside the last one before it that was fine; None without both."""
    fine = next((run for run in runs[1:] if run.standing is Standing.FINE), None)
    return None if fine is None else compare(fine, runs[0])


def _nat(report: NatReport) -> Facts:
    lifetime = report.lifetime
    return {
        "Verdict": report.verdict.value,
        "UDP": report.udp.value,
        "Mapping": report.mapping.value,
        "Filtering": report.filtering.value,
        "Kind of NAT": report.label.value,
        "Hairpin": _yes(report.hairpin),
        "Port kept": _yes(report.port_preservation),
        "Public address": _hosts(report.public_addresses),
        "Local address": _hosts(report.local_addresses),
        "Carrier-grade NAT": _yes(report.cgnat),
        "Double NAT": _yes(report.double_nat),
        "VPN": report.vpn,
        "Router": report.gateway,
        "Port mapping": _yes(report.port_mapping),
        "Mapping lives": None if lifetime is None or lifetime.alive_s is None else f"{lifetime.alive_s:g} s",
        "Failure": report.failure,
    }


def _doctor(report: DoctorReport) -> Facts:
    facts: Facts = {} if report.nat is None else {k: v for k, v in _nat(report.nat).items() if k != "Failure"}
    facts["Findings"] = "; ".join(sorted(finding.title.rstrip(".") for finding in report.findings)) or "none"
    facts["Whose side"] = ", ".join(sorted({finding.side.value for finding in report.findings})) or "nobody's"
    facts["Bad from"] = report.bad_from
    if report.quality is not None:
        quality = report.quality
        facts["Latency"] = _about(quality.rtt_p50_s)
        facts["Loss"] = None if quality.loss is None else f"{quality.loss * 100:.0f} %"
        facts["Largest packet"] = None if quality.mtu_bytes is None else f"{quality.mtu_bytes} B"
    facts["Failure"] = report.failure
    return facts


def _turn(report: TurnReport) -> Facts:
    stages = {stage.name.value: _yes(stage.ok) for stage in report.stages}
    return {
        "Server": report.uri,
        "Software": report.software,
        "Transport": None if report.transport is None else report.transport.value,
        **{f"Stage {name}": passed for name, passed in stages.items()},
        "Round trip through it": _about(report.rtt_relay_p50_s),
        "Failure": report.failure,
    }


def _load(report: LoadReport) -> Facts:
    return {
        "Peer": report.peer,
        "Transport": report.transport,
        "At rest": _about(report.idle.path.p50_s),
        "Sending": _about(report.up.path.p50_s),
        "Receiving": _about(report.down.path.p50_s),
    }


def _yes(value: bool | None) -> str | None:
    return None if value is None else "yes" if value else "no"


def _hosts(hosts: tuple[str, ...]) -> str | None:
    return ", ".join(sorted(set(hosts))) or None


def _about(seconds: float | None) -> str | None:
    """To one digit or two: what wobbles from run to run is no change."""
    if seconds is None:
        return None
    milliseconds = seconds * 1e3
    step = 1 if milliseconds < 10 else 5 if milliseconds < 50 else 10 if milliseconds < 200 else 50
    return f"about {max(1, round(milliseconds / step) * step)} ms"
