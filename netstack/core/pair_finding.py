"""A pair's verdict as a finding of the doctor: whose side, and what they change. Pure."""

from typing import Final

from netstack.model.doctor import Finding, PeerReport, Severity, Side
from netstack.model.pair import PairCause, PairRoute, PairSide

_FINE: Final = frozenset({PairCause.AS_EXPECTED, PairCause.BETTER_THAN_EXPECTED, PairCause.STILL_TRYING})
_OURS: Final = {
    PairCause.HIDDEN_ADDRESS: Side.PC,
    PairCause.NO_COMMON_IP: Side.NETWORK,
    PairCause.UDP_BLOCKED: Side.NETWORK,
    PairCause.ISOLATED: Side.NETWORK,
    PairCause.ONE_WAY: Side.PC,
    PairCause.NOTHING_ARRIVES: Side.PC,
    PairCause.UDP_REPLACED_BY_TCP: Side.PC,
    PairCause.NAT_UNKNOWN: Side.PC,
}


def pair_finding(peer: PeerReport) -> Finding | None:
    """None where the two are connected as well as two such networks can be.

    A problem when they are not connected, a hint otherwise: a relay works, if slower.
    """
    pair = peer.pair
    if pair.cause in _FINE:
        return None
    theirs = pair.side is PairSide.THEIRS
    return Finding(
        rule=f"pair.{pair.cause.value}",
        severity=Severity.PROBLEM if pair.actual is PairRoute.NONE else Severity.HINT,
        side=Side.PEER if theirs else _OURS.get(pair.cause, Side.ROUTER),
        title=f"You and {peer.name or 'the other side'} are not connected directly.",
        evidence=(pair.sentence,),
        remedy=pair.remedy,
        letter_to="friend" if theirs and pair.remedy else "",
        letter=f"Peerscope says of the two of us: {pair.sentence}\n{pair.remedy}"
        if theirs and pair.remedy
        else "",
    )
