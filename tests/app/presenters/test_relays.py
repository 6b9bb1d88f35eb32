"""The Relays page's words, from states as they are."""

from app.presenters.relays import UNTRIED, login_hints, present, report_text
from app.presenters.tone import Tone
from netstack.errors import Fault
from netstack.model.turn import (
    ChannelState,
    KnownServer,
    PermissionState,
    RefreshEntry,
    RelayPhase,
    RelayState,
    Stage,
    StageName,
    TurnReport,
    TurnState,
)

REPORT = TurnReport(
    uri="turn:relay.example",
    headline="The relay works.",
    stages=(
        Stage(StageName.DNS, True, detail="203.0.113.40", duration_s=0.02),
        Stage(StageName.ALLOCATION, False, failure="unauthorized", detail="refused", next_step="Check both."),
        Stage(StageName.QUOTA, None),
    ),
    allocate_s=0.043,
    rtt_server_p50_s=0.02,
    rtt_relay_p50_s=0.041,
    rtt_relay_n=20,
    loss_relay=0.0,
    throughput_relay_bps=48e6,
    throughput_relay_n=4000,
    throughput_relay_loss=0.0,
    fault=Fault.USER,
    mtu_bytes=1468,
    lifetime_s=600.0,
    software="Coturn",
    advice=("Nothing to change.",),
    duration_s=2.5,
)


def test_before_anything() -> None:
    view = present(TurnState(servers=(KnownServer("turn:relay.example"),)))
    assert view.headline == "Which relay shall be checked?"
    assert view.rungs == ()
    assert view.servers == ("turn:relay.example",)


def test_while_it_runs_every_rung_is_there() -> None:
    view = present(TurnState(running=True, progress=0.1, step="Reaching the server"))
    assert view.headline == "Reaching the server..."
    assert len(view.rungs) == len(StageName)
    assert {rung.detail for rung in view.rungs} == {UNTRIED}


def test_a_report() -> None:
    view = present(TurnState(report=REPORT))
    rungs = {rung.key: rung for rung in view.rungs}
    assert (rungs["dns"].tone, rungs["dns"].detail, rungs["dns"].took) == (
        Tone.GOOD,
        "203.0.113.40",
        "20.0\u202fms",
    )
    assert (rungs["allocation"].tone, rungs["allocation"].next_step) == (Tone.BAD, "Check both.")
    assert rungs["quota"].detail == "does not apply"
    assert rungs["mtu"].detail == UNTRIED
    figures = {each.label: (each.value, each.note, each.tone) for each in view.figures}
    assert figures["Through the relay"] == ("41.0\u202fms", "n = 20, 0\u202f% lost", Tone.GOOD)
    assert figures["Speed"] == (
        "48.0\u202fMbit/s",
        "n = 4000 packets, 0\u202f% lost",
        Tone.GOOD,
    )
    assert ("Got it in", "43.0\u202fms", "") in view.facts
    assert [(each.who, each.text) for each in view.advice] == [("You", "Nothing to change.")]
    text = report_text(view)
    assert "Check both." in text
    assert "You: Nothing to change." in text
    assert "48.0\u202fMbit/s, n = 4000" in text


def test_what_was_not_measured_says_so_and_a_reason_is_said_once() -> None:
    assert present(TurnState(report=TurnReport(uri="turn:x"))).figures == ()
    gone = Stage(StageName.MTU, None, detail="There is no relay.")
    again = Stage(StageName.QUOTA, None, detail="There is no relay.")
    view = present(TurnState(report=TurnReport(stages=(gone, again), rtt_relay_p50_s=0.01)))
    figures = {each.label: each.value for each in view.figures}
    assert figures["Largest packet"] == figures["Speed"] == "not measured"
    rungs = {rung.key: rung.detail for rung in view.rungs}
    assert (rungs["mtu"], rungs["quota"]) == ("There is no relay.", "")


def test_known_logins_are_hinted_at_and_never_shown() -> None:
    servers = (KnownServer("turn:a", "ana", password_known=True), KnownServer("turn:b", "bob"))
    assert login_hints(servers, "turn:a") == ("ana (settings)", "known")
    assert login_hints(servers, "turn:b") == ("bob (settings)", "from the keyring")
    assert login_hints(servers, "turn:c") == ("username", "password")


def test_a_relay_with_its_countdowns() -> None:
    relay = RelayState(
        relay_id=3,
        uri="turn:relay.example",
        server="203.0.113.40:3478",
        phase=RelayPhase.ALLOCATED,
        relayed_address="203.0.113.40:50000",
        lifetime_s=600.0,
        remaining_s=600.0,
        permissions=(PermissionState("198.51.100.7", 120.0), PermissionState("198.51.100.8")),
        channels=(ChannelState(0x4001, "198.51.100.7:7777", 60.0),),
        log=(RefreshEntry(5.0, "allocate", "", 0.04), RefreshEntry(1.0, "refresh", "", 0.02, "stale nonce")),
        sent_packets=10,
        sent_bytes=12_000_000,
    )
    view = present(TurnState(relays=(relay,)))
    assert view.headline == "One relay is held here."
    card = view.relays[0]
    assert (card.relay_id, card.tone, card.phase, card.open) == (3, Tone.GOOD, "Open", True)
    assert card.title == "203.0.113.40:50000"
    assert card.subtitle == "turn:relay.example, over UDP at 203.0.113.40:3478"
    assert [(each.name, each.left, each.text) for each in card.countdowns] == [
        ("The relay", 1.0, "10:00"),
        ("198.51.100.7 may send", 0.4, "2:00"),
        ("198.51.100.8 may send", None, "asked"),
        ("Channel 0x4001 to 198.51.100.7:7777", 0.1, "1:00"),
    ]
    assert dict(card.facts)["Sent"].startswith("10 packets, 12")
    assert card.log[0] == "1.00\u202fs ago: refresh failed: stale nonce"


def test_a_lost_relay_says_why_and_cannot_be_given_back() -> None:
    relay = RelayState(phase=RelayPhase.FAILED, failure_text="The relay was lost.", remedy="Allocate again.")
    card = present(TurnState(relays=(relay,))).relays[0]
    assert card.problem == "The relay was lost. Allocate again."
    assert card.countdowns == ()
    assert not card.open
    assert not card.alive
