"""One file on its way, as a machine on each side: offered, accepted, in chunks, checked (docs/wire.md section 9). Pure.

    sender:   Offer ->            receiver:  <- Accept(offset), or <- End(REFUSED)
    sender:   Chunk, Chunk ... -> receiver:  <- Got(offset) as it is written     at most 4 MiB between the two
    either:   Pause, Resume, End                receiver at last:  <- End(COMPLETE) once the SHA-256 agrees

Call `receive` with each note of the peer; after that, and after every other call, drain `poll_transmit`. Notes about
a file may overtake its chunks, never each other. Whatever does not fit ends the transfer as PROTOCOL.
"""

from collections import deque
from typing import Final

from netstack.model.chat import FileEnd, FileState
from netstack.wire.chat import CHUNK_BYTES, Accept, Chunk, End, FileNote, Got, Offer, Pause, Resume

WINDOW_BYTES: Final = 4 << 20


class Transfer:
    """What both sides share. `end` is None until it is over, however it ended."""

    def __init__(self, offer: Offer) -> None:
        self.offer = offer
        self.end: FileEnd | None = None
        self.paused_here = self.paused_there = False
        self.accepted = False
        self._out: deque[FileNote] = deque()

    @property
    def moved_bytes(self) -> int:
        """What the receiver has written."""
        raise NotImplementedError

    @property
    def state(self) -> FileState:
        """Where it is."""
        if self.end is not None:
            return FileState.DONE if self.end is FileEnd.COMPLETE else FileState.FAILED
        if not self.accepted:
            return FileState.OFFERED
        if self.moved_bytes >= self.offer.size_bytes:
            return FileState.CHECKING
        return FileState.PAUSED if self.paused_here or self.paused_there else FileState.MOVING

    def poll_transmit(self) -> FileNote | None:
        """The next note for the peer."""
        return self._out.popleft() if self._out else None

    def pause(self) -> None:
        """Rests until `resume`. Twice is once."""
        if self.end is None and not self.paused_here:
            self.paused_here = True
            self._out.append(Pause(self.offer.file))

    def resume(self) -> None:
        """Goes on, unless the peer rests too."""
        if self.end is None and self.paused_here:
            self.paused_here = False
            self._out.append(Resume(self.offer.file))

    def finish(self, reason: FileEnd) -> None:
        """Ends it here and there. What has ended stays as it is."""
        if self.end is None:
            self.end = reason
            self._out.clear()
            self._out.append(End(self.offer.file, reason))

    def receive(self, note: FileNote) -> None:
        """Takes a note of the peer about this file."""
        if self.end is not None:
            return
        match note:
            case Pause():
                self.paused_there = True
            case Resume():
                self.paused_there = False
            case End(_, reason):
                self._ended(reason)
            case _:
                self._take(note)

    def _ended(self, reason: FileEnd) -> None:
        self.end = reason
        self._out.clear()

    def _take(self, note: FileNote) -> None:
        raise NotImplementedError


class Outgoing(Transfer):
    """The side that has the file: while `next_read` names a piece, read it and give it to `chunk`."""

    def __init__(self, offer: Offer) -> None:
        super().__init__(offer)
        self._sent = self._got = 0
        self._out.append(offer)

    @property
    def moved_bytes(self) -> int:
        """What the receiver has written."""
        return self._got

    def next_read(self) -> tuple[int, int] | None:
        """Offset and size of the piece to read now; None while there is nothing to do."""
        if self.end is not None or not self.accepted or self.paused_here or self.paused_there:
            return None
        size = min(CHUNK_BYTES, self.offer.size_bytes - self._sent, self._got + WINDOW_BYTES - self._sent)
        return (self._sent, size) if size > 0 else None

    def chunk(self, offset: int, data: bytes) -> Chunk | None:
        """What was read at `offset`, to be sent; fewer bytes than asked for mean that the file has changed."""
        asked = self.next_read()
        if asked is None or asked[0] != offset:
            return None
        if len(data) != asked[1]:
            self.finish(FileEnd.DIFFERENT)
            return None
        self._sent += len(data)
        return Chunk(self.offer.file, offset, data)

    def _take(self, note: FileNote) -> None:
        match note:
            case Accept(_, offset) if not self.accepted and offset <= self.offer.size_bytes:
                self.accepted = True
                self._sent = self._got = offset
            case Got(_, offset) if self.accepted and self._got <= offset <= self._sent:
                self._got = offset
            case _:
                self.finish(FileEnd.PROTOCOL)

    def _ended(self, reason: FileEnd) -> None:
        if reason is FileEnd.COMPLETE and self._sent != self.offer.size_bytes:
            self.finish(FileEnd.PROTOCOL)
            return
        if reason is FileEnd.COMPLETE:
            self._got = self._sent
        super()._ended(reason)


class Incoming(Transfer):
    """The side that wants the file: write what `poll_write` gives, tell `wrote`; then `complete` says whether to check."""

    def __init__(self, offer: Offer) -> None:
        super().__init__(offer)
        self._next = self._written = 0
        self._to_write: deque[bytes] = deque()

    @property
    def moved_bytes(self) -> int:
        """What has been written."""
        return self._written

    @property
    def complete(self) -> bool:
        """All of it is written: compare the SHA-256, then `finish`."""
        return self.end is None and self.accepted and self._written == self.offer.size_bytes

    def accept(self, offset: int = 0) -> None:
        """Asks for the file from `offset` on; what is before that is here already."""
        if self.end is None and not self.accepted:
            self.accepted = True
            self._next = self._written = offset
            self._out.append(Accept(self.offer.file, offset))

    def poll_write(self) -> bytes | None:
        """What has come and is not written yet, in order."""
        if not self._to_write or self.end is not None:
            return None
        data = b"".join(self._to_write)
        self._to_write.clear()
        return data

    def wrote(self, count: int) -> None:
        """So many bytes are on the disk."""
        self._written += count
        if self.end is None:
            self._out.append(Got(self.offer.file, self._written))

    def _take(self, note: FileNote) -> None:
        fits = (
            isinstance(note, Chunk)
            and self.accepted
            and note.offset == self._next
            and note.offset + len(note.data) <= min(self.offer.size_bytes, self._written + WINDOW_BYTES)
        )
        if not fits or not isinstance(note, Chunk):
            self.finish(FileEnd.PROTOCOL)
            return
        self._next += len(note.data)
        self._to_write.append(note.data)

    def finish(self, reason: FileEnd) -> None:
        """Ends it here and there; what is not written yet is not kept."""
        super().finish(reason)
        self._to_write.clear()

    def _ended(self, reason: FileEnd) -> None:
        self._to_write.clear()
        # Only this side can say that it is complete.
        super()._ended(FileEnd.PROTOCOL if reason is FileEnd.COMPLETE else reason)
