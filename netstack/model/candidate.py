"""Addresses at which a peer may be reached, and the story of every attempt to reach it (RFC 8445's words)."""

from enum import StrEnum

import msgspec

from netstack.model.address import Address


class CandidateKind(StrEnum):
    """Where an address comes from, best first."""

    HOST = "host"
    MAPPED = "mapped"
    REFLEXIVE = "reflexive"
    PEER_REFLEXIVE = "peer-reflexive"
    RELAYED = "relayed"


PREFERENCE = {kind: rank for rank, kind in enumerate(CandidateKind)}


class Candidate(msgspec.Struct, frozen=True):
    """One address of a peer."""

    kind: CandidateKind
    address: Address


class PairState(StrEnum):
    """What became of a pair of one of our links and one of their addresses."""

    TRYING = "trying"
    ANSWERED = "answered"
    REFUSED = "refused"
    NO_REPLY = "no-reply"


class PairStory(msgspec.Struct, frozen=True):
    """A pair as a person sees it: `sent` checks, `rtt_s` of the first answer, `heard`: the peer's own checks came in.

    `by_relay`: our end is a relay. `used`: the session rides it.
    """

    kind: CandidateKind
    remote: str
    state: PairState
    sent: int
    heard: bool
    rtt_s: float | None
    by_relay: bool
    used: bool = False
