"""The peers that were met: their keys, and what the next handshake with them needs. One private file."""

import base64
from pathlib import Path
from typing import Final

import msgspec

from netstack.core.identity import KnownPeer
from netstack.model.session import TransportKind
from netstack.service.identity import IdentityError, write_private
from netstack.wire.candidate_note import plain_name

FILE: Final = "peers.json"
MAX_PEERS: Final = 4096


class _Entry(msgspec.Struct, frozen=True):
    key: str
    psk: str
    previous_psk: str | None = None
    name: str = ""
    seen_at_s: float | None = None
    prefers: TransportKind | None = None


class Acquaintance(msgspec.Struct, frozen=True):
    """What is remembered for people: what the peer called itself, when it was met last (since 1970), and by which
    transport the user wants to talk to it (None: the best).
    """

    key: bytes
    name: str = ""
    seen_at_s: float | None = None
    prefers: TransportKind | None = None


class PeerBook:
    """Known peers by key, oldest first; at most 4,096. `folder` None keeps them in memory only.

    Raises IdentityError when the file is there but cannot be read.
    """

    def __init__(self, folder: Path | None = None) -> None:
        self._path = None if folder is None else folder / FILE
        self._peers: dict[bytes, KnownPeer] = {}
        self._notes: dict[bytes, Acquaintance] = {}
        self.dirty = False
        self.failure: str | None = None
        if self._path is not None and self._path.exists():
            self._load(self._path)

    def __len__(self) -> int:
        return len(self._peers)

    def get(self, key: bytes) -> KnownPeer | None:
        """The peer with this key."""
        return self._peers.get(key)

    @property
    def acquaintances(self) -> tuple[Acquaintance, ...]:
        """Every known peer, the one met last first."""
        notes = [self._notes.get(key) or Acquaintance(key) for key in self._peers]
        return tuple(sorted(notes, key=lambda note: -(note.seen_at_s or 0.0)))

    def note(self, note: Acquaintance) -> None:
        """Remembers what the peer called itself; one that is not known is not noted."""
        if note.key in self._peers:
            self._notes[note.key] = note
            self.dirty = True

    def keep(self, peer: KnownPeer) -> None:
        """Remembers a peer; `store` writes it."""
        self._peers.pop(peer.key, None)
        self._peers[peer.key] = peer
        while len(self._peers) > MAX_PEERS:
            oldest = next(iter(self._peers))
            del self._peers[oldest]
            self._notes.pop(oldest, None)
        self.dirty = True

    def forget(self, key: bytes) -> None:
        """Forgets a peer. Forgetting one that is not known does nothing."""
        self._notes.pop(key, None)
        self.dirty = self._peers.pop(key, None) is not None or self.dirty

    def _load(self, path: Path) -> None:
        try:
            entries = msgspec.json.decode(path.read_bytes(), type=list[_Entry])
            for entry in entries:
                previous = None if entry.previous_psk is None else base64.b64decode(entry.previous_psk)
                key, psk = base64.b64decode(entry.key), base64.b64decode(entry.psk)
                self._peers[key] = KnownPeer(key, psk, previous)
                self._notes[key] = Acquaintance(key, plain_name(entry.name), entry.seen_at_s, entry.prefers)
        except (OSError, ValueError, msgspec.DecodeError) as error:
            raise IdentityError(IdentityError.Reason.FILE, f"{path}: {error}") from error

    def store(self) -> None:
        """Writes what has changed (blocks). What cannot be written stays `dirty` and is told in `failure`."""
        if self._path is None or not self.dirty:
            return
        entries = [
            _Entry(
                _text(peer.key),
                _text(peer.psk),
                None if peer.previous_psk is None else _text(peer.previous_psk),
                (note := self._notes.get(peer.key) or Acquaintance(peer.key)).name,
                note.seen_at_s,
                note.prefers,
            )
            for peer in list(self._peers.values())
        ]
        self.dirty = False
        try:
            self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            write_private(self._path, msgspec.json.encode(entries))
            self.failure = None
        except OSError as error:
            self.dirty = True
            self.failure = f"Peers cannot be remembered: {self._path}: {error.strerror}."


def _text(data: bytes) -> str:
    return base64.b64encode(data).decode()
