"""The NAT page: Snapshot literal -> what is read, for every verdict, while it runs, and when it fails."""

import msgspec
import pytest

from app.presenters.nat import QUESTION, AdviceView, Stage, VerdictView, present
from app.presenters.nat_facts import FACTS
from app.presenters.tone import Tone
from netstack.model.nat import (
    Evidence,
    Filtering,
    Label,
    Lifetime,
    Mapping,
    NatReport,
    ServerReport,
    TimelineEntry,
    Udp,
    Verdict,
)
from netstack.model.snapshot import NatState, Snapshot
from netstack.service.nat import read_verdict_table

PLAIN = str.maketrans({"\N{NARROW NO-BREAK SPACE}": " "})
SERVERS = ("stun:198.51.100.1", "stun:198.51.100.2:3479")
MODERATE = NatReport(
    verdict=Verdict.MODERATE,
    headline="Moderate - your router keeps one port, and lets in whom you contacted (address-dependent filtering).",
    udp=Udp.OK,
    mapping=Mapping.ENDPOINT_INDEPENDENT,
    filtering=Filtering.ADDRESS_DEPENDENT,
    label=Label.RESTRICTED_CONE,
    hairpin=False,
    port_preservation=True,
    public_addresses=("203.0.113.7",),
    local_addresses=("192.168.1.20", "10.8.0.2", "172.17.0.1"),
    gateway="192.168.1.1",
    gateway_wan="203.0.113.7",
    cgnat=False,
    double_nat=False,
    confidence=0.9,
    servers=(
        ServerReport(
            "stun:198.51.100.1:3478", "198.51.100.1:3478", True, 0.0213, 0,
            mapped="203.0.113.7:40000", response_time_s=0.0305, success_rate=0.98, last_used_s_ago=0.0,
        ),
        ServerReport(
            "stun:198.51.100.2:3479", "198.51.100.2:3479", False, None, 0,
            failure="no answer", success_rate=0.5, last_used_s_ago=0.0, consecutive_failures=3,
        ),
    ),
    evidence=(Evidence("mapping", "198.51.100.1:3478 saw port 40000 as 203.0.113.7:40000"),),
    advice=("The router: turn on UPnP.", "Nothing more."),
    timeline=(
        TimelineEntry("What is my public address?", "198.51.100.1:3478", 0.0, 0.0213, 1, "answered"),
        TimelineEntry("May another port come in?", "198.51.100.1:3478", 0.02, 0.32, 5, "no answer"),
    ),
    started_at_s=1_000_000.0,
    duration_s=0.5,
)  # fmt: skip


def page(report: NatReport | None = MODERATE, *, age_s: float = 125.0, shown: bool = False, **state):
    return present(Snapshot(nat=NatState(report=report, servers=SERVERS, **state)), age_s=age_s, shown=shown)


def but(**changes) -> NatReport:
    return msgspec.structs.replace(MODERATE, **changes)


def fact(view, key):
    return next(cell for cell in view.facts if cell.key == key)


def test_before_the_first_check_the_page_asks_its_question():
    view = page(None)
    assert view.stage is Stage.EMPTY
    assert view.headline == QUESTION
    assert [cell.value for cell in view.facts] == ["Not measured"] * len(FACTS)
    assert all(cell.tone is Tone.UNKNOWN for cell in view.facts)
    assert [(row.server, row.state) for row in view.servers] == [(one, "not asked yet") for one in SERVERS]
    assert (view.advice, view.probes, view.measured, view.can_show) == ((), (), "", False)


def test_a_finished_check_is_read_from_top_to_bottom():
    view = page()
    assert view.stage is Stage.DONE
    assert view.headline == "Your router keeps one port, and lets in whom you contacted."
    assert view.verdict == VerdictView(
        word="Moderate",
        tone=Tone.WARN,
        meaning="Direct connections work with Open and Moderate networks. Strict ones need a relay.",
        term="Endpoint-independent mapping, address-dependent filtering - restricted cone",
        confidence=0.9,
        confidence_text=view.verdict.confidence_text,
        settle="",
        reach=view.verdict.reach,
    )
    assert view.verdict.confidence_text.translate(PLAIN) == "90 % sure"
    assert view.measured.translate(PLAIN) == "Measured 2 min ago in 500 ms"
    assert view.measured_exact.startswith("1970-01-1")
    assert view.advice == (
        AdviceView("router", "The router", "turn on UPnP."),
        AdviceView("step", "", "Nothing more."),
    )
    assert [(cell.key, cell.value, cell.tone) for cell in view.facts] == [
        ("udp", "Passes", Tone.GOOD),
        ("mapping", "One port for everyone", Tone.GOOD),
        ("filtering", "Hosts you contacted", Tone.WARN),
        ("nat_chain", "None seen", Tone.GOOD),
        ("hairpin", "Does not work", Tone.WARN),
        ("port_preservation", "Kept", Tone.PLAIN),
        ("lifetime", "Not measured", Tone.UNKNOWN),
        ("ipv6", "None here", Tone.PLAIN),
        ("public_addresses", "Hidden", Tone.PLAIN),
        ("local_addresses", "192.168.1.20", Tone.PLAIN),
        ("gateway", "192.168.1.1", Tone.PLAIN),
        ("vpn", "None seen", Tone.PLAIN),
    ]
    assert fact(view, "local_addresses").note == "also 10.8.0.2 and 1 more"
    assert fact(view, "public_addresses").note == "1 of 1 servers say so"
    assert fact(view, "mapping").evidence == ("198.51.100.1:3478 saw port 40000 as (hidden):40000",)


