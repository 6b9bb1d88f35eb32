"""PCP messages (RFC 6887): ANNOUNCE and MAP, without options of our own; unknown options are skipped."""

import ipaddress
import struct
from enum import IntEnum

import msgspec

from netstack.errors import DecodeError
from netstack.model.address import Address

SERVER_PORT = 5351
VERSION = 2
MAX_BYTES = 1100
NONCE_BYTES = 12
_REQUEST = struct.Struct("!BBxxI16s")
_RESPONSE = struct.Struct("!BBxBII12x")
_MAP = struct.Struct("!12sB3xHH16s")
_OPTION = struct.Struct("!BxH")


class Opcode(IntEnum):
    """What is asked (section 19.1)."""

    ANNOUNCE = 0
    MAP = 1


class Result(IntEnum):
    """Result codes (section 7.4)."""

    SUCCESS = 0
    UNSUPP_VERSION = 1
    NOT_AUTHORIZED = 2
    MALFORMED_REQUEST = 3
    UNSUPP_OPCODE = 4
    UNSUPP_OPTION = 5
    MALFORMED_OPTION = 6
    NETWORK_FAILURE = 7
    NO_RESOURCES = 8
    UNSUPP_PROTOCOL = 9
    USER_EX_QUOTA = 10
    CANNOT_PROVIDE_EXTERNAL = 11
    ADDRESS_MISMATCH = 12
    EXCESSIVE_REMOTE_PEERS = 13


class MapFields(msgspec.Struct, frozen=True):
    """The MAP opcode's own part; `protocol` is the IP protocol number (17 UDP, 6 TCP)."""

    nonce: bytes
    protocol: int
    internal_port: int
    external: Address


class Request(msgspec.Struct, frozen=True):
    """A request of `client_host`; without `map` it is ANNOUNCE. `lifetime_s` 0 deletes a mapping."""

    client_host: str
    lifetime_s: int = 0
    map: MapFields | None = None


class Response(msgspec.Struct, frozen=True):
    """An answer; `result` may be a number that `Result` does not know, `map` is None for ANNOUNCE."""

    opcode: int
    result: int
    lifetime_s: int
    epoch_s: int
    map: MapFields | None = None


def _pack_host(host: str) -> bytes:
    ip = ipaddress.ip_address(host)
    return ip.packed if ip.version == 6 else bytes(10) + b"\xff\xff" + ip.packed


def _unpack_host(packed: bytes) -> str:
    ip = ipaddress.IPv6Address(packed)
    return str(ip.ipv4_mapped or ip)


def _encode_map(fields: MapFields) -> bytes:
    return _MAP.pack(
        fields.nonce,
        fields.protocol,
        fields.internal_port,
        fields.external.port,
        _pack_host(fields.external.host),
    )


def _decode_map(data: bytes, offset: int) -> MapFields:
    if len(data) < offset + _MAP.size:
        raise DecodeError(DecodeError.Reason.TRUNCATED, "PCP MAP")
    nonce, protocol, internal_port, external_port, host = _MAP.unpack_from(data, offset)
    return MapFields(nonce, protocol, internal_port, Address(_unpack_host(host), external_port))


def _check_options(data: bytes, offset: int) -> None:
    while offset < len(data):
        if len(data) < offset + _OPTION.size:
            raise DecodeError(DecodeError.Reason.TRUNCATED, "PCP option")
        _, length = _OPTION.unpack_from(data, offset)
        offset += _OPTION.size + (length + 3) // 4 * 4
        if offset > len(data):
            raise DecodeError(DecodeError.Reason.TRUNCATED, "PCP option")


def _check_size(data: bytes, least: int) -> None:
    if len(data) < least:
        raise DecodeError(DecodeError.Reason.TRUNCATED, "PCP message")
    if data[0] != VERSION:
        raise DecodeError(DecodeError.Reason.WRONG_VERSION, f"PCP version {data[0]}")
    if len(data) > MAX_BYTES:
        raise DecodeError(DecodeError.Reason.OVERSIZED, "PCP message")
    if len(data) % 4:
        raise DecodeError(DecodeError.Reason.MALFORMED, "a PCP message has a multiple of 4 bytes")


def encode_request(request: Request) -> bytes:
    """Writes a request (24 or 60 bytes). Raises ValueError where a value is out of range."""
    opcode = Opcode.ANNOUNCE if request.map is None else Opcode.MAP
    try:
        head = _REQUEST.pack(VERSION, opcode, request.lifetime_s, _pack_host(request.client_host))
        return head if request.map is None else head + _encode_map(request.map)
    except struct.error as error:
        raise ValueError(str(error)) from None


def decode_request(data: bytes) -> Request:
    """Reads a request. Raises DecodeError."""
    _check_size(data, _REQUEST.size)
    _, opcode, lifetime_s, host = _REQUEST.unpack_from(data)
    if opcode not in {Opcode.ANNOUNCE, Opcode.MAP}:
        raise DecodeError(DecodeError.Reason.MALFORMED, f"PCP opcode {opcode}")
    fields = _decode_map(data, _REQUEST.size) if opcode == Opcode.MAP else None
    _check_options(data, _REQUEST.size + (_MAP.size if fields else 0))
    return Request(_unpack_host(host), lifetime_s, fields)


def encode_response(response: Response) -> bytes:
    """Writes a response (24 or 60 bytes). Raises ValueError where a value is out of range."""
    try:
        head = _RESPONSE.pack(
            VERSION, 0x80 | response.opcode, response.result, response.lifetime_s, response.epoch_s
        )
        return head if response.map is None else head + _encode_map(response.map)
    except struct.error as error:
        raise ValueError(str(error)) from None


def decode_response(data: bytes) -> Response:
    """Reads a response; one that reports a failure may end after its head. Raises DecodeError."""
    _check_size(data, _RESPONSE.size)
    _, opcode, result, lifetime_s, epoch_s = _RESPONSE.unpack_from(data)
    if not opcode & 0x80:
        raise DecodeError(DecodeError.Reason.MALFORMED, "a PCP request where a response belongs")
    opcode &= 0x7F
    whole = len(data) >= _RESPONSE.size + _MAP.size
    fields = None
    if opcode == Opcode.MAP and (whole or result == Result.SUCCESS):
        fields = _decode_map(data, _RESPONSE.size)
    if result == Result.SUCCESS:
        _check_options(data, _RESPONSE.size + (_MAP.size if fields else 0))
    return Response(opcode, result, lifetime_s, epoch_s, fields)
