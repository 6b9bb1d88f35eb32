"""STUN messages (RFC 8489) with the attributes of `stun_attributes`: bytes to `StunMessage` and back."""

import hashlib
import hmac
import struct
import zlib
from enum import IntEnum
from typing import Any, Literal, TypeVar

import msgspec

from netstack.errors import DecodeError
from netstack.model.address import Address
from netstack.wire import stun_attributes as attr
from netstack.wire.saslprep import saslprep
from netstack.wire.stun_attributes import MAGIC_COOKIE, Attribute, ChangeRequest, ErrorCode, Kind

T = TypeVar("T")

HEADER_BYTES = 20
MAX_ATTRIBUTES = 256
_HEADER = struct.Struct("!HH16s")
_TLV = struct.Struct("!HH")
_FINGERPRINT_XOR = 0x5354554E
SHA256_BYTES = 32
_TRAILERS = (attr.MESSAGE_INTEGRITY.code, attr.MESSAGE_INTEGRITY_SHA256.code, attr.FINGERPRINT.code)


class Method(IntEnum):
    """Methods of STUN (RFC 8489), TURN (RFC 8656) and TURN over TCP (RFC 6062)."""

    BINDING = 0x001
    ALLOCATE = 0x003
    REFRESH = 0x004
    SEND = 0x006
    DATA = 0x007
    CREATE_PERMISSION = 0x008
    CHANNEL_BIND = 0x009
    CONNECT = 0x00A
    CONNECTION_BIND = 0x00B
    CONNECTION_ATTEMPT = 0x00C


class MessageClass(IntEnum):
    """What a message is."""

    REQUEST = 0
    INDICATION = 1
    SUCCESS = 2
    ERROR = 3


_METHODS = {int(method): method for method in Method}


class StunMessage(msgspec.Struct, frozen=True):
    """One message.

    `method` is a `Method` where it is known. `transaction_id` has 12 bytes, or 16 in a message of RFC 3489,
    which has no magic cookie. The lookups give None where the attribute is absent.
    """

    method: int
    message_class: MessageClass
    transaction_id: bytes
    attributes: tuple[Attribute, ...] = ()

    def get(self, kind: Kind[T]) -> T | None:
        """The value of the first attribute of this kind (RFC 8489 section 14: later ones are ignored)."""
        for attribute in self.attributes:
            if attribute.code == kind.code:
                value: T = attribute.value
                return value
        return None

    def get_all(self, kind: Kind[T]) -> tuple[T, ...]:
        """The values of every attribute of this kind, in order."""
        return tuple(found.value for found in self.attributes if found.code == kind.code)

    @property
    def mapped_address(self) -> Address | None:
        """Where the server saw the request come from: XOR-MAPPED-ADDRESS, else MAPPED-ADDRESS."""
        return self.get(attr.XOR_MAPPED_ADDRESS) or self.get(attr.MAPPED_ADDRESS)

    @property
    def other_address(self) -> Address | None:
        """The server's other IP address and port: OTHER-ADDRESS, else the CHANGED-ADDRESS of RFC 3489."""
        return self.get(attr.OTHER_ADDRESS) or self.get(attr.CHANGED_ADDRESS)

    @property
    def response_origin(self) -> Address | None:
        """Where the server says it answered from: RESPONSE-ORIGIN, else SOURCE-ADDRESS of RFC 3489."""
        return self.get(attr.RESPONSE_ORIGIN) or self.get(attr.SOURCE_ADDRESS)

    @property
    def error(self) -> ErrorCode | None:
        """ERROR-CODE: `code` and `reason`."""
        return self.get(attr.ERROR_CODE)

    @property
    def unknown_required(self) -> tuple[int, ...]:
        """Code points that a reader must understand and this codec does not (to be answered with 420)."""
        return tuple(
            dict.fromkeys(a.code for a in self.attributes if a.code < 0x8000 and a.code not in attr.KINDS)
        )


def is_stun(data: bytes) -> bool:
    """Whether `data` looks like a STUN message (RFC 8489 section 5); reads the header only."""
    return (
        len(data) >= HEADER_BYTES
        and data[0] < 0x40
        and data[4:8] == MAGIC_COOKIE
        and data[3] & 3 == 0
        and len(data) == HEADER_BYTES + int.from_bytes(data[2:4], "big")
    )


