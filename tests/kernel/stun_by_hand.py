"""STUN in forty lines, without our codec: the bed's tests ask with it, the bad servers answer with it."""

import os
import socket
import struct
import time
from ipaddress import IPv4Address

COOKIE = 0x2112A442
HEADER = struct.Struct(">HHI12s")
BINDING_REQUEST, BINDING_SUCCESS, BINDING_ERROR = 0x0001, 0x0101, 0x0111
ERROR_CODE, XOR_MAPPED_ADDRESS, OTHER_ADDRESS = 0x0009, 0x0020, 0x802C


def ask(sock: socket.socket, server: tuple[str, int], tries: int = 3) -> tuple[str, int]:
    """The public address of a UDP socket with a timeout, as `server` sees it. Raises TimeoutError."""
    transaction = os.urandom(12)
    for _ in range(tries):
        sock.sendto(HEADER.pack(BINDING_REQUEST, 0, COOKIE, transaction), server)
        try:
            while (answer := sock.recv(1500))[8:20] != transaction:
                pass
        except TimeoutError:
            continue
        return mapped(answer)
    raise TimeoutError(f"{server[0]}:{server[1]} did not answer")


def round_trip_s(sock: socket.socket, server: tuple[str, int]) -> float:
    """How long one question takes."""
    start_s = time.perf_counter()
    ask(sock, server)
    return time.perf_counter() - start_s


def mapped(answer: bytes) -> tuple[str, int]:
    """The XOR-MAPPED-ADDRESS (IPv4) of an answer. Raises ValueError when it has none."""
    at = HEADER.size
    while at + 4 <= len(answer):
        kind, length = struct.unpack_from(">HH", answer, at)
        if kind == XOR_MAPPED_ADDRESS:
            port, host = struct.unpack_from(">HI", answer, at + 6)
            return str(IPv4Address(host ^ COOKIE)), port ^ COOKIE >> 16
        at += 4 + (length + 3 & ~3)
    raise ValueError("no XOR-MAPPED-ADDRESS")


def answer(request: bytes, seen: tuple[str, int], more: bytes = b"") -> bytes:
    """A binding success that says the request came from `seen`; `more` are further attributes."""
    host, port = str(IPv4Address(int(IPv4Address(seen[0])) ^ COOKIE)), seen[1] ^ COOKIE >> 16
    body = address(XOR_MAPPED_ADDRESS, (host, port)) + more
    return HEADER.pack(BINDING_SUCCESS, len(body), COOKIE, request[8:20]) + body


def address(kind: int, value: tuple[str, int]) -> bytes:
    """An attribute that holds an IPv4 address and a port."""
    return struct.pack(">HHHH4s", kind, 8, 1, value[1], IPv4Address(value[0]).packed)
