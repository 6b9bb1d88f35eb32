"""The notes that two who meet leave for each other in a mailbox; docs/wire.md section 7 says why each is safe."""

import struct
from enum import IntEnum

import msgspec

from netstack.errors import DecodeError

VERSION = 0x71
MAX_BYTES = 4096
ID_BYTES, ELEMENT_BYTES, PROOF_BYTES = 8, 32, 32
MIN_SEALED, MAX_SEALED = 17, 4000
_SEALED = struct.Struct("!8sBI")


class Refusal(IntEnum):
    """Why a host does not take a guest's reply."""

    WRONG = 1
    USED = 2
    ENDED = 3
    STALE = 4


class Hello(msgspec.Struct, frozen=True):
    """A guest is here and waits for an offer."""

    guest: bytes


class Offer(msgspec.Struct, frozen=True):
    """A host's SPAKE2 element for one attempt."""

    attempt: bytes
    element: bytes


class Reply(msgspec.Struct, frozen=True):
    """A guest's SPAKE2 element, and the proof that it has the key."""

    attempt: bytes
    guest: bytes
    element: bytes
    proof: bytes


class Confirm(msgspec.Struct, frozen=True):
    """A host's proof that it has the key, too."""

    attempt: bytes
    guest: bytes
    proof: bytes


class Refused(msgspec.Struct, frozen=True):
    """A host does not take a guest; `failures` is how many wrong codes it has seen."""

    guest: bytes
    reason: Refusal
    failures: int


class Sealed(msgspec.Struct, frozen=True):
    """After the confirmation: a note that only the two can read. `from_host` gives it its direction."""

    attempt: bytes
    from_host: bool
    number: int
    box: bytes


_OfBytes = Hello | Offer | Reply | Confirm
Signal = _OfBytes | Refused | Sealed

_KINDS: dict[int, tuple[type[_OfBytes], tuple[int, ...]]] = {
    1: (Hello, (ID_BYTES,)),
    2: (Offer, (ID_BYTES, ELEMENT_BYTES)),
    3: (Reply, (ID_BYTES, ID_BYTES, ELEMENT_BYTES, PROOF_BYTES)),
    4: (Confirm, (ID_BYTES, ID_BYTES, PROOF_BYTES)),
}
_NUMBERS = {kind: number for number, (kind, _) in _KINDS.items()}
_REFUSED, _SEALED_KIND = 5, 6


def encode(signal: Signal) -> bytes:
    """Writes a note. Raises ValueError where a field has not its size."""
    if isinstance(signal, Refused):
        fields = [signal.guest, bytes((signal.reason, min(signal.failures, 255)))]
        sizes: tuple[int, ...] = (ID_BYTES, 2)
        number = _REFUSED
    elif isinstance(signal, Sealed):
        if not MIN_SEALED <= len(signal.box) <= MAX_SEALED or not 0 <= signal.number < 2**32:
            raise ValueError("a sealed note of a wrong size")
        head = _SEALED.pack(signal.attempt, signal.from_host, signal.number)
        return bytes((VERSION, _SEALED_KIND)) + head + signal.box
    else:
        number = _NUMBERS[type(signal)]
        sizes = _KINDS[number][1]
        fields = [getattr(signal, name) for name in signal.__struct_fields__]
    if tuple(map(len, fields)) != sizes:
        raise ValueError("a field has not its size")
    return bytes((VERSION, number)) + b"".join(fields)


def decode(data: bytes) -> Signal:
    """Reads a note. Raises DecodeError."""
    if len(data) > MAX_BYTES:
        raise DecodeError(DecodeError.Reason.OVERSIZED, "note")
    if len(data) < 2:
        raise DecodeError(DecodeError.Reason.TRUNCATED, "note")
    if data[0] != VERSION:
        raise DecodeError(DecodeError.Reason.WRONG_VERSION, "note")
    number, body = data[1], data[2:]
    if number == _SEALED_KIND:
        return _decode_sealed(body)
    if number == _REFUSED:
        if len(body) != ID_BYTES + 2 or body[ID_BYTES] not in set(Refusal):
            raise DecodeError(DecodeError.Reason.MALFORMED, "refusal")
        return Refused(body[:ID_BYTES], Refusal(body[ID_BYTES]), body[ID_BYTES + 1])
    if number not in _KINDS:
        raise DecodeError(DecodeError.Reason.MALFORMED, f"a note of kind {number}")
    kind, sizes = _KINDS[number]
    if len(body) != sum(sizes):
        raise DecodeError(DecodeError.Reason.MALFORMED, "a note of a wrong size")
    fields = []
    for size in sizes:
        fields.append(body[:size])
        body = body[size:]
    return kind(*fields)


def _decode_sealed(body: bytes) -> Sealed:
    if not _SEALED.size + MIN_SEALED <= len(body) <= _SEALED.size + MAX_SEALED:
        raise DecodeError(DecodeError.Reason.MALFORMED, "a sealed note of a wrong size")
    attempt, direction, number = _SEALED.unpack_from(body)
    if direction > 1:
        raise DecodeError(DecodeError.Reason.MALFORMED, "a sealed note of no direction")
    return Sealed(attempt, bool(direction), number, body[_SEALED.size :])
