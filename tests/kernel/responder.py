"""A UDP server with bad habits, at an address of the bed's internet."""

import os
import socket
import struct
import threading
from collections.abc import Callable, Generator, Iterable
from contextlib import contextmanager

from tests.kernel.bed import FULL_SERVER_OTHER, SPARE, STUN_PORT
from tests.kernel.namespaces import Host
from tests.kernel.stun_by_hand import (
    BINDING_ERROR,
    BINDING_SUCCESS,
    COOKIE,
    ERROR_CODE,
    HEADER,
    OTHER_ADDRESS,
    address,
    answer,
)

Seen = tuple[str, int]
Habit = Callable[[bytes, Seen], Iterable[bytes]]
"""What it answers to a request from `Seen`."""

MAX_REQUESTS = 10_000


@contextmanager
def responder(
    internet: Host, habit: Habit, host: str = SPARE, port: int = STUN_PORT
) -> Generator[None, None, None]:
    """Answers on UDP as `habit` says while the block runs."""
    with internet.do(socket.socket, socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.bind((host, port))
        thread = threading.Thread(target=_serve, args=(sock, habit), name="responder")
        thread.start()
        try:
            yield
        finally:
            _wake(internet, host, port)
            thread.join()


def _wake(internet: Host, host: str, port: int) -> None:
    with internet.do(socket.socket, socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.sendto(b"", (host, port))


def _serve(sock: socket.socket, habit: Habit) -> None:
    for _ in range(MAX_REQUESTS):
        request, seen = sock.recvfrom(2048)
        if not request:
            return
        for reply in habit(request, seen):
            sock.sendto(reply, seen)


def honest(request: bytes, seen: Seen) -> list[bytes]:
    """A server with one address."""
    return [answer(request, seen)]


def silent(request: bytes, seen: Seen) -> list[bytes]:
    """Takes everything and says nothing."""
    return []


def shifts_ports(request: bytes, seen: Seen) -> list[bytes]:
    """Lies: every port is one more than it was."""
    return [answer(request, (seen[0], seen[1] % 65535 + 1))]


def draws_ports(request: bytes, seen: Seen) -> list[bytes]:
    """Lies: another port every time."""
    return [answer(request, (seen[0], int.from_bytes(os.urandom(2), "big") | 1))]


def sees_another_host(request: bytes, seen: Seen) -> list[bytes]:
    """Lies: the request came from someone else."""
    return [answer(request, ("192.0.2.66", seen[1]))]


def sees_itself(request: bytes, seen: Seen) -> list[bytes]:
    """Lies: the request came from the server's own address."""
    return [answer(request, (SPARE, STUN_PORT))]


def promises_another_address(request: bytes, seen: Seen) -> list[bytes]:
    """Lies: names a second address and answers every CHANGE-REQUEST from the first."""
    return [answer(request, seen, address(OTHER_ADDRESS, (FULL_SERVER_OTHER, 3479)))]


def promises_and_ignores(request: bytes, seen: Seen) -> list[bytes]:
    """Lies: names a second address and never answers a CHANGE-REQUEST."""
    asks_for_change = len(request) > HEADER.size
    return [] if asks_for_change else promises_another_address(request, seen)


def text(request: bytes, seen: Seen) -> list[bytes]:
    """Speaks another protocol."""
    return [b"HTTP/1.1 400 Bad Request\r\n\r\n"]


def noise(request: bytes, seen: Seen) -> list[bytes]:
    """Random bytes of any length."""
    return [os.urandom(n) for n in (1, 20, 28, 1400)]


def empty_success(request: bytes, seen: Seen) -> list[bytes]:
    """A success without any address."""
    return [HEADER.pack(BINDING_SUCCESS, 0, COOKIE, request[8:20])]


def wrong_transaction(request: bytes, seen: Seen) -> list[bytes]:
    """A good answer to somebody else."""
    return [answer(os.urandom(20), seen)]


def cut_short(request: bytes, seen: Seen) -> list[bytes]:
    """A good answer whose end is missing."""
    return [answer(request, seen)[:-4]]


def echo(request: bytes, seen: Seen) -> list[bytes]:
    """Sends back what it got: a request, which is not an answer."""
    return [request]


def refuses_with_error(request: bytes, seen: Seen) -> list[bytes]:
    """STUN error 400."""
    body = struct.pack(">HHHBB4s", ERROR_CODE, 8, 0, 4, 0, b"nope")
    return [HEADER.pack(BINDING_ERROR, len(body), COOKIE, request[8:20]) + body]


def repeats(request: bytes, seen: Seen) -> list[bytes]:
    """The right answer, two hundred times."""
    return [answer(request, seen)] * 200
