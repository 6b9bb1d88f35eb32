"""The Check page: state -> exact rows, figures, cards and sentences."""

import msgspec
import pytest

from app.presenters.check import (
    QUESTION,
    WELL,
    FigureView,
    MessageView,
    RowView,
    Stage,
    StepsView,
    present,
)
from app.presenters.check_ladder import ladder, ladder_note
from app.presenters.nat_path import Station
from app.presenters.tone import Tone
from app.presenters.veil import HIDDEN, Veil
from netstack.model.doctor import (
    Check,
    DoctorReport,
    DoctorState,
    Finding,
    Outcome,
    Rung,
    Segment,
    Severity,
    Side,
    Steps,
)
from netstack.model.nat import NatReport, Udp, Verdict

NAT = NatReport(
    verdict=Verdict.MODERATE,
    headline="Moderate - your router keeps one port for all.",
    udp=Udp.OK,
    public_addresses=("203.0.113.7",),
    gateway_wan="203.0.113.7",
)
CHECKS = (
    Check("interfaces", "Network", Outcome.GOOD, "eth0 (cable, MTU 1500)"),
    Check("nat", "NAT", Outcome.GOOD, "Moderate, port-restricted cone", 0.5, "Your router keeps one port"),
    Check("gateway", "Outside address", Outcome.GOOD, "203.0.113.7"),
    Check("latency", "Latency", Outcome.GOOD, "33.7 ms, jitter 2.1 ms", 4.0),
    Check("loss", "Loss", Outcome.GOOD, "0 %, none of 200"),
    Check("mtu", "Packet size", Outcome.UNKNOWN, "not measured", 1.0, "The server does not answer."),
)
WELL_REPORT = DoctorReport(verdict=WELL, checks=CHECKS, nat=NAT, started_at_s=1_000_000.0, duration_s=8.64)
STRICT = Finding(
    "nat.strict",
    Severity.PROBLEM,
    Side.ROUTER,
    "The router is strict.",
    ("mapping: address-dependent", "servers see 203.0.113.7"),
    "Turn on UPnP.",
    (Steps("Windows", ("one", "two")), Steps("Linux", ("three",)), Steps("FRITZ!Box", ("four",))),
    "friend",
    "I am 203.0.113.7.",
)
LINE = Finding("latency.high", Severity.PROBLEM, Side.PROVIDER, "Slow.", ("600 ms",), "Ask.")
HINT = Finding(
    "hairpin.missing", Severity.HINT, Side.ROUTER, "No loopback.", ("nothing came",), "Use local addresses."
)
ILL = msgspec.structs.replace(
    WELL_REPORT,
    verdict="The router is strict. This is the router's side. (and 1 more)",
    findings=(STRICT, LINE, HINT),
)


def shown(report: DoctorReport | None, **changes: object):
    return present(DoctorState(report=report, checks=report.checks if report else ()), age_s=0, **changes)


def test_nothing_yet_is_a_question() -> None:
    view = shown(None)
    assert (view.stage, view.title, view.headline) == (Stage.EMPTY, "Check", QUESTION)
    assert (view.rows, view.figures, view.groups, view.message) == ((), (), (), None)
    assert not view.can_show


def test_a_run_shows_what_is_known_and_what_is_awaited() -> None:
    checks = (*CHECKS[:2], Check("loss", "Loss", Outcome.RUNNING, "asked 25 times"))
    view = present(DoctorState(running=True, checks=checks, nat=NAT, report=ILL), age_s=9)
    assert (view.stage, view.title) == (Stage.RUNNING, "Check: looking")
    assert (view.step, view.progress) == ("2 of 3 measured", pytest.approx(2 / 3))
    assert view.rows[2] == RowView("loss", "Loss", Tone.PLAIN, True, "asked 25 times", "")
    assert view.figures[1] == FigureView("Loss", "…", "asked 25 times", Tone.PLAIN)
    assert view.groups == ()
    assert view.message is not None
    assert view.message.tone is Tone.PLAIN
    assert [station.title for station in view.ladder] == [
        "This computer",
        "Router",
        "Public hop",
        "Server",
    ]


def test_a_public_address_is_hidden_while_it_is_found_out() -> None:
    state = DoctorState(running=True, checks=CHECKS, nat=NAT)
    rows = {row.name: row.text for row in present(state, age_s=0).rows}
    assert rows["gateway"] == HIDDEN
    lifted = {row.name: row.text for row in present(state, age_s=0, shown=True).rows}
    assert lifted["gateway"] == "203.0.113.7"


def test_a_healthy_connection_is_told_calmly_with_its_figures() -> None:
    view = shown(WELL_REPORT)
    assert (view.stage, view.title, view.headline, view.tone) == (
        Stage.DONE,
        "Check: nothing wrong",
        WELL,
        Tone.GOOD,
    )
    assert view.measured == "Measured just now in 8.64\N{NARROW NO-BREAK SPACE}s"
    assert view.message == MessageView(
        Tone.GOOD,
        "Open and Moderate networks reach you directly.",
        "Your router keeps one port for all. "
        "Strict ones need a relay. If somebody cannot connect to you, let them check theirs.",
    )
    assert view.figures == (
        FigureView("NAT", "Moderate", "port-restricted cone", Tone.GOOD),
        FigureView("Latency", "33.7 ms", "jitter 2.1 ms", Tone.GOOD),
        FigureView("Loss", "0 %", "none of 200", Tone.GOOD),
        FigureView("Packet size", "Not measured", "", Tone.UNKNOWN),
    )
    assert view.rows[1].hint == "Your router keeps one port. Took 500\N{NARROW NO-BREAK SPACE}ms."
    assert view.rows[5].tone is Tone.UNKNOWN
    assert view.failure == ""


