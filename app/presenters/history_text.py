"""The history as plain text, for the terminal and the clipboard."""

from app.presenters.quantity import NOT_MEASURED, duration, moment
from netstack.model.history import Comparison, HistoryReport, Standing

MARKS = {Standing.FINE: "fine", Standing.PROBLEM: "problem", Standing.UNKNOWN: "not tested"}


def history_text(report: HistoryReport) -> str:
    """Diagnoses, then sessions, newest first."""
    lines = []
    if report.runs:
        lines.append("Diagnoses")
        lines += [
            f"  {run.id:>4}  {moment(run.at_s)[:19]}  {run.kind.value:<7}{MARKS[run.standing]:<12}{run.title}"
            for run in report.runs
        ]
    if report.sessions:
        lines += ["", "Sessions"] if lines else ["Sessions"]
    for session in report.sessions:
        lasted = (
            "open, or cut off" if session.ended_s is None else duration(session.ended_s - session.began_s)
        )
        ways = ", ".join(session.transports)
        lines.append(
            f"  {moment(session.began_s)[:19]}  {session.peer}, {lasted}{f' ({ways})' if ways else ''}"
        )
        lines += [
            f"      {moment(change.at_s)[11:19]}  {change.what} {change.transport} {change.remote} {change.text}".rstrip()
            for change in session.changes
        ]
    return "\n".join(lines) or "Nothing has been kept yet: run a check, or meet somebody."


def comparison_text(comparison: Comparison) -> str:
    """What changed, one fact a line."""
    before, after = comparison.before, comparison.after
    lines = [
        f"Before: {moment(before.at_s)[:19]}  {before.title}",
        f"Now:    {moment(after.at_s)[:19]}  {after.title}",
        "",
    ]
    lines += [
        f"{change.fact}: {change.before or NOT_MEASURED} -> {change.after or NOT_MEASURED}"
        for change in comparison.changes
    ]
    if not comparison.changes:
        lines.append("Nothing that is compared has changed.")
    lines.append(f"The same: {', '.join(comparison.same) or 'nothing'}")
    return "\n".join(lines)
