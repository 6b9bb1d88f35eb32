"""The attributes of STUN, TURN and ICE messages: code points, value types, and bytes both ways.

A `Kind` is called with a value to make an `Attribute`: `LIFETIME(600)`. Values are plain: `Address`, `str`,
`bytes`, `int`, `Family`, or one of the small structs below.
"""

import ipaddress
import struct
from collections.abc import Callable
from functools import lru_cache
from typing import Any, Generic, TypeVar

import msgspec

from netstack.errors import DecodeError
from netstack.model.address import Address, Family

T = TypeVar("T")

MAGIC_COOKIE = b"\x21\x12\xa4\x42"
MAX_TEXT_BYTES = 763  # RFC 8489 section 14: 128 characters of UTF-8
FAMILY_CODES = {Family.IPV4: 1, Family.IPV6: 2}
_FAMILIES = {code: family for family, code in FAMILY_CODES.items()}


class Attribute(msgspec.Struct, frozen=True):
    """One attribute: its code point, and its value (raw `bytes` where the code point is not known)."""

    code: int
    value: Any


class ChangeRequest(msgspec.Struct, frozen=True):
    """CHANGE-REQUEST (RFC 5780 section 7.2): answer from the other IP address, the other port, or both."""

    change_ip: bool = False
    change_port: bool = False


class ErrorCode(msgspec.Struct, frozen=True):
    """ERROR-CODE (RFC 8489 section 14.8): `code` is 300 to 699."""

    code: int
    reason: str = ""


class AddressErrorCode(msgspec.Struct, frozen=True):
    """ADDRESS-ERROR-CODE (RFC 8656 section 18.12): why one of two address families was not allocated."""

    family: Family
    code: int
    reason: str = ""


class Icmp(msgspec.Struct, frozen=True):
    """ICMP (RFC 8656 section 18.13): what a router said about a relayed packet; `data` is 4 bytes."""

    type: int
    code: int
    data: bytes = bytes(4)


class Kind(Generic[T]):
    """One attribute of the registry.

    `read(value, mask)` raises DecodeError; its inverse `write` raises ValueError, struct.error or
    OverflowError. The mask of XOR addresses is the magic cookie and the transaction id: 16 bytes.
    """

    __slots__ = ("code", "name", "read", "write")

    def __init__(
        self, code: int, name: str, read: Callable[[bytes, bytes], T], write: Callable[[T, bytes], bytes]
    ) -> None:
        self.code = code
        self.name = name
        self.read = read
        self.write = write

    def __call__(self, value: T) -> Attribute:
        """Makes an attribute of this kind."""
        return Attribute(self.code, value)

    def __repr__(self) -> str:
        return self.name


def _malformed(detail: str) -> DecodeError:
    return DecodeError(DecodeError.Reason.MALFORMED, detail)


@lru_cache(maxsize=1024)
def _host(packed: bytes) -> str:
    ip = ipaddress.ip_address(packed)
    if isinstance(ip, ipaddress.IPv6Address) and ip.ipv4_mapped:
        return f"::ffff:{ip.ipv4_mapped}"  # Python versions differ here; operating systems write it so
    return str(ip)


@lru_cache(maxsize=1024)
def _packed(host: str) -> bytes:
    return ipaddress.ip_address(host.partition("%")[0]).packed


def _xor(data: bytes, mask: bytes) -> bytes:
    size = len(data)
    return (int.from_bytes(data, "big") ^ int.from_bytes(mask[:size], "big")).to_bytes(size, "big")


def _read_address(value: bytes, mask: bytes) -> Address:
    if len(value) < 4 or len(value) != {1: 8, 2: 20}.get(value[1]):
        raise _malformed("address attribute")
    return Address(_host(_xor(value[4:], mask)), int.from_bytes(_xor(value[2:4], mask), "big"))


def _write_address(address: Address, mask: bytes) -> bytes:
    host = _packed(address.host)
    family = 1 if len(host) == 4 else 2
    return bytes((0, family)) + _xor(address.port.to_bytes(2, "big"), mask) + _xor(host, mask)


def _plain_address(code: int, name: str) -> Kind[Address]:
    mask = bytes(16)
    return Kind(code, name, lambda v, _: _read_address(v, mask), lambda a, _: _write_address(a, mask))


def _xor_address(code: int, name: str) -> Kind[Address]:
    return Kind(code, name, _read_address, _write_address)


