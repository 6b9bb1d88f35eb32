"""The doctor's report as plain text, for the terminal and the clipboard."""

from netstack.model.doctor import DoctorReport, Outcome, Severity, Side

MARKS = {Outcome.GOOD: "ok", Outcome.BAD: "!!", Outcome.UNKNOWN: "??", Outcome.RUNNING: ".."}
SIDES = {
    Side.PC: "this computer",
    Side.NETWORK: "this network",
    Side.ROUTER: "the router",
    Side.PROVIDER: "the provider",
    Side.PEER: "the other side",
    Side.SERVER: "the server",
}


def doctor_text(report: DoctorReport) -> str:
    """The whole report."""
    lines = [report.verdict, ""]
    for finding in report.findings:
        mark = "Problem" if finding.severity is Severity.PROBLEM else "Hint"
        lines.append(f"{mark}: {finding.title}")
        lines.append(f"  Whose side: {SIDES[finding.side]}")
        lines += [f"  Seen: {text}" for text in finding.evidence]
        lines += [f"  To do: {finding.remedy}", ""]
    lines += [f"{MARKS[check.outcome]} {check.title}: {check.text}" for check in report.checks]
    if report.unknown:
        lines += ["", f"Not measured: {', '.join(report.unknown)}"]
    return "\n".join(lines)