def decode(data: bytes, *, classic: bool = False) -> StunMessage:
    """Reads one whole message; `classic` admits RFC 3489 messages, which lack the magic cookie.

    Attributes after MESSAGE-INTEGRITY are left out, as RFC 8489 section 14.5 asks; FINGERPRINT is checked.
    Integrity is not: see `verify_integrity`. Raises DecodeError.
    """
    if len(data) < HEADER_BYTES:
        raise DecodeError(DecodeError.Reason.TRUNCATED, "STUN header")
    message_type, length, mask = _HEADER.unpack_from(data)
    if message_type >= 0x4000 or length % 4:
        raise DecodeError(DecodeError.Reason.MALFORMED, "not a STUN message")
    with_cookie = mask[:4] == MAGIC_COOKIE
    if not with_cookie and not classic:
        raise DecodeError(DecodeError.Reason.WRONG_VERSION, "no STUN magic cookie")
    if len(data) != HEADER_BYTES + length:
        too_short = len(data) < HEADER_BYTES + length
        raise DecodeError(DecodeError.Reason.TRUNCATED if too_short else DecodeError.Reason.OVERSIZED, "STUN")
    attributes = []
    last = -1
    for code, offset, value in _walk(data):
        rank = _TRAILERS.index(code) if code in _TRAILERS else -1
        if rank < last or (rank == last >= 0):
            continue
        last = rank
        kind = attr.KINDS.get(code)
        attributes.append(Attribute(code, kind.read(value, mask) if kind else value))
        if kind is attr.FINGERPRINT and attributes[-1].value != _fingerprint(data, offset):
            raise DecodeError(DecodeError.Reason.BAD_CHECKSUM, "STUN fingerprint")
    method = message_type & 0xF | (message_type & 0xE0) >> 1 | (message_type & 0x3E00) >> 2
    return StunMessage(
        _METHODS.get(method, method),
        MessageClass((message_type & 0x10) >> 4 | (message_type & 0x100) >> 7),
        mask[4:] if with_cookie else mask,
        tuple(attributes),
    )


def encode(
    message: StunMessage,
    *,
    integrity_key: bytes | None = None,
    integrity: Literal["sha1", "sha256"] = "sha1",
    fingerprint: bool = False,
    pad_byte: int = 0,
) -> bytes:
    """Writes one message; `integrity_key` adds a MESSAGE-INTEGRITY (or -SHA256) and `fingerprint` the other.

    Those two are always computed, never copied from `message`. Raises ValueError where a value has no
    encoding.
    """
    body = bytearray()
    identity = message.transaction_id
    mask = MAGIC_COOKIE + identity if len(identity) == 12 else identity
    if len(mask) != 16 or not 0 <= message.method <= 0xFFF or len(message.attributes) > MAX_ATTRIBUTES:
        raise ValueError(f"no STUN message: {message}")
    for code, value in ((a.code, a.value) for a in message.attributes if a.code not in _TRAILERS):
        kind: Kind[Any] | None = attr.KINDS.get(code)
        try:
            _append(body, code, kind.write(value, mask) if kind else value, pad_byte)
        except (struct.error, OverflowError) as error:
            raise ValueError(f"{kind}: {error}") from None
    if integrity_key is not None:
        size, kind = (
            (20, attr.MESSAGE_INTEGRITY) if integrity == "sha1" else (32, attr.MESSAGE_INTEGRITY_SHA256)
        )
        covered = _header(message, len(body) + 4 + size, mask) + body
        _append(body, kind.code, hmac.digest(integrity_key, covered, integrity), pad_byte)
    if fingerprint:
        covered = _header(message, len(body) + 8, mask) + body
        checksum = zlib.crc32(covered) ^ _FINGERPRINT_XOR
        _append(body, attr.FINGERPRINT.code, checksum.to_bytes(4, "big"), pad_byte)
    return _header(message, len(body), mask) + body


def verify_integrity(data: bytes, key: bytes) -> bool:
    """Whether a message holds a MESSAGE-INTEGRITY (-SHA256 before the older) that `key` made.

    Compares in constant time. False where there is none, or where `data` is no message.
    """
    try:
        found = {code: (offset, value) for code, offset, value in reversed(list(_walk(data)))}
    except DecodeError:
        return False
    for kind, algorithm, least, most in (
        (attr.MESSAGE_INTEGRITY_SHA256, "sha256", 16, 32),
        (attr.MESSAGE_INTEGRITY, "sha1", 20, 20),
    ):
        if kind.code in found:
            offset, value = found[kind.code]
            if not least <= len(value) <= most or len(value) % 4:
                return False
            length = offset + 4 + len(value) - HEADER_BYTES
            covered = data[:2] + length.to_bytes(2, "big") + data[4:offset]
            return hmac.compare_digest(hmac.digest(key, covered, algorithm)[: len(value)], value)
    return False


