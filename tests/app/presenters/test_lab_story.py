"""The story's cards in every state."""

import msgspec
import pytest

from app.presenters.lab_story import MeetingView, SideView, Stage, story
from app.presenters.tone import Tone
from netstack.model.lab import LabRun, PairOutcome, StoryState
from netstack.model.nat import Filtering, Mapping, NatReport, Udp, Verdict
from netstack.model.topology import NodeKind, Topology, TopologyNode
from tests.app.presenters.lab_world import WORLD, link

STRICT = NatReport(
    verdict=Verdict.STRICT,
    headline="Strict - your router gives every destination its own port (address-dependent mapping).",
    udp=Udp.OK,
    mapping=Mapping.ADDRESS_DEPENDENT,
    filtering=Filtering.ADDRESS_DEPENDENT,
    confidence=0.9,
    advice=("The router: turn on UPnP.",),
)
UNTOUCHED = msgspec.structs.replace(
    WORLD, links=tuple(msgspec.structs.replace(each, changed=False, cut=False) for each in WORLD.links)
)


def run(*, connected: bool, direct: bool, as_expected: bool = True, silence_s: float | None = None) -> LabRun:
    outcome = PairOutcome(
        method="peerscope",
        connected=connected,
        direct=direct,
        first_byte_s=0.376 if connected else None,
        silence_s=silence_s,
    )
    return LabRun(
        scenario="strict", title="", story="", seed=0, pair=WORLD.pair, names={"anna": "Anna's laptop", "ben": "Ben's computer"}, nat={"anna": STRICT, "ben": STRICT},
        connection=outcome, sentence="", as_expected=as_expected,
    )  # fmt: skip


def played(outcome: LabRun, world: Topology = UNTOUCHED):
    return story(StoryState(nat=outcome.nat, run=outcome, progress=1.0), world)


def test_before_it_was_played():
    view = story(StoryState(), WORLD)
    assert view.stage is Stage.EMPTY
    assert view.answer == "Can Anna and Ben connect directly?"
    assert view.sides[0] == SideView("Anna's laptop", "Unknown", Tone.UNKNOWN, "Not checked.")
    assert view.meeting == MeetingView(
        "Not tried", Tone.UNKNOWN, "Play the story to see whether and how they meet."
    )
    assert story(StoryState(), None).sides == ()


def test_while_it_is_played():
    provisional = msgspec.structs.replace(STRICT, provisional=True, advice=())
    view = story(
        StoryState(running=True, progress=0.2, step="Anna's laptop: asking", nat={"anna": provisional}), WORLD
    )
    assert (view.stage, view.step, view.progress) == (Stage.RUNNING, "Anna's laptop: asking", 0.2)
    assert view.sides[1].sentence == "Waits for its turn."
    assert view.meeting.sentence == "Waits for both checks."
    both = {"anna": STRICT, "ben": STRICT}
    view = story(StoryState(running=True, step="Trying the direct way", nat=both), WORLD)
    assert view.meeting == MeetingView("Trying", Tone.UNKNOWN, "Trying the direct way.")


def test_a_cancelled_story_keeps_what_is_known():
    view = story(StoryState(nat={"anna": STRICT}), WORLD)
    assert view.stage is Stage.CANCELLED
    assert (view.sides[0].word, view.sides[0].tone) == ("Strict", Tone.BAD)
    assert view.sides[0].sentence == "Your router gives every destination its own port."
    assert view.sides[0].advice == ("The router: turn on UPnP.",)
    assert view.sides[1].sentence == "Not checked."


@pytest.mark.parametrize(
    ("connected", "direct", "answer", "word", "tone", "way"),
    [
        (True, True, "Anna and Ben connect directly.", "Direct", Tone.GOOD, "Internet"),
        (True, False, "Anna and Ben connect only over a relay.", "Over a relay", Tone.WARN, "Relay"),
        (False, False, "Anna and Ben cannot connect.", "No connection", Tone.BAD, "Internet"),
    ],
)
def test_how_they_met(connected, direct, answer, word, tone, way):
    view = played(run(connected=connected, direct=direct))
    assert (view.stage, view.answer, view.meeting.word, view.meeting.tone) == (Stage.DONE, answer, word, tone)
    assert [station.title for station in view.meeting.way] == [
        "Anna's laptop", "Anna's router", way, "Ben's router", "Ben's computer",
    ]  # fmt: skip
    assert [station.cut for station in view.meeting.way] == [
        False,
        False,
        not connected,
        not connected,
        False,
    ]
    assert view.meeting.note == "Tried by Peerscope's own engine, in real time."


def test_times_are_told():
    sentence = played(run(connected=True, direct=True, silence_s=30.25)).meeting.sentence
    assert sentence.replace("\N{NARROW NO-BREAK SPACE}", " ") == (
        "Each had the other's first byte 376 ms after they began. The longest silence lasted 30.2 s."
    )


def test_what_is_not_expected_is_told_unless_somebody_laid_hands_on_it():
    odd = run(connected=True, direct=True, as_expected=False)
    assert played(odd).meeting.note.endswith("This is not what the scenario is meant to show.")
    assert "meant" not in played(odd, WORLD).meeting.note


def test_two_at_home_meet_at_their_router():
    home = msgspec.structs.replace(
        UNTOUCHED,
        links=(*(each for each in UNTOUCHED.links if each.a != "ben"), link("ben", "a-router")),
    )
    view = played(run(connected=True, direct=True), home)
    assert [station.title for station in view.meeting.way] == [
        "Anna's laptop",
        "Anna's router",
        "Ben's computer",
    ]


def test_where_somebody_has_two_ways_out_none_is_claimed():
    mobile = TopologyNode("mobile", "Mobile", NodeKind.ROUTER, (), 0.5, 0.6, nat="symmetric")
    two = msgspec.structs.replace(
        UNTOUCHED,
        nodes=(*UNTOUCHED.nodes, mobile),
        links=(*UNTOUCHED.links, link("mobile", "internet"), link("anna", "mobile")),
    )
    for direct, middle in ((True, "Internet"), (False, "Relay")):
        way = played(run(connected=True, direct=direct), two).meeting.way
        assert [station.title for station in way] == [
            "Anna's laptop",
            middle,
            "Ben's router",
            "Ben's computer",
        ]


NEAR = msgspec.structs.replace(
    UNTOUCHED,
    links=(
        *(each for each in UNTOUCHED.links if each.a not in {"anna", "ben"}),
        link("anna", "ben", radio=True),
    ),
)


def test_without_a_network_they_meet_over_bluetooth_or_not_at_all():
    met = run(connected=True, direct=True)
    outcome = msgspec.structs.replace(met.connection, paths=("bluetooth", "bluetooth"))
    view = played(msgspec.structs.replace(met, connection=outcome), NEAR)
    assert (view.answer, view.meeting.word, view.meeting.tone) == (
        "Anna and Ben connect over Bluetooth.",
        "Over Bluetooth",
        Tone.GOOD,
    )
    assert [station.title for station in view.meeting.way] == ["Anna's laptop", "Bluetooth", "Ben's computer"]
    lost = played(run(connected=False, direct=False), NEAR)
    assert lost.meeting.sentence == "Neither Bluetooth nor a network let them through."
    assert [station.cut for station in lost.meeting.way] == [False, True, False]
