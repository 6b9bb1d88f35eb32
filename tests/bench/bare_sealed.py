"""A loop that only seals, batches, sends, receives and opens: the ceiling for sealed UDP in Python.

`python -m tests.bench.bare_sealed MEGABYTES` starts a receiver process and sends to it over loopback, with eight
bursts in flight, each acknowledged by one datagram. Prints one JSON line.
"""

import json
import multiprocessing
import socket
import struct
import sys
import time
from itertools import repeat
from multiprocessing.connection import Connection

from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305

from tests.bench import far_place

DATAGRAM_BYTES = 1452
HEADER = struct.Struct("!Q")
TAG_BYTES = 16
PAYLOAD_BYTES = DATAGRAM_BYTES - HEADER.size - TAG_BYTES
SEGMENTS = 44
BURST_BYTES = SEGMENTS * DATAGRAM_BYTES
IN_FLIGHT = 8
KEY = bytes(32)
_UDP_SEGMENT, _UDP_GRO = 103, 104


def receive(pipe: Connection, total: int) -> None:
    """Opens `total` datagrams and acknowledges every burst."""
    far_place.enter()
    sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4 << 20)
    sock.setsockopt(socket.IPPROTO_UDP, _UDP_GRO, 1)
    sock.bind((far_place.far_host(), 0))
    sock.settimeout(10)
    pipe.send(sock.getsockname())
    buffer = bytearray(131_072)
    view = memoryview(buffer)
    bodies = [view[i * DATAGRAM_BYTES + 8 : (i + 1) * DATAGRAM_BYTES] for i in range(64)]
    out = memoryview(bytearray(64 * PAYLOAD_BYTES))
    places = [out[i * PAYLOAD_BYTES : (i + 1) * PAYLOAD_BYTES] for i in range(64)]
    aead = ChaCha20Poly1305(KEY)
    opened, since_ack = 0, 0
    while opened < total:
        size, _, _, source = sock.recvmsg_into([buffer], 64)
        count = size // DATAGRAM_BYTES
        nonces = [
            b"\0\0\0\0" + bytes(buffer[i * DATAGRAM_BYTES : i * DATAGRAM_BYTES + 8]) for i in range(count)
        ]
        for _ in map(aead.decrypt_into, nonces, bodies, repeat(None), places[:count]):
            pass
        opened += count
        since_ack += count
        while since_ack >= SEGMENTS:
            since_ack -= SEGMENTS
            sock.sendto(b"a", source)
    pipe.send(opened)
    sock.close()


def main(megabytes: int) -> None:
    """Sends, and prints goodput in bit/s."""
    bursts = megabytes * 1_000_000 // (SEGMENTS * PAYLOAD_BYTES)
    ours, theirs = multiprocessing.Pipe()
    process = multiprocessing.Process(target=receive, args=(theirs, bursts * SEGMENTS))
    process.start()
    address = ours.recv()
    sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4 << 20)
    sock.connect(address)
    sock.settimeout(10)
    aead = ChaCha20Poly1305(KEY)
    data = memoryview(bytes(SEGMENTS * PAYLOAD_BYTES))
    slices = [data[i * PAYLOAD_BYTES : (i + 1) * PAYLOAD_BYTES] for i in range(SEGMENTS)]
    ancillary = [(socket.IPPROTO_UDP, _UDP_SEGMENT, struct.pack("=H", DATAGRAM_BYTES))]
    parts: list[bytes] = [b""] * (2 * SEGMENTS)
    in_flight, number = 0, 0
    began = time.perf_counter()
    for _ in range(bursts):
        headers = [HEADER.pack(number + i) for i in range(SEGMENTS)]
        number += SEGMENTS
        parts[::2] = headers
        parts[1::2] = map(aead.encrypt, [b"\0\0\0\0" + h for h in headers], slices, repeat(None))
        sock.sendmsg([b"".join(parts)], ancillary)
        in_flight += 1
        if in_flight >= IN_FLIGHT:
            sock.recv(16)
            in_flight -= 1
    done = ours.recv()
    took_s = time.perf_counter() - began
    process.join(5)
    bits = done * PAYLOAD_BYTES * 8
    print(
        json.dumps(
            {"program": "bare-sealed", "throughput_bps": bits / took_s, "datagram_bytes": DATAGRAM_BYTES}
        )
    )


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 256)
