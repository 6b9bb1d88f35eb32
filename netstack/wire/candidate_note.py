"""What two peers tell each other once they have agreed on a key (JSON): names, networks, addresses, what they saw.

The notes travel sealed, by a mailbox or inside the session; a peer may still lie, so every field is bounded and checked.
"""

import ipaddress
import unicodedata
from collections.abc import Iterable
from enum import StrEnum
from itertools import islice
from typing import Annotated

import msgspec

from netstack.errors import DecodeError
from netstack.model.address import Address
from netstack.model.candidate import Candidate, CandidateKind, PairState, PairStory
from netstack.model.pair import NatFacts
from netstack.wire import ice_description
from netstack.wire.ice_description import IceDescription

MAX_BYTES = 1024
MAX_NAME = 40
MAX_RUNGS = 12
MAX_SENT = 9999
MAX_RTT_S = 99.0
_Host = Annotated[str, msgspec.Meta(max_length=45)]
_Port = Annotated[int, msgspec.Meta(ge=1, le=65535)]


class About(msgspec.Struct, frozen=True, tag="about", forbid_unknown_fields=False):
    """Who speaks: a name for people."""

    name: Annotated[str, msgspec.Meta(max_length=200)] = ""


class NatNote(msgspec.Struct, frozen=True, tag="nat"):
    """What the sender knows of its network; a later one replaces it."""

    facts: NatFacts


class UdpCandidate(msgspec.Struct, frozen=True, tag="udp"):
    """An address to punch at."""

    kind: CandidateKind
    host: _Host
    port: _Port

    def candidate(self) -> Candidate:
        """As a value."""
        return Candidate(self.kind, Address(self.host, self.port))


class TcpCandidate(msgspec.Struct, frozen=True, tag="tcp"):
    """An address that listens for TCP."""

    host: _Host
    port: _Port


class AllTold(msgspec.Struct, frozen=True, tag="end"):
    """No more addresses will follow."""


class _Rung(msgspec.Struct, frozen=True, array_like=True):
    """One pair of a ladder: short, so that twelve fit a note."""

    kind: CandidateKind
    remote: Annotated[str, msgspec.Meta(max_length=60)]
    state: PairState
    sent: Annotated[int, msgspec.Meta(ge=0, le=MAX_SENT)]
    heard: bool
    rtt_s: Annotated[float, msgspec.Meta(ge=0, le=MAX_RTT_S)] | None
    by_relay: bool


class LadderNote(msgspec.Struct, frozen=True, tag="ladder"):
    """What became of the sender's pairs; a later one replaces it."""

    rungs: Annotated[tuple[_Rung, ...], msgspec.Meta(max_length=MAX_RUNGS)]

    @classmethod
    def of(cls, stories: Iterable[PairStory]) -> "LadderNote":
        """The first twelve; fewer where addresses are so long that they would not fit a note."""
        rungs = [
            _Rung(
                story.kind,
                story.remote,
                story.state,
                min(story.sent, MAX_SENT),
                story.heard,
                None if story.rtt_s is None else round(min(max(story.rtt_s, 0.0), MAX_RTT_S), 4),
                story.by_relay,
            )
            for story in islice(stories, MAX_RUNGS)
        ]
        while len(msgspec.json.encode(cls(tuple(rungs)))) > MAX_BYTES:
            rungs.pop()
        return cls(tuple(rungs))

    def stories(self) -> tuple[PairStory, ...]:
        """As values; addresses come back as those, or as nothing."""
        return tuple(
            PairStory(
                rung.kind,
                rung.remote if _is_address(rung.remote) else "",
                rung.state,
                rung.sent,
                rung.heard,
                rung.rtt_s,
                rung.by_relay,
            )
            for rung in self.rungs
        )


class Again(msgspec.Struct, frozen=True, tag="again"):
    """The sender's network has changed, or it tries once more: forget its addresses, and tell yours again."""


class WebRtcStep(StrEnum):
    """The host asks the guest to offer; the guest offers; the host answers."""

    ASK = "ask"
    OFFER = "offer"
    ANSWER = "answer"


class WebRtcNote(msgspec.Struct, frozen=True, tag="webrtc"):
    """A step towards a WebRTC connection, with the sender's description where it is an offer or an answer."""

    step: WebRtcStep
    description: IceDescription | None = None

    @classmethod
    def of(cls, step: WebRtcStep, description: IceDescription) -> "WebRtcNote":
        """With as many of the addresses as fit a note, the best first."""
        candidates = description.candidates
        while True:
            note = cls(step, msgspec.structs.replace(description, candidates=candidates))
            if len(msgspec.json.encode(note)) <= MAX_BYTES or not candidates:
                return note
            candidates = candidates[:-1]


CandidateNote = About | NatNote | UdpCandidate | TcpCandidate | AllTold | LadderNote | Again | WebRtcNote
_decoder: msgspec.json.Decoder[CandidateNote] = msgspec.json.Decoder(CandidateNote)


def encode(note: CandidateNote) -> bytes:
    """As UTF-8 JSON."""
    return msgspec.json.encode(note)


def decode(data: bytes) -> CandidateNote:
    """Reads a note. Raises DecodeError; a name comes back without control and direction characters."""
    if len(data) > MAX_BYTES:
        raise DecodeError(DecodeError.Reason.OVERSIZED, "note")
    try:
        note: CandidateNote = _decoder.decode(data)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise DecodeError(DecodeError.Reason.MALFORMED, "note") from error
    if isinstance(note, UdpCandidate | TcpCandidate):
        check_host(note.host)
    if isinstance(note, WebRtcNote) and note.description is not None:
        ice_description.check(note.description)
    if isinstance(note, About):
        return msgspec.structs.replace(note, name=plain_name(note.name))
    return note


def check_host(host: str) -> None:
    """Raises DecodeError for what is no address of one computer."""
    try:
        ip = ipaddress.ip_address(host)
    except ValueError as error:
        raise DecodeError(DecodeError.Reason.MALFORMED, "address") from error
    if ip.is_multicast or ip.is_unspecified or str(ip) == "255.255.255.255":
        raise DecodeError(DecodeError.Reason.MALFORMED, "address")


def plain_name(text: str) -> str:
    """A name that can be shown anywhere: no control, format or line characters, at most 40."""
    kept = "".join(
        char
        for char in unicodedata.normalize("NFC", text)
        if unicodedata.category(char)[0] not in "CZ" or char == " "
    )
    return " ".join(kept.split())[:MAX_NAME]


def _is_address(text: str) -> bool:
    """`HOST:PORT` or `[HOST]:PORT`, numeric."""
    host, _, port = text.rpartition(":")
    try:
        ipaddress.ip_address(host.removeprefix("[").removesuffix("]"))
    except ValueError:
        return False
    return port.isascii() and port.isdigit() and len(port) <= 5
