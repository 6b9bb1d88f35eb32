"""The Check page as values: what is wrong, whose side is it, and what each measurement says."""

from enum import StrEnum

import msgspec

from app.presenters.check_ladder import ladder, ladder_note, waiting
from app.presenters.nat_path import Station
from app.presenters.quantity import ago, duration, moment
from app.presenters.tone import Tone
from app.presenters.veil import Veil, of_report
from netstack.model.doctor import Check, DoctorReport, DoctorState, Finding, Outcome, Severity, Side, Steps
from netstack.model.nat import NatReport, Verdict

QUESTION = "What is wrong with your connection, and whose side is it?"
WELL = "Nothing is wrong on your side."
CANCELLED = "cancelled"
SYSTEMS = ("Windows", "macOS", "Linux")


class Stage(StrEnum):
    """Nothing yet, a run (or one rule's) under way, or a report."""

    EMPTY = "empty"
    RUNNING = "running"
    DONE = "done"


class RowView(msgspec.Struct, frozen=True):
    """One row of the checklist. `running`: it is still being measured. `hint` comes on hover."""

    name: str
    title: str
    tone: Tone
    running: bool
    text: str
    hint: str


class FigureView(msgspec.Struct, frozen=True):
    """A number that matters, in large."""

    label: str
    value: str
    note: str
    tone: Tone


class StepsView(msgspec.Struct, frozen=True):
    """How to do it on one system."""

    system: str
    lines: tuple[str, ...]


class FindingView(msgspec.Struct, frozen=True):
    """One card. `letter` is what is shown of the text to send, `letter_whole` what is copied."""

    rule: str
    tone: Tone
    kind: str
    title: str
    evidence: tuple[str, ...]
    remedy: str
    steps: tuple[StepsView, ...]
    letter_title: str
    letter: str
    letter_whole: str
    retesting: bool


class GroupView(msgspec.Struct, frozen=True):
    """The findings of one side."""

    icon: str
    title: str
    findings: tuple[FindingView, ...]


class MessageView(msgspec.Struct, frozen=True):
    """What stands where findings would: calm, or why there are none."""

    tone: Tone
    title: str
    text: str


class CheckView(msgspec.Struct, frozen=True):
    """Everything that the page shows."""

    stage: Stage
    title: str
    headline: str
    tone: Tone
    step: str
    progress: float
    measured: str
    measured_exact: str
    rows: tuple[RowView, ...]
    figures: tuple[FigureView, ...]
    groups: tuple[GroupView, ...]
    message: MessageView | None
    ladder: tuple[Station, ...]
    ladder_note: str
    can_show: bool
    shown: bool
    failure: str


_TONES = {
    Outcome.GOOD: Tone.GOOD,
    Outcome.BAD: Tone.BAD,
    Outcome.UNKNOWN: Tone.UNKNOWN,
    Outcome.RUNNING: Tone.PLAIN,
}
_SIDES = {
    Side.PC: ("pc", "You can fix this on this computer"),
    Side.NETWORK: ("network", "Whoever runs this network can fix this"),
    Side.ROUTER: ("router", "You can fix this in the router"),
    Side.PROVIDER: ("provider", "The internet provider can fix this"),
    Side.PEER: ("peers", "The other side can fix this"),
    Side.SERVER: ("relays", "Whoever runs the server can fix this"),
}
_WORTH_KNOWING = ("step", "Worth knowing")
_LETTERS = {
    "provider": "A text for the provider",
    "network": "A text for whoever runs the network",
    "server": "A text for whoever runs the server",
    "friend": "A text for your friend",
}
_DIRECT = {
    Verdict.OPEN: ("Everyone can connect to you directly.", "If somebody cannot, let them check theirs."),
    Verdict.MODERATE: (
        "Open and Moderate networks reach you directly.",
        "Strict ones need a relay. If somebody cannot connect to you, let them check theirs.",
    ),
}
_FIGURES = ("nat", "latency", "loss", "mtu")


def present(
    state: DoctorState, *, age_s: float, shown: bool = False, failure: str = "", system: str = ""
) -> CheckView:
    """The page `age_s` seconds after its report was made. `shown`: public addresses may be read in the clear.

    `system` (Windows, macOS or Linux) is the reader's; steps for the other two are left out.
    """
    report = state.report
    whole_run = state.running and not state.retesting
    stage = Stage.RUNNING if whole_run else Stage.DONE if report else Stage.EMPTY
    veil = of_report(state.nat or (report.nat if report else None), lifted=shown)
    checks = state.checks or (report.checks if report else ())
    rows = tuple(_row(check, veil) for check in checks)
    done = sum(not row.running for row in rows)
    given = report if stage is Stage.DONE else None
    problem = given is not None and _problems(given)
    return CheckView(
        stage=stage,
        title=_title(stage, given),
        headline=_headline(stage, given, veil),
        tone=_tone(given),
        step=f"{done} of {len(rows)} measured" if whole_run and rows else "",
        progress=done / len(rows) if rows else 0.0,
        measured=_measured(given, age_s),
        measured_exact=moment(given.started_at_s) if given else "",
        rows=rows,
        figures=_figures(rows),
        groups=_groups(given, veil, state.retesting, system),
        message=None if problem else _message(stage, given, veil),
        ladder=tuple(ladder(given, veil) if given else waiting()),
        ladder_note=ladder_note(given) if given else "Measured by packets that end at each station.",
        can_show=veil.needed,
        shown=shown,
        failure=failure or (veil(given.failure_text or "") if problem and given else ""),
    )


