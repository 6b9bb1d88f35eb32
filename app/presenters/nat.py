"""The NAT page: Snapshot -> the sentence that answers, the verdict in plain words, and the rows beneath."""

import re
from enum import StrEnum

import msgspec

from app.presenters.nat_facts import FactView, facts
from app.presenters.nat_path import Station, stations
from app.presenters.nat_servers import ServerRow, server_rows
from app.presenters.nat_timeline import ProbeBar, probe_bars
from app.presenters.quantity import ago, duration, moment, percent
from app.presenters.tone import Tone
from app.presenters.veil import of_report
from netstack.model.nat import Filtering, Label, Mapping, NatReport, Udp, Verdict
from netstack.model.snapshot import Snapshot


class Stage(StrEnum):
    """What the page is about."""

    EMPTY = "empty"
    RUNNING = "running"
    DONE = "done"


class Reach(msgspec.Struct, frozen=True):
    """Whether players behind such a NAT connect directly; None is "not known"."""

    who: str
    direct: bool | None


class VerdictView(msgspec.Struct, frozen=True):
    """The card: the word, what it means for the person, the term, how sure, and what would settle it."""

    word: str
    tone: Tone
    meaning: str
    term: str
    confidence: float | None
    confidence_text: str
    settle: str
    reach: tuple[Reach, ...]


class AdviceView(msgspec.Struct, frozen=True):
    """A step, and the icon and name of who can do it (empty: anybody)."""

    icon: str
    who: str
    text: str


class NatView(msgspec.Struct, frozen=True):
    """Everything that the page shows."""

    stage: Stage
    title: str
    headline: str
    verdict: VerdictView
    path: tuple[Station, ...]
    facts: tuple[FactView, ...]
    advice: tuple[AdviceView, ...]
    probing: bool
    probes: tuple[ProbeBar, ...]
    servers: tuple[ServerRow, ...]
    progress: float
    step: str
    measured: str
    measured_exact: str
    can_show: bool
    shown: bool
    failure: str


PATIENCE_S = 1.5
QUESTION = "What does your network do to direct connections?"

_WORDS = {
    Verdict.OPEN: ("Open", Tone.GOOD, "Everyone can connect to you directly.", (True, True, True)),
    Verdict.MODERATE: (
        "Moderate",
        Tone.WARN,
        "Direct connections work with Open and Moderate networks. Strict ones need a relay.",
        (True, True, False),
    ),
    Verdict.STRICT: (
        "Strict",
        Tone.BAD,
        "Direct connections work only with Open networks. All others need a relay.",
        (True, False, False),
    ),
    Verdict.BLOCKED: (
        "Blocked",
        Tone.BAD,
        "UDP does not get out of this network, so nothing connects directly over it.",
        (False, False, False),
    ),
    Verdict.UNKNOWN: ("Unknown", Tone.UNKNOWN, "The check could not tell.", (None, None, None)),
}
_LABELS = {
    Label.FULL_CONE: "full cone",
    Label.RESTRICTED_CONE: "restricted cone",
    Label.PORT_RESTRICTED_CONE: "port-restricted cone",
    Label.SYMMETRIC: "symmetric",
    Label.FIREWALL: "firewall without translation",
    Label.OPEN: "no NAT",
}


def present(snapshot: Snapshot, *, age_s: float, shown: bool = False, failure: str = "") -> NatView:
    """The page `age_s` seconds after its report was made. `shown`: the public address may be read in the clear.

    `failure` is the sentence of the last run that ended without a report.
    """
    state = snapshot.nat
    report = state.report
    veil = of_report(report, lifted=shown)
    # The optional lifetime test goes on after everything else is settled, which the advice tells.
    settled = report is not None and (not report.provisional or bool(report.advice))
    probing = state.running and not settled
    stage = Stage.RUNNING if state.running else Stage.DONE if report else Stage.EMPTY
    return NatView(
        stage=stage,
        title=_title(stage, report),
        headline=veil(_headline(report, probing=probing)),
        verdict=_verdict(report, veil(report.filtering_reason) if report else "", settled=settled),
        path=stations(report, veil),
        facts=facts(report, veil, running=probing, lifetime_step=state.step if settled else ""),
        advice=tuple(_advice(veil(line)) for line in report.advice) if report else (),
        probing=probing,
        probes=probe_bars(report, veil),
        servers=server_rows(state.servers, report, veil, running=probing, age_s=age_s),
        progress=state.progress,
        step=veil(state.step),
        measured=_measured(report, age_s) if stage is Stage.DONE else "",
        measured_exact=_exact(report) if stage is Stage.DONE else "",
        can_show=veil.needed,
        shown=shown,
        failure=veil((report.failure_text or "") if report else "") or failure,
    )


_WHO = {
    "This PC": "pc",
    "This PC or the router": "router",
    "The router": "router",
    "The network": "router",
    "The provider": "provider",
    "You": "peers",
}


def _advice(line: str) -> AdviceView:
    who, colon, text = line.partition(": ")
    return AdviceView(_WHO[who], who, text) if colon and who in _WHO else AdviceView("step", "", line)


def _title(stage: Stage, report: NatReport | None) -> str:
    """For the window's title bar."""
    if stage is Stage.RUNNING:
        return "NAT: checking"
    if report is None:
        return "NAT"
    return "NAT: cancelled" if report.failure == "cancelled" else f"NAT: {report.verdict}"


def _headline(report: NatReport | None, *, probing: bool) -> str:
    """The table's sentence without its word and its term, which the card tells."""
    if probing:
        silent = report is not None and report.udp is not Udp.OK and report.duration_s > PATIENCE_S
        return "No server has answered so far…" if silent else "Looking at this network from outside…"
    if report is None or not report.headline:
        return QUESTION
    sentence = report.headline.partition(" - ")[2] or report.headline
    sentence = re.sub(r" \([^()]*\)\.?$", "", sentence).rstrip(".")
    return f"{sentence[:1].upper()}{sentence[1:]}."


def _verdict(report: NatReport | None, filtering_reason: str, *, settled: bool) -> VerdictView:
    given = report or NatReport()
    word, tone, meaning, direct = _WORDS[given.verdict]
    settle = ""
    sure = given.verdict is not Verdict.UNKNOWN and settled
    if given.verdict is Verdict.MODERATE and given.filtering is Filtering.UNKNOWN:
        word = "At least Moderate"
        settle = "" if not settled else f"It could still be Open: {filtering_reason}."
    return VerdictView(
        word=word,
        tone=tone,
        meaning=meaning,
        term=_term(given),
        confidence=given.confidence if sure else None,
        confidence_text=f"{percent(given.confidence)} sure"
        if sure
        else "so far"
        if given.provisional
        else "",
        settle=settle,
        reach=tuple(map(Reach, ("Open", "Moderate", "Strict"), direct)),
    )


def _term(report: NatReport) -> str:
    parts = []
    if report.mapping is not Mapping.UNKNOWN:
        parts.append("no translation" if report.mapping is Mapping.NONE else f"{report.mapping} mapping")
    if report.filtering is not Filtering.UNKNOWN:
        parts.append(f"{report.filtering} filtering")
    term = ", ".join(parts)
    if label := _LABELS.get(report.label):
        term = f"{term} - {label}" if term else label
    return term[:1].upper() + term[1:]


def _measured(report: NatReport | None, age_s: float) -> str:
    if report is None:
        return ""
    kept = ", from memory" if report.cached else ""
    return f"Measured {ago(age_s)} in {duration(report.duration_s)}{kept}"


def _exact(report: NatReport | None) -> str:
    return "" if report is None else moment(report.started_at_s)