def test_the_public_address_stands_nowhere_until_it_is_shown():
    assert "203.0.113.7" not in msgspec.json.encode(page()).decode()
    view = page(shown=True)
    assert view.can_show
    assert fact(view, "public_addresses").value == "203.0.113.7"
    assert fact(view, "gateway").note == "outside: 203.0.113.7"


@pytest.mark.parametrize(
    ("verdict", "word", "tone", "direct"),
    [
        (Verdict.OPEN, "Open", Tone.GOOD, [True, True, True]),
        (Verdict.MODERATE, "Moderate", Tone.WARN, [True, True, False]),
        (Verdict.STRICT, "Strict", Tone.BAD, [True, False, False]),
        (Verdict.BLOCKED, "Blocked", Tone.BAD, [False, False, False]),
        (Verdict.UNKNOWN, "Unknown", Tone.UNKNOWN, [None, None, None]),
    ],
)
def test_each_verdict_says_whom_one_reaches(verdict, word, tone, direct):
    seen = page(but(verdict=verdict)).verdict
    assert (seen.word, seen.tone, [reach.direct for reach in seen.reach]) == (word, tone, direct)
    assert (seen.confidence is None) == (verdict is Verdict.UNKNOWN)


def test_moderate_with_unknown_filtering_is_at_least_moderate_and_says_what_would_settle_it():
    view = page(but(filtering=Filtering.UNKNOWN, filtering_reason="no server has a second address"))
    assert view.verdict.word == "At least Moderate"
    assert view.verdict.settle == "It could still be Open: no server has a second address."
    assert fact(view, "filtering").note == "no server has a second address"


def test_while_it_runs_nothing_unknown_is_called_a_result():
    report = NatReport(provisional=True, headline="Unknown - no STUN server could be reached.")
    view = page(report, running=True, progress=0.3, step="Asking")
    assert view.stage is Stage.RUNNING
    assert view.headline == "Looking at this network from outside…"
    assert (view.verdict.confidence, view.verdict.confidence_text, view.measured) == (None, "so far", "")
    assert {cell.value for cell in view.facts if cell.key != "lifetime"} == {"Measuring…"}
    assert [row.state for row in view.servers] == ["asking", "asking"]
    assert (view.progress, view.step) == (0.3, "Asking")
    late = msgspec.structs.replace(report, duration_s=2.0)
    assert page(late, running=True).headline == "No server has answered so far…"


@pytest.mark.parametrize(
    ("view", "title"),
    [
        (page(None), "NAT"),
        (page(running=True), "NAT: checking"),
        (page(), "NAT: moderate"),
        (page(but(failure="cancelled")), "NAT: cancelled"),
    ],
)
def test_the_title_bar_tells_the_state(view, title):
    assert view.title == title


def test_a_failed_check_says_why_and_nothing_more():
    report = NatReport(
        headline="Unknown - no STUN server could be reached, so nothing can be said about your NAT.",
        failure="no-answer",
        failure_text="No STUN server answered.",
        local_addresses=("192.168.1.20",),
    )
    view = page(report)
    assert view.failure == "No STUN server answered."
    assert view.verdict.word == "Unknown"
    assert fact(view, "mapping").note == "no server answered over UDP"


def test_what_the_last_run_said_is_kept_beside_an_older_report():
    view = present(Snapshot(nat=NatState(report=MODERATE)), age_s=0, failure="Not a server.")
    assert view.failure == "Not a server."


def test_servers_tell_what_they_did_and_what_they_are_worth():
    first, second = page(age_s=60.0).servers
    assert (first.state, first.tone, first.strikes, first.note) == ("answered", Tone.GOOD, "0", "")
    figures = (first.rtt, first.average, first.success, first.last_used)
    assert [figure.translate(PLAIN) for figure in figures] == ["21.3 ms", "30.5 ms", "98 %", "1 min ago"]
    assert (second.state, second.tone, second.note) == ("no answer", Tone.BAD, "3 checks in a row")
    assert (second.rtt, second.average) == ("", "")


