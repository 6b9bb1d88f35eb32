"""Why not direct? Every address that was tried, in plain words, and what both networks let expect."""

import msgspec

from app.presenters.quantity import duration
from app.presenters.tone import Tone
from app.presenters.veil import Veil
from netstack.model.candidate import CandidateKind, PairState, PairStory
from netstack.model.nat import Verdict

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
_WORDS = {
    Verdict.OPEN: "Open",
    Verdict.MODERATE: "Moderate",
    Verdict.STRICT: "Strict",
    Verdict.BLOCKED: "Blocked",
}
_VERDICTS = {
    (True, "direct"): "Two such networks connect directly, and do.",
    (True, "relay"): "Two such networks would connect directly, but do not.",
    (True, ""): "Two such networks would connect directly, but found no way.",
    (False, "direct"): "Two such networks need a relay as a rule, and yet are direct.",
    (False, "relay"): "Two such networks need a relay, and use one.",
    (False, ""): "Two such networks need a relay, and there was none.",
    (None, "direct"): "",
    (None, "relay"): "What the two networks let expect is not known.",
    (None, ""): "What the two networks let expect is not known.",
}
MAX_RUNGS = 12


class Rung(msgspec.Struct, frozen=True):
    """One pair: its tone, where it leads, what became of it; `exact` is for the hover."""

    tone: Tone
    place: str
    what: str
    exact: str


class LadderView(msgspec.Struct, frozen=True):
    """The title asks or answers; `verdict` compares with what both networks let expect, `remedy` says who can act."""

    title: str
    verdict: str
    remedy: str
    rungs: tuple[Rung, ...]


def ladder(
    kind: str,
    stories: tuple[PairStory, ...],
    ours: Verdict | None,
    theirs: str | None,
    veil: Veil,
    used: str = "",
) -> LadderView:
    """`kind` is direct, local, relay, or empty where no way was found at all; `used` is the address that carries."""
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
    their_verdict = Verdict(theirs) if theirs in set(Verdict) else None
    expected, remedy = _expected(ours, their_verdict)
    direct = kind in {"direct", "local"}
    ordered = sorted(stories, key=lambda story: (not story.used, _RANK[story.state], -story.sent))
    return LadderView(
        title,
        _VERDICTS[expected, "direct" if direct else kind],
        "" if direct else remedy,
        tuple(_rung(story, veil) for story in ordered[:MAX_RUNGS]),
    )


def _expected(ours: Verdict | None, theirs: Verdict | None) -> tuple[bool | None, str]:
    """Whether such networks connect directly (None: not known), and what would help."""
    check = "Check both networks on the NAT page to learn whose side it is."
    if ours is Verdict.BLOCKED or theirs is Verdict.BLOCKED:
        who = "Your" if ours is Verdict.BLOCKED else "Their"
        return False, f"{who} network lets no UDP out: use another network, or keep the relay."
    if ours in {None, Verdict.UNKNOWN} or theirs in {None, Verdict.UNKNOWN}:
        return None, check
    if Verdict.OPEN in {ours, theirs} or ours is theirs is Verdict.MODERATE:
        return True, "A firewall on one of the computers may be in the way: allow this program in it."
    who = (
        "Both routers give"
        if ours is theirs
        else "Your router gives"
        if ours is Verdict.STRICT
        else "Their router gives"
    )
    remedy = f"{who} every destination its own port (Strict): turn on UPnP there, or forward a port."
    return False, remedy


def _rung(story: PairStory, veil: Veil) -> Rung:
    place, exact = _PLACES[story.kind]
    tone, what = _what(story)
    start = "From your relay to " if story.by_relay else "To "
    return Rung(tone, start + place, what, f"{veil(story.remote)}: {exact}; {_packets(story.sent)} sent")


def _packets(count: int) -> str:
    return "1 packet" if count == 1 else f"{count} packets"


def _what(story: PairStory) -> tuple[Tone, str]:
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
            return Tone.WARN, f"their packets came in; {packets} of ours got no answer"
        case PairState.NO_REPLY:
            return Tone.BAD, f"no reply to {packets}, and nothing came from there"
