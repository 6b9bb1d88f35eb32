"""NAT-PMP messages (RFC 6886): what a home router tells of its public address, and asks it to map a port."""

import ipaddress
import struct
from enum import IntEnum

import msgspec

from netstack.errors import DecodeError

SERVER_PORT = 5351
_MAP_REQUEST = struct.Struct("!BBxxHHI")
_HEAD = struct.Struct("!BBHI")
_MAPPED = struct.Struct("!HHI")


class Protocol(IntEnum):
    """What is mapped; the value is the opcode."""

    UDP = 1
    TCP = 2


class Result(IntEnum):
    """Result codes (section 3.5)."""

    SUCCESS = 0
    UNSUPPORTED_VERSION = 1
    NOT_AUTHORIZED = 2
    NETWORK_FAILURE = 3
    OUT_OF_RESOURCES = 4
    UNSUPPORTED_OPCODE = 5


class ExternalAddressRequest(msgspec.Struct, frozen=True):
    """Asks for the router's public IPv4 address."""


class ExternalAddressResponse(msgspec.Struct, frozen=True):
    """The public IPv4 address, None where `result` is not success; `epoch_s` is the router's uptime."""

    result: int
    epoch_s: int
    host: str | None


class MappingRequest(msgspec.Struct, frozen=True):
    """Asks for a mapping; `lifetime_s` 0 deletes it, `external_port` is only a wish."""

    protocol: Protocol
    internal_port: int
    external_port: int
    lifetime_s: int


class MappingResponse(msgspec.Struct, frozen=True):
    """The mapping that was made; the ports and the lifetime are None where `result` is not success."""

    protocol: Protocol
    result: int
    epoch_s: int
    internal_port: int | None
    external_port: int | None
    lifetime_s: int | None


Request = ExternalAddressRequest | MappingRequest
Response = ExternalAddressResponse | MappingResponse


def encode_request(request: Request) -> bytes:
    """Writes a request (2 or 12 bytes). Raises ValueError where a port or lifetime is out of range."""
    if isinstance(request, ExternalAddressRequest):
        return b"\0\0"
    try:
        return _MAP_REQUEST.pack(
            0, request.protocol, request.internal_port, request.external_port, request.lifetime_s
        )
    except struct.error as error:
        raise ValueError(str(error)) from None


def decode_request(data: bytes) -> Request:
    """Reads a request. Raises DecodeError."""
    if len(data) < 2:
        raise DecodeError(DecodeError.Reason.TRUNCATED, "NAT-PMP request")
    if data[0] != 0:
        raise DecodeError(DecodeError.Reason.WRONG_VERSION, f"NAT-PMP version {data[0]}")
    if data == b"\0\0":
        return ExternalAddressRequest()
    if data[1] not in {1, 2} or len(data) != _MAP_REQUEST.size:
        raise DecodeError(DecodeError.Reason.MALFORMED, "NAT-PMP request")
    _, opcode, internal_port, external_port, lifetime_s = _MAP_REQUEST.unpack(data)
    return MappingRequest(Protocol(opcode), internal_port, external_port, lifetime_s)


def encode_response(response: Response) -> bytes:
    """Writes a response (12 or 16 bytes). Raises ValueError where a value is out of range."""
    try:
        if isinstance(response, ExternalAddressResponse):
            host = ipaddress.IPv4Address(response.host or 0).packed
            return _HEAD.pack(0, 128, response.result, response.epoch_s) + host
        return _HEAD.pack(0, 128 + response.protocol, response.result, response.epoch_s) + _MAPPED.pack(
            response.internal_port or 0, response.external_port or 0, response.lifetime_s or 0
        )
    except struct.error as error:
        raise ValueError(str(error)) from None


def decode_response(data: bytes) -> Response:
    """Reads a response; one that reports a failure may end after its head (8 bytes). Raises DecodeError."""
    if len(data) < _HEAD.size:
        raise DecodeError(DecodeError.Reason.TRUNCATED, "NAT-PMP response")
    version, opcode, result, epoch_s = _HEAD.unpack_from(data)
    if version != 0:
        raise DecodeError(DecodeError.Reason.WRONG_VERSION, f"NAT-PMP version {version}")
    if opcode not in {128, 129, 130}:
        raise DecodeError(DecodeError.Reason.MALFORMED, "not a NAT-PMP response")
    failed = result != Result.SUCCESS
    if not failed and len(data) != (12 if opcode == 128 else 16):
        raise DecodeError(DecodeError.Reason.MALFORMED, "NAT-PMP response")
    if opcode == 128:
        host = None if failed else str(ipaddress.IPv4Address(data[8:12]))
        return ExternalAddressResponse(result, epoch_s, host)
    protocol = Protocol(opcode - 128)
    if failed:
        return MappingResponse(protocol, result, epoch_s, None, None, None)
    return MappingResponse(protocol, result, epoch_s, *_MAPPED.unpack_from(data, 8))