def long_term_key(
    username: str, realm: str, password: str, *, algorithm: Literal["md5", "sha256"] = "md5"
) -> bytes:
    """The key of long-term credentials (RFC 8489 section 9.2.2). Raises InputError (SASLprep)."""
    text = f"{saslprep(username)}:{saslprep(realm)}:{saslprep(password)}"
    return hashlib.new(algorithm, text.encode(), usedforsecurity=False).digest()


def integrity_of(key: bytes | None) -> Literal["sha1", "sha256"]:
    """What a long-term key signs with: one that SHA-256 made has 32 bytes, and MESSAGE-INTEGRITY-SHA256 goes with it."""
    return "sha256" if key is not None and len(key) == SHA256_BYTES else "sha1"


def binding_request(
    transaction_id: bytes,
    *,
    change_ip: bool = False,
    change_port: bool = False,
    response_port: int | None = None,
    padding_bytes: int = 0,
    software: str | None = None,
) -> StunMessage:
    """A Binding request, with what RFC 5780 may ask of the server."""
    attributes = []
    if software:
        attributes.append(attr.SOFTWARE(software))
    if change_ip or change_port:
        attributes.append(attr.CHANGE_REQUEST(ChangeRequest(change_ip, change_port)))
    if response_port is not None:
        attributes.append(attr.RESPONSE_PORT(response_port))
    if padding_bytes:
        attributes.append(attr.PADDING(bytes(padding_bytes)))
    return StunMessage(Method.BINDING, MessageClass.REQUEST, transaction_id, tuple(attributes))


def success(request: StunMessage, *attributes: Attribute) -> StunMessage:
    """The success response to `request`."""
    return StunMessage(request.method, MessageClass.SUCCESS, request.transaction_id, attributes)


def failure(request: StunMessage, code: int, reason: str, *attributes: Attribute) -> StunMessage:
    """The error response to `request`."""
    error = attr.ERROR_CODE(ErrorCode(code, reason))
    return StunMessage(request.method, MessageClass.ERROR, request.transaction_id, (error, *attributes))


def _header(message: StunMessage, length: int, mask: bytes) -> bytes:
    if length > 0xFFFC:
        raise ValueError("a STUN message holds 65,532 bytes at most")
    method, kind = message.method, message.message_class
    message_type = (
        method & 0xF | (method & 0x70) << 1 | (method & 0xF80) << 2 | (kind & 1) << 4 | (kind & 2) << 7
    )
    return _HEADER.pack(message_type, length, mask)


def _append(body: bytearray, code: int, value: bytes, pad_byte: int) -> None:
    if len(value) > 0xFFFC:
        raise ValueError("an attribute holds 65,532 bytes at most")
    body += _TLV.pack(code, len(value)) + value + bytes((pad_byte,)) * (-len(value) % 4)


def _walk(data: bytes) -> list[tuple[int, int, bytes]]:
    """Code, offset and value of each attribute. Raises DecodeError."""
    found: list[tuple[int, int, bytes]] = []
    offset, end = HEADER_BYTES, len(data)
    while offset < end:
        if len(found) == MAX_ATTRIBUTES:
            raise DecodeError(DecodeError.Reason.OVERSIZED, "too many STUN attributes")
        if offset + 4 > end:
            raise DecodeError(DecodeError.Reason.TRUNCATED, "STUN attribute")
        code, length = _TLV.unpack_from(data, offset)
        after = offset + 4 + length
        if after + -length % 4 > end:
            raise DecodeError(DecodeError.Reason.TRUNCATED, "STUN attribute")
        found.append((code, offset, bytes(data[offset + 4 : after])))
        offset = after + -length % 4
    return found


def _fingerprint(data: bytes, offset: int) -> int:
    covered = data[:2] + (offset + 8 - HEADER_BYTES).to_bytes(2, "big") + data[4:offset]
    return zlib.crc32(covered) ^ _FINGERPRINT_XOR