def test_a_liar_is_named_with_its_lie():
    liar = ServerReport(
        "stun:198.51.100.1:3478",
        "198.51.100.1:3478",
        answered=True,
        rtt_s=0.02,
        strikes=2,
        struck_for="it saw 203.0.113.9:1 where 2 others saw 203.0.113.7:1",
        mapped="203.0.113.9:1",
    )
    row = page(but(servers=(liar,))).servers[0]
    assert (row.state, row.tone, row.strikes) == ("lied", Tone.BAD, "2")
    assert row.note == "it saw (hidden):1 where 2 others saw (hidden):1"


def test_probes_are_bars_with_their_result():
    answered, silent = page().probes
    assert (answered.tone, answered.result.translate(PLAIN)) == (Tone.GOOD, "21.3 ms")
    assert (silent.tone, silent.result, silent.start_s, silent.end_s) == (
        Tone.UNKNOWN,
        "no answer",
        0.02,
        0.32,
    )
    assert "sent 5 times" in silent.detail
    waiting = TimelineEntry("What is my public address?", "198.51.100.1:3478", 0.0, None, 0, "running")
    refused = TimelineEntry("Router?", "192.168.1.1:5351", 0.1, 0.1, 1, "refused")
    bars = page(but(timeline=(refused, waiting)), running=True).probes
    assert [(bar.result, bar.tone) for bar in bars] == [("waiting", Tone.PLAIN), ("refused", Tone.BAD)]


@pytest.mark.parametrize(
    ("lifetime", "value", "tone"),
    [
        (Lifetime(30, 45), "30.0 s to 45.0 s", Tone.WARN),
        (Lifetime(None, 1), "Under 1.00 s", Tone.WARN),
        (Lifetime(300, None), "Over 5 min", Tone.GOOD),
        (Lifetime(120, 180), "2 min to 3 min", Tone.GOOD),
    ],
)
def test_a_lifetime_is_a_span(lifetime, value, tone):
    cell = fact(page(but(lifetime=lifetime)), "lifetime")
    assert (cell.value.translate(PLAIN), cell.tone) == (value, tone)


def test_while_only_the_lifetime_is_measured_the_answer_stands():
    view = page(but(provisional=True), running=True, progress=0.1, step="Waiting: is it alive after 30 s?")
    assert view.stage is Stage.RUNNING
    assert not view.probing
    assert view.headline == page().headline
    assert view.verdict == page().verdict
    cell = fact(view, "lifetime")
    assert (cell.value, cell.note) == ("Measuring…", "Waiting: is it alive after 30 s?")
    assert [c for c in view.facts if c is not cell] == [c for c in page().facts if c.key != "lifetime"]


def test_a_lifetime_that_cannot_be_measured_says_why():
    view = page(but(evidence=(Evidence("lifetime", "the servers cannot answer to another port"),)))
    assert fact(view, "lifetime").note == "the servers cannot answer to another port"


@pytest.mark.parametrize(
    ("changes", "value", "tone"),
    [
        ({"cgnat": True, "double_nat": True}, "Provider's NAT", Tone.BAD),
        ({"cgnat": None, "double_nat": True}, "Two routers in a row", Tone.WARN),
        ({"cgnat": None, "double_nat": None}, "Not measured", Tone.UNKNOWN),
    ],
)
def test_a_second_nat_is_told_or_said_to_be_unknown(changes, value, tone):
    cell = fact(page(but(**changes)), "nat_chain")
    assert (cell.value, cell.tone) == (value, tone)


def test_the_way_shows_where_udp_is_translated_and_cut():
    assert [(s.title, s.detail, s.does, s.cut) for s in page().path] == [
        ("This computer", "192.168.1.20", "", False),
        ("Router", "192.168.1.1", "one port for everyone", False),
        ("Internet", "address hidden", "UDP passes", False),
    ]
    blocked = page(but(udp=Udp.BLOCKED, mapping=Mapping.UNKNOWN, vpn="wg0", cgnat=True)).path
    assert [s.title for s in blocked] == ["This computer", "VPN", "Router", "Provider's NAT", "Internet"]
    assert blocked[-1].cut
    assert [s.title for s in page(but(mapping=Mapping.NONE)).path] == ["This computer", "Internet"]


def test_every_advice_has_the_sign_of_its_doer():
    lines = tuple(row.text for row in read_verdict_table().advice)
    shown = page(but(advice=lines)).advice
    assert all(step.who and step.icon != "step" for step in shown)
