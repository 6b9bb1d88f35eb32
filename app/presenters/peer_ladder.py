"""Why not direct? Every address that either side tried, in plain words, and one verdict on both networks."""

import msgspec

from app.presenters.quantity import duration
from app.presenters.tone import Tone
from app.presenters.veil import Veil
from netstack.model.candidate import CandidateKind, PairState, PairStory
from netstack.model.pair import PairCause, PairRoute, PairVerdict

_PLACES = {
    CandidateKind.HOST: ("their computer", "its address in its own network"),
    CandidateKind.MAPPED: ("a port that their router opened", "by UPnP, NAT-PMP or PCP"),
    CandidateKind.REFLEXIVE: ("their router, from outside", "as a STUN server sees it (server-reflexive)"),
    CandidateKind.PEER_REFLEXIVE: (
        "their router, as their packet came",
        "learnt from a packet of theirs (peer-reflexive)",
    ),
    CandidateKind.RELAYED: ("their relay", "an address on a TURN server"),
}
_RANK = {PairState.ANSWERED: 0, PairState.TRYING: 1, PairState.NO_REPLY: 2, PairState.REFUSED: 3}
MAX_RUNGS = 12


class Rung(msgspec.Struct, frozen=True):
    """One pair: its tone, where it leads, what became of it; `exact` is for the hover."""

    tone: Tone
    place: str
    what: str
    exact: str


class LadderView(msgspec.Struct, frozen=True):
    """The title asks or answers, `verdict` and `remedy` are those of the pair.

    `rungs` are our pairs, `theirs` those of the other side as it tells them; `names` head the two.
    """

    title: str
    verdict: str
    remedy: str
    rungs: tuple[Rung, ...]
    theirs: tuple[Rung, ...] = ()
    names: tuple[str, str] = ("", "")
    note: str = ""


def ladder(
    kind: str,
    stories: tuple[PairStory, ...],
    veil: Veil,
    *,
    used: str = "",
    verdict: PairVerdict | None = None,
    theirs: tuple[PairStory, ...] | None = None,
    name: str = "",
) -> LadderView:
    """`kind` is direct, local, relay, or empty where no way was found at all; `used` is the address that carries.

    `theirs` None: the other side, whose `name` is given, has not told what it saw.
    """
    by_relay = kind == "relay" and not any(
        story.remote == used and story.kind is CandidateKind.RELAYED and not story.by_relay
        for story in stories
    )
    stories = tuple(
        msgspec.structs.replace(story, used=True)
        if story.remote == used and story.by_relay is by_relay and story.state is PairState.ANSWERED
        else story
        for story in stories
    )
    title = {
        "direct": "Direct: packets take no detour",
        "local": "Direct: you are in the same network",
        "relay": "Why not direct?",
    }.get(kind, "Why was no way found?")
    who = name or "The other side"
    # Direct between two unchecked networks: there is nothing to compare it with.
    idle = verdict is None or (
        verdict.cause is PairCause.AS_EXPECTED and verdict.expected is PairRoute.UNKNOWN
    )
    return LadderView(
        title,
        "" if verdict is None or idle else verdict.sentence,
        "" if verdict is None else verdict.remedy,
        _rungs(stories, veil, theirs=False),
        _rungs(theirs or (), veil, theirs=True),
        ("What you tried", f"What {name or 'the other side'} tried"),
        "" if theirs is not None else f"{who} has not told yet what it tried.",
    )


def _rungs(stories: tuple[PairStory, ...], veil: Veil, *, theirs: bool) -> tuple[Rung, ...]:
    ordered = sorted(stories, key=lambda story: (not story.used, _RANK[story.state], -story.sent))
    return tuple(_rung(story, veil, theirs=theirs) for story in ordered[:MAX_RUNGS])


def _rung(story: PairStory, veil: Veil, *, theirs: bool) -> Rung:
    """On their ladder "their" is "your", and packets of theirs are looked at from their side."""
    place, exact = _PLACES[story.kind]
    tone, what = _what(story, theirs=theirs)
    start = f"From {'their' if theirs else 'your'} relay to " if story.by_relay else "To "
    if theirs:
        place, exact = place.replace("their", "your"), exact.replace("of theirs", "of yours")
    return Rung(tone, start + place, what, f"{veil(story.remote)}: {exact}; {_packets(story.sent)} sent")


def _packets(count: int) -> str:
    return "1 packet" if count == 1 else f"{count} packets"


def _what(story: PairStory, *, theirs: bool) -> tuple[Tone, str]:
    packets = _packets(story.sent)
    match story.state:
        case PairState.ANSWERED:
            took = f" in {duration(story.rtt_s)}" if story.rtt_s is not None else ""
            return Tone.GOOD, f"answered{took}{', in use' if story.used else ''}"
        case PairState.TRYING:
            return Tone.UNKNOWN, "was still being tried" if story.sent else "was not needed any more"
        case PairState.REFUSED:
            return Tone.BAD, "refused: nothing listens there, or a firewall rejects it"
        case PairState.NO_REPLY if story.heard:
            came, sent = (
                ("your packets came in there", "theirs") if theirs else ("their packets came in", "ours")
            )
            return Tone.WARN, f"{came}; {packets} of {sent} got no answer"
        case PairState.NO_REPLY:
            return Tone.BAD, f"no reply to {packets}, and nothing came from there"
