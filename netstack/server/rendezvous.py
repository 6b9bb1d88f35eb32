"""The mailbox server: two clients leave each other sealed notes under a number that both know.

Pure. The host (`netstack.service.rendezvous_host`) hands in `opened`, `received`, `closed`, and after each call, and
`handle_timeout` at `deadline()`, drains `poll_action()`. It learns nothing from a note and keeps it in memory only, for
ten minutes at most, while the second client is not there. Addresses are counted for their limits and never
written down.
"""

import re
from collections import deque
from typing import NamedTuple

from netstack.server.rate import SourceRate, source_network

MAX_NOTE_BYTES = 4096
MAX_NOTES = 32
MAX_CLIENTS = 2
LIFE_S = 600.0
MAX_MAILBOXES = 4096
MAX_PER_NETWORK = 32
NOTES_PER_NETWORK_S, NOTES_IN_ALL_S = 40.0, 4000.0
OPENINGS_PER_NETWORK_S, OPENINGS_IN_ALL_S = 4.0, 400.0
NAME = re.compile(r"[0-9a-f]{6,32}")

TAKEN, TOO_MANY, OVER, TOO_BIG, BAD_NAME = 4000, 4001, 4002, 4003, 4004


class Deliver(NamedTuple):
    """A note for a client."""

    client: int
    note: bytes


class Close(NamedTuple):
    """A client to send away; `code` is a WebSocket close code, `reason` a word for logs and people."""

    client: int
    code: int
    reason: str


class _Mailbox:
    def __init__(self, expires_at: float) -> None:
        self.expires_at = expires_at
        self.clients: list[int] = []
        self.notes: dict[bytes, int] = {}  # in the order in which they came; the value is whose they are


class RendezvousServer:
    """The machine. A client is a number that the host never uses twice."""

    def __init__(self) -> None:
        self._mailboxes: dict[str, _Mailbox] = {}
        self._clients: dict[int, tuple[str, str]] = {}
        self._networks: dict[str, int] = {}
        self._notes = SourceRate(NOTES_PER_NETWORK_S, NOTES_IN_ALL_S)
        self._openings = SourceRate(OPENINGS_PER_NETWORK_S, OPENINGS_IN_ALL_S)
        self._actions: deque[Deliver | Close] = deque()
        self.dropped = 0
        self.refused = 0

    @property
    def used(self) -> tuple[int, int]:
        """How many mailboxes and clients there are."""
        return len(self._mailboxes), len(self._clients)

    def opened(self, client: int, name: str, host: str, now: float) -> None:
        """A client came to the mailbox `name`; the notes that wait there are delivered."""
        network = source_network(host)
        if not NAME.fullmatch(name):
            self._refuse(client, BAD_NAME, "no mailbox has that name")
            return
        if self._networks.get(network, 0) >= MAX_PER_NETWORK or not self._openings.allow(host, now):
            self._refuse(client, TOO_MANY, "too many from your network")
            return
        mailbox = self._mailboxes.get(name)
        if mailbox is None:
            if len(self._mailboxes) >= MAX_MAILBOXES:
                self._refuse(client, TOO_MANY, "the server is full")
                return
            mailbox = self._mailboxes[name] = _Mailbox(now + LIFE_S)
        if len(mailbox.clients) >= MAX_CLIENTS:
            self._refuse(client, TAKEN, "two are here already")
            return
        self._clients[client] = name, network
        self._networks[network] = self._networks.get(network, 0) + 1
        mailbox.clients.append(client)
        self._actions.extend(Deliver(client, note) for note in mailbox.notes)
        if len(mailbox.clients) == MAX_CLIENTS:
            mailbox.notes.clear()

    def received(self, client: int, note: bytes, host: str, now: float) -> None:
        """A client leaves a note: for the other if it is there, else it waits, once however often it is repeated."""
        if client not in self._clients:
            return
        if len(note) > MAX_NOTE_BYTES:
            self._actions.append(Close(client, TOO_BIG, "a note has at most 4,096 bytes"))
            self.closed(client)
            return
        if not note or not self._notes.allow(host, now):
            self.dropped += 1
            return
        mailbox = self._mailboxes[self._clients[client][0]]
        others = [other for other in mailbox.clients if other != client]
        if others:
            self._actions.extend(Deliver(other, note) for other in others)
        elif len(mailbox.notes) < MAX_NOTES:
            mailbox.notes.setdefault(note, client)
        else:
            self.dropped += note not in mailbox.notes

    def closed(self, client: int) -> None:
        """A client is gone. Its notes wait on for the other until the ten minutes are over."""
        known = self._clients.pop(client, None)
        if known is None:
            return
        name, network = known
        self._mailboxes[name].clients.remove(client)
        self._networks[network] -= 1
        if not self._networks[network]:
            del self._networks[network]
        if not self._mailboxes[name].clients and not self._mailboxes[name].notes:
            del self._mailboxes[name]

    def poll_action(self) -> Deliver | Close | None:
        """The next thing to do."""
        return self._actions.popleft() if self._actions else None

    def deadline(self) -> float | None:
        """When the oldest mailbox is over."""
        oldest = next(iter(self._mailboxes.values()), None)  # all live equally long
        return oldest.expires_at if oldest else None

    def handle_timeout(self, now: float) -> None:
        """Ends the mailboxes whose ten minutes are over, and sends their clients away."""
        for name, mailbox in tuple(self._mailboxes.items()):
            if mailbox.expires_at <= now:
                mailbox.notes.clear()
                for client in tuple(mailbox.clients):
                    self._actions.append(Close(client, OVER, "ten minutes are over"))
                    self.closed(client)
                self._mailboxes.pop(name, None)

    def _refuse(self, client: int, code: int, reason: str) -> None:
        self.refused += 1
        self._actions.append(Close(client, code, reason))