def _row(check: Check, veil: Veil) -> RowView:
    took = f"Took {duration(check.duration_s)}." if check.duration_s else ""
    detail = f"{check.detail.rstrip('.')}." if check.detail else ""
    return RowView(
        name=check.name,
        title=check.title,
        tone=_TONES[check.outcome],
        running=check.outcome is Outcome.RUNNING,
        text=veil(check.text),
        hint=veil(" ".join(filter(None, (detail, took)))),
    )


def _figures(rows: tuple[RowView, ...]) -> tuple[FigureView, ...]:
    known = {row.name: row for row in rows}
    return tuple(_figure(known[name]) for name in _FIGURES if name in known)


def _figure(row: RowView) -> FigureView:
    """The row's text up to its first comma is the figure, the rest the note."""
    value, _, note = row.text.partition(", ")
    if row.running:
        return FigureView(row.title, "…", row.text, Tone.PLAIN)
    return FigureView(row.title, value[:1].upper() + value[1:], note, row.tone)


def _problems(report: DoctorReport) -> bool:
    return any(finding.severity is Severity.PROBLEM for finding in report.findings)


def _title(stage: Stage, report: DoctorReport | None) -> str:
    """For the window's title bar."""
    if stage is Stage.RUNNING:
        return "Check: looking"
    if report is None:
        return "Check"
    if report.failure == CANCELLED:
        return "Check: cancelled"
    problems = sum(finding.severity is Severity.PROBLEM for finding in report.findings)
    if problems:
        return f"Check: {problems} problem{'s' if problems > 1 else ''}, {report.findings[0].side}"
    return "Check: could not test" if report.failure else "Check: nothing wrong"


def _headline(stage: Stage, report: DoctorReport | None, veil: Veil) -> str:
    if stage is Stage.RUNNING:
        return "Looking at your connection…"
    return veil(report.verdict) if report else QUESTION


def _tone(report: DoctorReport | None) -> Tone:
    if report is None:
        return Tone.PLAIN
    if _problems(report):
        return Tone.BAD
    return Tone.UNKNOWN if report.failure else Tone.GOOD


def _measured(report: DoctorReport | None, age_s: float) -> str:
    if report is None:
        return ""
    return f"Measured {ago(age_s)} in {duration(report.duration_s)}"


def _message(stage: Stage, report: DoctorReport | None, veil: Veil) -> MessageView | None:
    if stage is Stage.RUNNING:
        return MessageView(
            Tone.PLAIN, "", "What is wrong, whose side it is and how to put it right comes here."
        )
    if report is None:
        return None
    if report.failure:
        return MessageView(Tone.UNKNOWN, "No problem was found so far.", veil(report.failure_text or ""))
    nat = report.nat or NatReport()
    meaning = nat.headline.partition(" - ")[2]
    title, text = _DIRECT.get(nat.verdict, (WELL, ""))
    return MessageView(Tone.GOOD, title, veil(f"{meaning[:1].upper()}{meaning[1:]} {text}".strip()))


def _groups(report: DoctorReport | None, veil: Veil, retesting: str, system: str) -> tuple[GroupView, ...]:
    """Problems by their side in the order of their finding, then what is worth knowing."""
    if report is None:
        return ()
    by_side: dict[tuple[str, str], list[FindingView]] = {}
    for finding in report.findings:
        key = _SIDES[finding.side] if finding.severity is Severity.PROBLEM else _WORTH_KNOWING
        by_side.setdefault(key, []).append(_finding(finding, veil, retesting, system))
    return tuple(GroupView(icon, title, tuple(found)) for (icon, title), found in by_side.items())


def _finding(finding: Finding, veil: Veil, retesting: str, system: str) -> FindingView:
    problem = finding.severity is Severity.PROBLEM
    return FindingView(
        rule=finding.rule,
        tone=Tone.BAD if problem else Tone.WARN,
        kind="Problem" if problem else "Hint",
        title=finding.title,
        evidence=tuple(veil(_sentence(text)) for text in finding.evidence),
        remedy=finding.remedy,
        steps=tuple(_steps(each) for each in finding.steps if not _of_another_system(each, system)),
        letter_title=_LETTERS.get(finding.letter_to, ""),
        letter=veil(finding.letter),
        letter_whole=finding.letter,
        retesting=finding.rule == retesting,
    )


def _sentence(text: str) -> str:
    return f"{text[:1].upper()}{text[1:].rstrip('.')}."


def _of_another_system(steps: Steps, system: str) -> bool:
    return bool(system) and steps.system in SYSTEMS and steps.system != system


def _steps(steps: Steps) -> StepsView:
    return StepsView(steps.system, steps.lines)