def _text(code: int, name: str, errors: str = "strict") -> Kind[str]:
    def read(value: bytes, _: bytes) -> str:
        if len(value) > MAX_TEXT_BYTES:
            raise DecodeError(DecodeError.Reason.OVERSIZED, name)
        try:
            return value.decode(errors=errors)
        except UnicodeDecodeError:
            raise _malformed(f"{name} is not UTF-8") from None

    def write(text: str, _: bytes) -> bytes:
        value = text.encode()
        if len(value) > MAX_TEXT_BYTES:
            raise ValueError(f"{name} is longer than {MAX_TEXT_BYTES} bytes")
        return value

    return Kind(code, name, read, write)


def _number(code: int, name: str, form: str) -> Kind[int]:
    """A big-endian number in `form`, whose pad bytes are reserved and ignored."""
    layout = struct.Struct(form)

    def read(value: bytes, _: bytes) -> int:
        if len(value) != layout.size:
            raise _malformed(name)
        return int(layout.unpack(value)[0])

    return Kind(code, name, read, lambda number, _: layout.pack(number))


def _opaque(code: int, name: str, size: int | None = None) -> Kind[bytes]:
    def read(value: bytes, _: bytes) -> bytes:
        if size is not None and len(value) != size:
            raise _malformed(name)
        return value

    def write(value: bytes, _: bytes) -> bytes:
        if size is not None and len(value) != size:
            raise ValueError(f"{name} takes {size} bytes")
        return value

    return Kind(code, name, read, write)


def _flag(code: int, name: str) -> Kind[bool]:
    """Present or absent, without a value. Reads as True."""

    def read(value: bytes, _: bytes) -> bool:
        if value:
            raise _malformed(name)
        return True

    return Kind(code, name, read, lambda _value, _mask: b"")


def _family(code: int, name: str) -> Kind[Family]:
    def read(value: bytes, _: bytes) -> Family:
        if len(value) != 4 or value[0] not in _FAMILIES:
            raise _malformed(name)
        return _FAMILIES[value[0]]

    return Kind(code, name, read, lambda family, _: bytes((FAMILY_CODES[family], 0, 0, 0)))


def _read_response_port(value: bytes, _: bytes) -> int:
    if len(value) not in {
        2,
        4,
    }:  # RFC 5780 section 7.5 is read both ways: padding outside or inside the length
        raise _malformed("RESPONSE-PORT")
    return int.from_bytes(value[:2], "big")


def _read_change_request(value: bytes, _: bytes) -> ChangeRequest:
    if len(value) != 4:
        raise _malformed("CHANGE-REQUEST")
    return ChangeRequest(change_ip=bool(value[3] & 4), change_port=bool(value[3] & 2))


def _write_change_request(change: ChangeRequest, _: bytes) -> bytes:
    return bytes((0, 0, 0, change.change_ip << 2 | change.change_port << 1))


def _read_error(value: bytes, _: bytes) -> ErrorCode:
    if len(value) < 4 or not 3 <= value[2] & 7 <= 6 or value[3] > 99:
        raise _malformed("ERROR-CODE")
    return ErrorCode((value[2] & 7) * 100 + value[3], value[4 : 4 + MAX_TEXT_BYTES].decode(errors="replace"))


