"""Why not direct?"""

import pytest

from app.presenters.peer_ladder import MAX_RUNGS, Rung, ladder
from app.presenters.tone import Tone
from app.presenters.veil import Veil
from netstack.model.candidate import CandidateKind, PairState, PairStory
from netstack.model.nat import Verdict

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
    assert ladder("relay", (told,), None, None, NONE).rungs == (rung,)


V = Verdict


@pytest.mark.parametrize(
    ("kind", "ours", "theirs", "title", "verdict", "remedy"),
    [
        (
            "direct",
            V.MODERATE,
            "moderate",
            "Direct: packets take no detour",
            "Two such networks connect directly, and do.",
            "",
        ),
        ("local", None, None, "Direct: you are in the same network", "", ""),
        (
            "relay",
            V.STRICT,
            "moderate",
            "Why not direct?",
            "Two such networks need a relay, and use one.",
            "Your router gives every",
        ),
        (
            "relay",
            V.MODERATE,
            "strict",
            "Why not direct?",
            "Two such networks need a relay, and use one.",
            "Their router gives every",
        ),
        (
            "relay",
            V.STRICT,
            "strict",
            "Why not direct?",
            "Two such networks need a relay, and use one.",
            "Both routers give every",
        ),
        (
            "relay",
            V.OPEN,
            "strict",
            "Why not direct?",
            "Two such networks would connect directly, but do not.",
            "A firewall",
        ),
        (
            "direct",
            V.STRICT,
            "moderate",
            "Direct: packets take no detour",
            "Two such networks need a relay as a rule, and yet are direct.",
            "",
        ),
        (
            "",
            V.BLOCKED,
            "open",
            "Why was no way found?",
            "Two such networks need a relay, and there was none.",
            "Your network lets no UDP out",
        ),
        (
            "",
            V.OPEN,
            "blocked",
            "Why was no way found?",
            "Two such networks need a relay, and there was none.",
            "Their network lets no UDP out",
        ),
        (
            "relay",
            V.MODERATE,
            "<b>nonsense</b>",
            "Why not direct?",
            "What the two networks let expect is not known.",
            "Check both networks",
        ),
        (
            "",
            None,
            None,
            "Why was no way found?",
            "What the two networks let expect is not known.",
            "Check both networks",
        ),
    ],
)
def test_what_was_expected_what_came_and_who_can_act(kind, ours, theirs, title, verdict, remedy) -> None:
    view = ladder(kind, (), ours, theirs, NONE)
    assert (view.title, view.verdict) == (title, verdict)
    assert view.remedy.startswith(remedy)
    assert bool(view.remedy) == bool(remedy)


def test_what_is_used_comes_first_and_there_are_not_too_many() -> None:
    many = tuple(story(sent=n) for n in range(30))
    best = story(state=S.ANSWERED, used=True)
    rungs = ladder("direct", (*many, best), None, None, NONE).rungs
    assert len(rungs) == MAX_RUNGS
    assert rungs[0].tone is Tone.GOOD


def test_the_pair_that_carries_is_marked() -> None:
    pairs = (story(state=S.ANSWERED), story(state=S.ANSWERED, relay=True))
    direct = ladder("direct", pairs, None, None, NONE, "203.0.113.7:4000")
    assert [rung.what for rung in direct.rungs] == ["answered, in use", "answered"]
    assert direct.rungs[0].place == "To their router, from outside"
    relayed = ladder("relay", pairs, None, None, NONE, "203.0.113.7:4000")
    assert relayed.rungs[0].place == "From your relay to their router, from outside"


def test_addresses_may_be_hidden() -> None:
    view = ladder("direct", (story(),), None, None, Veil(["203.0.113.7"]))
    assert "203.0.113.7" not in view.rungs[0].exact
