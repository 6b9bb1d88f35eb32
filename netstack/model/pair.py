"""Two networks seen as a pair: what each side tells of its own, and the verdict on both together."""

from enum import StrEnum

import msgspec

from netstack.model.nat import Filtering, Mapping, Udp, Verdict


class NatFacts(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What one side knows of the network that it is in; None is "not measured".

    `sequential`: a dependent mapping whose next port can be told. `carrier`: a second translation (CGNAT or double NAT)
    that the user cannot configure. `hidden`: the user wants a relay and nothing else. `relay`: one is at hand.
    `guesses`: the user lets many ports be tried.
    `ipv4`, `ipv6`: False where the computer has no address of that kind that could lead to the internet.
    """

    verdict: Verdict = Verdict.UNKNOWN
    udp: Udp = Udp.UNKNOWN
    mapping: Mapping = Mapping.UNKNOWN
    filtering: Filtering = Filtering.UNKNOWN
    sequential: bool = False
    port_mapping: bool | None = None
    carrier: bool | None = None
    hairpin: bool | None = None
    ipv4: bool | None = None
    ipv6: bool | None = None
    hidden: bool = False
    guesses: bool = False
    relay: bool | None = None


class PairRoute(StrEnum):
    """By which way two networks connect; none: not at all; unknown: cannot be told in advance."""

    DIRECT = "direct"
    TCP = "direct-tcp"
    RELAY = "relay"
    NONE = "none"
    UNKNOWN = "unknown"


class PairCause(StrEnum):
    """Why the route is what it is."""

    AS_EXPECTED = "as-expected"
    BETTER_THAN_EXPECTED = "better-than-expected"
    UDP_REPLACED_BY_TCP = "udp-replaced-by-tcp"
    HIDDEN_ADDRESS = "hidden-address"
    NO_COMMON_IP = "no-common-ip-version"
    UDP_BLOCKED = "udp-blocked"
    MAPS_PER_DESTINATION = "maps-per-destination"
    ISOLATED = "isolated"
    STILL_TRYING = "still-trying"
    ONE_WAY = "one-way"
    NOTHING_ARRIVES = "nothing-arrives"
    NO_ANSWER_IN_TIME = "no-answer-in-time"
    NAT_UNKNOWN = "nat-unknown"


class PairSide(StrEnum):
    """Whose side it is."""

    OURS = "ours"
    THEIRS = "theirs"
    BOTH = "both"
    NEITHER = "neither"


class PairVerdict(msgspec.Struct, frozen=True):
    """What both networks let expect, what came out, why, whose side it is, and what helps (empty: nothing to do).

    `sentence` says the first four for people, `words` are the two networks' verdicts, as in "Strict + Moderate".
    """

    expected: PairRoute
    actual: PairRoute
    cause: PairCause
    side: PairSide
    words: str
    sentence: str
    remedy: str = ""
