"""Why not direct?"""

import pytest

from app.presenters.peer_ladder import MAX_RUNGS, Rung, ladder
from app.presenters.tone import Tone
from app.presenters.veil import Veil
from netstack.core.pair_verdict import judge
from netstack.model.candidate import CandidateKind, PairState, PairStory
from netstack.model.nat import Verdict
from netstack.model.pair import NatFacts, PairRoute

NONE = Veil(())
K, S = CandidateKind, PairState


def story(
    kind=K.REFLEXIVE, state=S.NO_REPLY, sent=7, heard=False, rtt_s=None, relay=False, used=False
) -> PairStory:
    return PairStory(kind, "203.0.113.7:4000", state, sent, heard, rtt_s, relay, used)


@pytest.mark.parametrize(
    ("told", "rung"),
    [
        (
            story(),
            Rung(
                Tone.BAD,
                "To their router, from outside",
                "no reply to 7 packets, and nothing came from there",
                "203.0.113.7:4000: as a STUN server sees it (server-reflexive); 7 packets sent",
            ),
        ),
        (
            story(K.HOST, S.ANSWERED, rtt_s=0.0123, used=True),
            Rung(
                Tone.GOOD,
                "To their computer",
                "answered in 12.3\u202fms, in use",
                "203.0.113.7:4000: its address in its own network; 7 packets sent",
            ),
        ),
        (
            story(K.PEER_REFLEXIVE, heard=True, sent=1),
            Rung(
                Tone.WARN,
                "To their router, as their packet came",
                "their packets came in; 1 packet of ours got no answer",
                "203.0.113.7:4000: learnt from a packet of theirs (peer-reflexive); 1 packet sent",
            ),
        ),
        (
            story(K.RELAYED, S.REFUSED, relay=True),
            Rung(
                Tone.BAD,
                "From your relay to their relay",
                "refused: nothing listens there, or a firewall rejects it",
                "203.0.113.7:4000: an address on a TURN server; 7 packets sent",
            ),
        ),
        (
            story(K.MAPPED, S.TRYING, sent=0),
            Rung(
                Tone.UNKNOWN,
                "To a port that their router opened",
                "was not needed any more",
                "203.0.113.7:4000: by UPnP, NAT-PMP or PCP; 0 packets sent",
            ),
        ),
    ],
)
def test_every_story_in_words(told: PairStory, rung: Rung) -> None:
    assert ladder("relay", (told,), NONE).rungs == (rung,)


def test_the_verdict_on_the_pair_is_shown_as_it_is() -> None:
    verdict = judge(
        NatFacts(verdict=Verdict.STRICT),
        NatFacts(verdict=Verdict.MODERATE),
        PairRoute.RELAY,
        their_name="Ana",
    )
    view = ladder("relay", (story(),), NONE, verdict=verdict, name="Ana")
    assert view.title == "Why not direct?"
    assert view.verdict == verdict.sentence
    assert view.remedy == verdict.remedy
    assert ladder("", (), NONE).title == "Why was no way found?"
    assert ladder("local", (), NONE).verdict == ""


def test_the_other_side_speaks_of_us() -> None:
    theirs = (story(heard=True), story(K.RELAYED, relay=True, sent=0, state=S.TRYING))
    view = ladder("relay", (), NONE, theirs=theirs, name="Ana")
    assert view.names == ("What you tried", "What Ana tried")
    assert [(rung.place, rung.what) for rung in view.theirs] == [
        ("From their relay to your relay", "was not needed any more"),
        ("To your router, from outside", "your packets came in there; 7 packets of theirs got no answer"),
    ]
    assert view.note == ""


def test_a_side_that_has_not_told_is_said_to_be_silent() -> None:
    assert ladder("relay", (), NONE, name="Ana").note == "Ana has not told yet what it tried."


def test_what_is_used_comes_first_and_there_are_not_too_many() -> None:
    many = tuple(story(sent=n) for n in range(30))
    best = story(state=S.ANSWERED, used=True)
    rungs = ladder("direct", (*many, best), NONE).rungs
    assert len(rungs) == MAX_RUNGS
    assert rungs[0].tone is Tone.GOOD


def test_the_pair_that_carries_is_marked() -> None:
    pairs = (story(state=S.ANSWERED), story(state=S.ANSWERED, relay=True))
    direct = ladder("direct", pairs, NONE, used="203.0.113.7:4000")
    assert [rung.what for rung in direct.rungs] == ["answered, in use", "answered"]
    assert direct.rungs[0].place == "To their router, from outside"
    relayed = ladder("relay", pairs, NONE, used="203.0.113.7:4000")
    assert relayed.rungs[0].place == "From your relay to their router, from outside"


def test_addresses_may_be_hidden() -> None:
    view = ladder("direct", (story(),), Veil(["203.0.113.7"]))
    assert "203.0.113.7" not in view.rungs[0].exact