def test_findings_stand_by_their_side_and_hints_last() -> None:
    view = shown(ILL, system="Linux")
    assert (view.title, view.tone, view.message) == ("Check: 2 problems, router", Tone.BAD, None)
    assert [(g.icon, g.title, [f.rule for f in g.findings]) for g in view.groups] == [
        ("router", "You can fix this in the router", ["nat.strict"]),
        ("provider", "The internet provider can fix this", ["latency.high"]),
        ("step", "Worth knowing", ["hairpin.missing"]),
    ]
    card = view.groups[0].findings[0]
    assert (card.tone, card.kind, card.remedy) == (Tone.BAD, "Problem", "Turn on UPnP.")
    assert card.evidence == ("Mapping: address-dependent.", f"Servers see {HIDDEN}.")
    assert card.steps == (StepsView("Linux", ("three",)), StepsView("FRITZ!Box", ("four",)))
    assert card.letter_title == "A text for your friend"
    assert card.letter == f"I am {HIDDEN}."
    assert card.letter_whole == "I am 203.0.113.7."
    assert view.groups[2].findings[0].tone is Tone.WARN


def test_every_system_is_told_when_the_readers_is_not_known() -> None:
    card = shown(ILL).groups[0].findings[0]
    assert [steps.system for steps in card.steps] == ["Windows", "Linux", "FRITZ!Box"]


def test_one_rule_looked_at_again_leaves_the_page_as_it_is() -> None:
    view = present(DoctorState(running=True, checks=CHECKS, report=ILL, retesting="latency.high"), age_s=0)
    assert view.stage is Stage.DONE
    retesting = {f.rule: f.retesting for group in view.groups for f in group.findings}
    assert retesting == {"nat.strict": False, "latency.high": True, "hairpin.missing": False}


@pytest.mark.parametrize(
    ("findings", "title", "tone"),
    [((), "Check: cancelled", Tone.UNKNOWN), ((STRICT,), "Check: cancelled", Tone.BAD)],
)
def test_a_cancelled_check_says_so_and_keeps_what_it_knew(findings, title, tone) -> None:
    text = "The check was cancelled; this is what was known until then."
    report = msgspec.structs.replace(ILL, findings=findings, failure="cancelled", failure_text=text)
    view = shown(report)
    assert (view.title, view.tone) == (title, tone)
    if findings:
        assert view.failure == text
    else:
        assert view.message == MessageView(Tone.UNKNOWN, "No problem was found so far.", text)


def test_no_network_is_no_calm() -> None:
    report = DoctorReport(verdict="Is it online?", failure="no-network", failure_text="Is it online?")
    view = shown(report)
    assert (view.title, view.tone, view.headline) == ("Check: could not test", Tone.UNKNOWN, "Is it online?")
    assert view.figures == ()
    assert view.ladder == ()


def test_what_failed_is_told() -> None:
    assert shown(None, failure="The engine has stopped.").failure == "The engine has stopped."


SEGMENTS = (
    Segment(Rung.ROUTER, "192.168.1.1", 1, 10, 10, 0.002),
    Segment(Rung.INTERNET, "203.0.113.7", 2, 10, 7, 0.03),
    Segment(Rung.SERVER, "198.51.100.1", None, 200, 150, 0.04),
)
BAD = (Check("loss", "Loss", Outcome.BAD, ""),)


def test_the_ladder_has_a_figure_for_each_station() -> None:
    space = "\N{NARROW NO-BREAK SPACE}"
    assert tuple(ladder(DoctorReport(segments=SEGMENTS), Veil(("203.0.113.7",)))) == (
        Station("pc", "This computer", "", Tone.PLAIN),
        Station("router", "Router", "192.168.1.1", Tone.GOOD, f"2.00{space}ms"),
        Station("provider", "Public hop", "address hidden", Tone.GOOD, f"30.0{space}ms, 7/10 back"),
        Station("internet", "Server", "198.51.100.1", Tone.GOOD, f"40.0{space}ms, 150/200 back"),
    )


@pytest.mark.parametrize(
    ("bad_from", "tones", "begins"),
    [
        ("home", [Tone.BAD, Tone.BAD, Tone.BAD], "It is bad before the router"),
        ("line", [Tone.GOOD, Tone.BAD, Tone.BAD], "It is good up to the router"),
        ("beyond", [Tone.GOOD, Tone.GOOD, Tone.BAD], "It is good up to the first public"),
        (None, [Tone.PLAIN, Tone.PLAIN, Tone.BAD], "Too few answers"),
    ],
)
def test_the_ladder_is_red_from_where_it_is_bad(bad_from, tones, begins) -> None:
    report = DoctorReport(segments=SEGMENTS, checks=BAD, bad_from=bad_from)
    assert [station.tone for station in ladder(report, Veil(()))][1:] == tones
    assert ladder_note(report).startswith(begins)


def test_a_station_that_does_not_tell_of_itself_is_not_measured() -> None:
    report = DoctorReport(segments=SEGMENTS[2:])
    assert [s.does for s in ladder(report, Veil(()))][1:3] == ["not measured", "not measured"]
    assert "only the whole way" in ladder_note(report)
    assert ladder_note(DoctorReport(segments=SEGMENTS)).startswith("Nowhere.")
