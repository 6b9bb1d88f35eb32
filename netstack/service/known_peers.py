"""Whom we have met before: remembered by key, forgotten, and brought back."""

from pathlib import Path

from msgspec import structs

from netstack.core.identity import KnownPeer, fingerprint
from netstack.errors import InputError
from netstack.model.peers import KnownPeer as KnownPeerState
from netstack.model.session import TransportKind
from netstack.service.peer_book import Acquaintance, PeerBook


class KnownPeers:
    """The book as people see it: `rows` name each by its key's fingerprint. Without a home nothing is kept."""

    def __init__(self) -> None:
        self.book = PeerBook(None)
        self.rows: tuple[KnownPeerState, ...] = ()
        self._forgotten: tuple[KnownPeer, Acquaintance] | None = None

    def read(self, home: Path) -> None:
        """Blocks. Raises PeerscopeError where the book cannot be read."""
        self.book = PeerBook(home)

    def renew(self) -> None:
        """The book has changed."""
        self.rows = tuple(
            KnownPeerState(fingerprint(note.key), note.name, note.seen_at_s, note.prefers)
            for note in self.book.acquaintances
        )

    def key(self, peer: str) -> bytes:
        """Raises InputError for one who is not known any more."""
        for note in self.book.acquaintances:
            if fingerprint(note.key) == peer:
                return note.key
        raise InputError(InputError.Reason.USAGE, "that peer is not known any more")

    def note(self, key: bytes, name: str, at_s: float) -> None:
        """Seen then, under that name."""
        self.book.note(Acquaintance(key, name, at_s, self.prefers(key)))

    def prefers(self, key: bytes) -> TransportKind | None:
        """By which transport the user wants to talk to it; None: the best, or it is not known."""
        return next((note.prefers for note in self.book.acquaintances if note.key == key), None)

    def prefer(self, key: bytes, transport: TransportKind | None) -> None:
        """Remembers that."""
        for note in self.book.acquaintances:
            if note.key == key:
                self.book.note(structs.replace(note, prefers=transport))

    def forget(self, peer: str) -> str | None:
        """Forgets one and returns its name; None where there was nothing to forget."""
        key = self.key(peer)
        known = self.book.get(key)
        if known is None:
            return None
        note = next(each for each in self.book.acquaintances if each.key == key)
        self._forgotten = known, note
        self.book.forget(key)
        return note.name or peer

    def undo_forget(self) -> bool:
        """Takes the last `forget` back; False where there is none."""
        if self._forgotten is None:
            return False
        known, note = self._forgotten
        self._forgotten = None
        self.book.keep(known)
        self.book.note(note)
        return True
