"""Notes between two connected peers, inside their session: signalling goes on when the mailbox is gone."""

import asyncio
from collections import deque
from typing import Final

from netstack.model.session import Mode, Priority
from netstack.service.connection import Connection
from netstack.wire.chat import SIGNAL

MAX_UNREAD: Final = 64


def as_message(payload: bytes) -> bytes:
    """The note as a message of its session."""
    return bytes((SIGNAL,)) + payload


class SessionNotes:
    """Takes every message that begins with `SIGNAL` out of the connection's stream. One for a connection (`of`).

    `heard` is set once the first has come.
    """

    def __init__(self, connection: Connection) -> None:
        self.lost = 0
        self.heard = asyncio.Event()
        self._connection = connection
        self._unread: deque[bytes] = deque()
        self._news = asyncio.Event()
        connection.on_end = self._news.set
        connection.set_apart(self._take)

    @classmethod
    def of(cls, connection: Connection) -> "SessionNotes":
        """That of the connection; made where there is none yet."""
        taker = connection.apart
        owner = getattr(taker, "__self__", None)
        return owner if isinstance(owner, cls) else cls(connection)

    def send(self, payload: bytes) -> None:
        """Sends one; it arrives unless the session ends. Raises SessionError: over, or too much is waiting."""
        self._connection.post(as_message(payload), Priority.REALTIME, Mode.ORDERED)

    async def receive(self) -> bytes | None:
        """The next one; None once the session is over."""
        while not self._unread:
            if self._connection.closed:
                return None
            self._news.clear()
            await self._news.wait()
        return self._unread.popleft()

    def _take(self, data: bytes) -> bool:
        if data[:1] != bytes((SIGNAL,)):
            return False
        self.heard.set()
        if len(self._unread) >= MAX_UNREAD:
            self.lost += 1
            return True
        self._unread.append(data[1:])
        self._news.set()
        return True