def _write_error(error: ErrorCode | AddressErrorCode, _: bytes) -> bytes:
    reason = error.reason.encode()
    if not 300 <= error.code <= 699 or len(reason) > MAX_TEXT_BYTES:
        raise ValueError(f"no error code: {error}")
    family = FAMILY_CODES[error.family] if isinstance(error, AddressErrorCode) else 0
    return bytes((family, 0, error.code // 100, error.code % 100)) + reason


def _read_address_error(value: bytes, mask: bytes) -> AddressErrorCode:
    error = _read_error(value, mask)
    if value[0] not in _FAMILIES:
        raise _malformed("ADDRESS-ERROR-CODE")
    return AddressErrorCode(_FAMILIES[value[0]], error.code, error.reason)


def _read_unknown(value: bytes, _: bytes) -> tuple[int, ...]:
    if len(value) % 2:
        raise _malformed("UNKNOWN-ATTRIBUTES")
    return struct.unpack(f"!{len(value) // 2}H", value)


def _read_even_port(value: bytes, _: bytes) -> bool:
    if len(value) != 1:
        raise _malformed("EVEN-PORT")
    return bool(value[0] & 0x80)


def _read_icmp(value: bytes, _: bytes) -> Icmp:
    if len(value) != 8:
        raise _malformed("ICMP")
    return Icmp(value[2], value[3], value[4:])


# RFC 8489, with what RFC 3489 servers still send
MAPPED_ADDRESS = _plain_address(0x0001, "MAPPED-ADDRESS")
SOURCE_ADDRESS = _plain_address(0x0004, "SOURCE-ADDRESS")
CHANGED_ADDRESS = _plain_address(0x0005, "CHANGED-ADDRESS")
USERNAME = _text(0x0006, "USERNAME")
MESSAGE_INTEGRITY = _opaque(0x0008, "MESSAGE-INTEGRITY", 20)
ERROR_CODE = Kind(0x0009, "ERROR-CODE", _read_error, _write_error)
UNKNOWN_ATTRIBUTES = Kind[tuple[int, ...]](
    0x000A, "UNKNOWN-ATTRIBUTES", _read_unknown, lambda codes, _: struct.pack(f"!{len(codes)}H", *codes)
)
REALM = _text(0x0014, "REALM")
NONCE = _opaque(0x0015, "NONCE")
MESSAGE_INTEGRITY_SHA256 = _opaque(0x001C, "MESSAGE-INTEGRITY-SHA256")
PASSWORD_ALGORITHM = _opaque(0x001D, "PASSWORD-ALGORITHM")
USERHASH = _opaque(0x001E, "USERHASH", 32)
XOR_MAPPED_ADDRESS = _xor_address(0x0020, "XOR-MAPPED-ADDRESS")
PASSWORD_ALGORITHMS = _opaque(0x8002, "PASSWORD-ALGORITHMS")
ALTERNATE_DOMAIN = _text(0x8003, "ALTERNATE-DOMAIN")
SOFTWARE = _text(0x8022, "SOFTWARE", errors="replace")
ALTERNATE_SERVER = _plain_address(0x8023, "ALTERNATE-SERVER")
FINGERPRINT = _number(0x8028, "FINGERPRINT", "!I")
# RFC 5780
CHANGE_REQUEST = Kind(0x0003, "CHANGE-REQUEST", _read_change_request, _write_change_request)
PADDING = _opaque(0x0026, "PADDING")
RESPONSE_PORT = Kind[int](
    0x0027, "RESPONSE-PORT", _read_response_port, lambda port, _: struct.pack("!Hxx", port)
)
RESPONSE_ORIGIN = _plain_address(0x802B, "RESPONSE-ORIGIN")
OTHER_ADDRESS = _plain_address(0x802C, "OTHER-ADDRESS")
# RFC 8445
PRIORITY = _number(0x0024, "PRIORITY", "!I")
USE_CANDIDATE = _flag(0x0025, "USE-CANDIDATE")
ICE_CONTROLLED = _number(0x8029, "ICE-CONTROLLED", "!Q")
ICE_CONTROLLING = _number(0x802A, "ICE-CONTROLLING", "!Q")
# RFC 8656
CHANNEL_NUMBER = _number(0x000C, "CHANNEL-NUMBER", "!Hxx")
LIFETIME = _number(0x000D, "LIFETIME", "!I")
XOR_PEER_ADDRESS = _xor_address(0x0012, "XOR-PEER-ADDRESS")
DATA = _opaque(0x0013, "DATA")
XOR_RELAYED_ADDRESS = _xor_address(0x0016, "XOR-RELAYED-ADDRESS")
REQUESTED_ADDRESS_FAMILY = _family(0x0017, "REQUESTED-ADDRESS-FAMILY")
EVEN_PORT = Kind[bool](0x0018, "EVEN-PORT", _read_even_port, lambda reserve, _: bytes((reserve << 7,)))
REQUESTED_TRANSPORT = _number(0x0019, "REQUESTED-TRANSPORT", "!Bxxx")
DONT_FRAGMENT = _flag(0x001A, "DONT-FRAGMENT")
RESERVATION_TOKEN = _opaque(0x0022, "RESERVATION-TOKEN", 8)
ADDITIONAL_ADDRESS_FAMILY = _family(0x8000, "ADDITIONAL-ADDRESS-FAMILY")
ADDRESS_ERROR_CODE = Kind(0x8001, "ADDRESS-ERROR-CODE", _read_address_error, _write_error)
ICMP = Kind[Icmp](
    0x8004, "ICMP", _read_icmp, lambda icmp, _: struct.pack("!xxBB4s", icmp.type, icmp.code, icmp.data)
)

KINDS: dict[int, Kind[Any]] = {kind.code: kind for kind in list(globals().values()) if isinstance(kind, Kind)}
