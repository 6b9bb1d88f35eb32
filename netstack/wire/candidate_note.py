"""What two peers tell each other once they have agreed on a key: names, addresses, and "that was all" (JSON).

The notes travel sealed; a peer may still lie, so every field is bounded and checked.
"""

import ipaddress
import unicodedata
from typing import Annotated

import msgspec

from netstack.errors import DecodeError
from netstack.model.address import Address
from netstack.model.candidate import Candidate, CandidateKind

MAX_BYTES = 1024
MAX_NAME = 40
_Host = Annotated[str, msgspec.Meta(max_length=45)]
_Port = Annotated[int, msgspec.Meta(ge=1, le=65535)]


class About(msgspec.Struct, frozen=True, tag="about", forbid_unknown_fields=False):
    """Who speaks: a name for people, and the verdict on the NAT where it is known."""

    name: Annotated[str, msgspec.Meta(max_length=200)] = ""
    nat: Annotated[str, msgspec.Meta(max_length=20)] | None = None


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


CandidateNote = About | UdpCandidate | TcpCandidate | AllTold
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
        try:
            ip = ipaddress.ip_address(note.host)
        except ValueError as error:
            raise DecodeError(DecodeError.Reason.MALFORMED, "note") from error
        if ip.is_multicast or ip.is_unspecified or str(ip) == "255.255.255.255":
            raise DecodeError(DecodeError.Reason.MALFORMED, "note")
    if isinstance(note, About):
        return msgspec.structs.replace(note, name=plain_name(note.name))
    return note


def plain_name(text: str) -> str:
    """A name that can be shown anywhere: no control, format or line characters, at most 40."""
    kept = "".join(
        char
        for char in unicodedata.normalize("NFC", text)
        if unicodedata.category(char)[0] not in "CZ" or char == " "
    )
    return " ".join(kept.split())[:MAX_NAME]
