"""Everything that a side tells of itself in as few bytes as a QR code likes: docs/wire.md section 7.1.

Name and network are msgpack; an address is a byte for its kind and family, the address, and the port.
"""

import ipaddress
import struct
from collections.abc import Iterable
from typing import Annotated, Final

import msgspec

from netstack.errors import DecodeError
from netstack.model.candidate import CandidateKind
from netstack.model.pair import NatFacts
from netstack.wire.candidate_note import (
    MAX_NAME,
    About,
    CandidateNote,
    NatNote,
    TcpCandidate,
    UdpCandidate,
    check_host,
    plain_name,
)

MAX_CANDIDATES: Final = 30
_KINDS: Final = tuple(CandidateKind)
_TCP: Final = len(_KINDS)
_IPV6: Final = 0x80
_PORT: Final = struct.Struct("!H")


class _Pack(msgspec.Struct, frozen=True, array_like=True, omit_defaults=True):
    name: Annotated[str, msgspec.Meta(max_length=200)]
    addresses: Annotated[bytes, msgspec.Meta(max_length=1024)]
    facts: NatFacts = NatFacts()


_decoder = msgspec.msgpack.Decoder(_Pack)


def pack(notes: Iterable[CandidateNote], max_bytes: int) -> bytes:
    """As many addresses as fit, in their order; the rest is left out."""
    name, facts, addresses = "", NatFacts(), b""
    candidates: list[UdpCandidate | TcpCandidate] = []
    for note in notes:
        if isinstance(note, About):
            name = plain_name(note.name)[:MAX_NAME]
        elif isinstance(note, NatNote):
            facts = note.facts
        elif isinstance(note, UdpCandidate | TcpCandidate) and note not in candidates:
            candidates.append(note)
    room = max_bytes - len(msgspec.msgpack.encode(_Pack(name, b"", facts))) - 4
    for candidate in candidates[:MAX_CANDIDATES]:
        packed = _packed(candidate)
        if len(addresses) + len(packed) <= room:
            addresses += packed
    return msgspec.msgpack.encode(_Pack(name, addresses, facts))


def unpack(data: bytes) -> list[CandidateNote]:
    """The notes that it stands for. Raises DecodeError."""
    try:
        whole = _decoder.decode(data)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise DecodeError(DecodeError.Reason.MALFORMED, "addresses") from error
    notes: list[CandidateNote] = [About(plain_name(whole.name)), NatNote(whole.facts)]
    at = 0
    try:
        while at < len(whole.addresses):
            first = whole.addresses[at]
            size = 16 if first & _IPV6 else 4
            host = str(ipaddress.ip_address(whole.addresses[at + 1 : at + 1 + size]))
            (port,) = _PORT.unpack_from(whole.addresses, at + 1 + size)
            at += 1 + size + _PORT.size
            kind = first & ~_IPV6
            check_host(host)
            if not port or kind > _TCP or len(notes) >= MAX_CANDIDATES + 2:
                raise DecodeError(DecodeError.Reason.MALFORMED, "addresses")
            notes.append(TcpCandidate(host, port) if kind == _TCP else UdpCandidate(_KINDS[kind], host, port))
    except (ValueError, struct.error) as error:
        raise DecodeError(DecodeError.Reason.MALFORMED, "addresses") from error
    return notes


def _packed(candidate: UdpCandidate | TcpCandidate) -> bytes:
    ip = ipaddress.ip_address(candidate.host)
    kind = _KINDS.index(candidate.kind) if isinstance(candidate, UdpCandidate) else _TCP
    return bytes((kind | (_IPV6 if ip.version == 6 else 0),)) + ip.packed + _PORT.pack(candidate.port)
