"""The ten kinds of NAT in words that players know, with the term of RFC 4787 behind them."""

import msgspec

from app.presenters.tone import Tone


class KindWords(msgspec.Struct, frozen=True):
    """`word` and `tone`: what it means for play. `short` fits a table's edge. `plain`: what the box does."""

    word: str
    tone: Tone
    short: str
    plain: str
    term: str


_EIM, _ADM, _APDM = (
    f"{kind} mapping" for kind in ("endpoint-independent", "address-dependent", "address- and port-dependent")
)
_APDF = "address- and port-dependent filtering"

_KINDS = {
    "open": KindWords(
        "Open", Tone.GOOD, "Open", "It lets everybody through and translates nothing.", "no NAT, no filtering"
    ),
    "firewall": KindWords(
        "Moderate",
        Tone.WARN,
        "Firewall",
        "It translates nothing, and lets in only answers to what was sent.",
        f"no translation, {_APDF}",
    ),
    "full-cone": KindWords(
        "Open",
        Tone.GOOD,
        "Full cone",
        "It keeps one public port for a program, and lets everybody in through it.",
        f"{_EIM}, endpoint-independent filtering",
    ),
    "address-restricted": KindWords(
        "Moderate",
        Tone.WARN,
        "Restricted",
        "It keeps one public port, and lets in whoever was written to, from any of their ports.",
        f"{_EIM}, address-dependent filtering",
    ),
    "port-restricted": KindWords(
        "Moderate",
        Tone.WARN,
        "Port-restricted",
        "It keeps one public port, and lets in answers from exactly the port that was written to.",
        f"{_EIM}, {_APDF}",
    ),
    "port-restricted-nopreserve": KindWords(
        "Moderate",
        Tone.WARN,
        "Port-restr., new port",
        "It gives each program some other public port and keeps it; only exact answers come in.",
        f"{_EIM}, {_APDF}, no port preservation",
    ),
    "addr-dep-mapping": KindWords(
        "Strict",
        Tone.BAD,
        "Symmetric by address",
        "It takes another public port for every computer that is written to.",
        f"{_ADM}, {_APDF}",
    ),
    "symmetric": KindWords(
        "Strict",
        Tone.BAD,
        "Symmetric, random",
        "It takes another random public port for every destination.",
        f"{_APDM}, {_APDF}",
    ),
    "symmetric-seq": KindWords(
        "Strict",
        Tone.BAD,
        "Symmetric, counting",
        "It takes the next public port for every destination.",
        f"{_APDM}, {_APDF}, sequential ports",
    ),
    "udp-blocked": KindWords(
        "Blocked", Tone.BAD, "UDP blocked", "It lets no UDP out: only web-like traffic passes.", "UDP blocked"
    ),
}


def kind_words(kind: str) -> KindWords:
    """The words for a kind of the lab; an unknown one is called by its name."""
    return _KINDS.get(kind) or KindWords(kind, Tone.UNKNOWN, kind, "", "")
