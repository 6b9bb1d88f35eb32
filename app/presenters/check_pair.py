"""Whoever is connected, as a pair with us: by which way, why, and what would help."""

import msgspec

from app.presenters.peer_talk import TRANSPORTS
from app.presenters.tone import Tone
from app.presenters.veil import Veil
from netstack.model.pair import PairRoute
from netstack.model.peers import PeersState


class PairView(msgspec.Struct, frozen=True):
    """One peer: `title` is who and by which way."""

    title: str
    sentence: str
    remedy: str
    tone: Tone


def pair_views(peers: PeersState, veil: Veil) -> tuple[PairView, ...]:
    """Those who are connected and whose network was judged together with ours."""
    return tuple(
        PairView(
            f"You and {each.name}: {each.kind} ({TRANSPORTS.get(each.transport, each.transport)})",
            veil(each.verdict.sentence),
            veil(each.verdict.remedy),
            Tone.WARN if each.verdict.actual in {PairRoute.RELAY, PairRoute.NONE} else Tone.GOOD,
        )
        for each in peers.conversations
        if not each.ended and each.verdict is not None
    )
