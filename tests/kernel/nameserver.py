"""A DNS server (RFC 1035) that knows a few IPv4 addresses and says NXDOMAIN to everything else."""

import struct
from collections.abc import Mapping
from contextlib import AbstractContextManager
from ipaddress import IPv4Address

from tests.kernel.bed import SPARE
from tests.kernel.namespaces import Host
from tests.kernel.responder import Seen, responder

HEADER = struct.Struct(">HHHHHH")
TYPE_A = 1
ANSWER, NO_SUCH_NAME = 0x8180, 0x8183


def name_server(internet: Host, names: Mapping[str, str]) -> AbstractContextManager[None]:
    """Answers at SPARE, port 53, while the block runs."""

    def reply(request: bytes, _: Seen) -> list[bytes]:
        name, end = _name(request)
        question = request[HEADER.size : end + 4]
        (kind,) = struct.unpack_from(">H", request, end)
        records = b""
        if name in names and kind == TYPE_A:
            records = struct.pack(">HHHIH4s", 0xC00C, TYPE_A, 1, 60, 4, IPv4Address(names[name]).packed)
        code = ANSWER if name in names else NO_SUCH_NAME
        (number,) = struct.unpack_from(">H", request)
        return [HEADER.pack(number, code, 1, 1 if records else 0, 0, 0) + question + records]

    return responder(internet, reply, SPARE, 53)


def _name(request: bytes) -> tuple[str, int]:
    """The name that is asked for, and where it ends."""
    labels, at = [], HEADER.size
    while length := request[at]:
        labels.append(request[at + 1 : at + 1 + length].decode())
        at += 1 + length
    return ".".join(labels).lower(), at + 1
