"""A web server of one answer: 204 with the date, as web checks expect it, or a login page in its place."""

from email.utils import formatdate
from typing import Final

from netstack.model.address import Address
from netstack.server.machine import Server, StreamClose, StreamSend

MAX_HEAD_BYTES: Final = 8192
LOGIN_PAGE: Final = b"<!doctype html><title>Welcome</title><p>Accept the terms of this network to go on."


class WebServer(Server):
    """Answers every request alike and ends the connection. `epoch_s` is what the wall clock says at `now` 0.

    `login`: it is the page of a network that wants a login.
    """

    streams = True

    def __init__(self, *addresses: Address, epoch_s: float, login: bool = False) -> None:
        super().__init__()
        self.addresses = addresses
        self.answered = 0
        self._epoch_s = epoch_s
        self._login = login
        self._heads: dict[int, bytes] = {}

    def stream_received(self, stream_id: int, data: bytes, now: float) -> None:
        """Waits for the end of the head, 8 KB at most."""
        head = self._heads.get(stream_id, b"") + data
        if b"\r\n\r\n" not in head:
            if len(head) > MAX_HEAD_BYTES:
                self._actions.append(StreamClose(stream_id))
            else:
                self._heads[stream_id] = head
            return
        self._heads.pop(stream_id, None)
        self.answered += 1
        self._actions.append(StreamSend(stream_id, self._answer(now)))
        self._actions.append(StreamClose(stream_id))

    def stream_closed(self, stream_id: int, now: float) -> None:
        """Forgets a request that never ended."""
        self._heads.pop(stream_id, None)

    def _answer(self, now: float) -> bytes:
        date = formatdate(self._epoch_s + now, usegmt=True)
        if not self._login:
            return f"HTTP/1.1 204 No Content\r\nDate: {date}\r\nConnection: close\r\n\r\n".encode("ascii")
        head = f"HTTP/1.1 200 OK\r\nDate: {date}\r\nContent-Type: text/html\r\nContent-Length: {len(LOGIN_PAGE)}\r\n"
        return f"{head}Connection: close\r\n\r\n".encode("ascii") + LOGIN_PAGE
