"""Notes within one process: what the lab's hosts meet by, and a mailbox that tests can disturb."""

import asyncio
from collections.abc import Callable

from netstack.model.meeting import Role, Way
from netstack.rendezvous.driver import Driver, Receive

HISTORY = 32


class MemoryHub:
    """Mailboxes by name. `delay_s` is one way; `disturb` may drop, repeat or change a note on its way."""

    def __init__(
        self, *, delay_s: float = 0.02, disturb: Callable[[bytes], list[bytes]] | None = None
    ) -> None:
        self._delay_s = delay_s
        self._disturb = disturb or (lambda note: [note])
        self._boxes: dict[str, list[Receive]] = {}
        self._kept: dict[str, list[bytes]] = {}

    def join(self, mailbox: str, receive: Receive) -> None:
        """Adds a listener, and hands it the notes that were left."""
        for note in self._kept.get(mailbox, []):
            self._later(receive, note)
        self._boxes.setdefault(mailbox, []).append(receive)

    def leave(self, mailbox: str, receive: Receive) -> None:
        """Takes a listener away."""
        self._boxes[mailbox].remove(receive)
        if not self._boxes[mailbox]:
            del self._boxes[mailbox]
            self._kept.pop(mailbox, None)

    def post(self, mailbox: str, note: bytes, by: Receive | None = None) -> None:
        """Hands a note to every other listener of the mailbox."""
        kept = self._kept.setdefault(mailbox, [])
        if note not in kept:
            self._kept[mailbox] = [*kept, note][-HISTORY:]
        for one in self._disturb(note):
            for receive in self._boxes.get(mailbox, []):
                if receive is not by:
                    self._later(receive, one)

    def _later(self, receive: Receive, note: bytes) -> None:
        asyncio.get_running_loop().call_later(self._delay_s, receive, note)


class MemoryDriver(Driver):
    """A way through a hub."""

    way = Way.MEMORY

    def __init__(self, hub: MemoryHub) -> None:
        super().__init__("memory")
        self._hub = hub

    async def _carry(self, mailbox: str, role: Role, receive: Receive) -> None:
        gone = False

        def take(note: bytes) -> None:
            if not gone:
                self._take(note, receive)

        async def post(note: bytes) -> None:
            self._hub.post(mailbox, note, take)

        self._hub.join(mailbox, take)
        self._ready("ready")
        try:
            await self._send_all(post)
        finally:
            gone = True
            self._hub.leave(mailbox, take)
