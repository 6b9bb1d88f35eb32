"""The files of one session, both ways: offers, answers, chunks from and to the disk, and what a cut leaves behind."""

import asyncio
from collections import deque
from collections.abc import Callable
from pathlib import Path
from typing import Final

from netstack.core.chat_text import plain_text
from netstack.core.file_name import safe_name
from netstack.core.file_transfer import Incoming, Outgoing, Transfer
from netstack.model.chat import FileEnd, FileError, FileReport, FileState
from netstack.model.session import Mode, Priority, SessionError
from netstack.net.protocol import Net
from netstack.service.connection import Connection
from netstack.service.in_thread import in_thread
from netstack.service.shelf import END_OF, REASON_OF, LocalFile, Shelf
from netstack.tasks import TaskScope
from netstack.wire.chat import FileNote, Offer, encode

MAX_ACTIVE: Final = 32
MAX_SHOWN: Final = 64
RATE_OVER_S: Final = 3.0
KEPT_ENDS: Final = frozenset({FileEnd.NO_SPACE, FileEnd.UNWRITABLE, FileEnd.UNREADABLE, FileEnd.PROTOCOL})

_R = FileError.Reason


class _Entry:
    """One file as this side sees it; `transfer` is None while the file is read for the first time."""

    def __init__(self, number: int, name: str, *, mine: bool) -> None:
        self.number = number
        self.name = name
        self.mine = mine
        self.transfer: Outgoing | Incoming | None = None
        self.path: Path | None = None
        self.place = ""
        self.error: FileError | None = None
        self.cut = False
        self.news = asyncio.Event()
        self.moves: deque[tuple[float, int]] = deque()

    @property
    def over(self) -> bool:
        return (
            self.error is not None
            or self.cut
            or (self.transfer is not None and self.transfer.end is not None)
        )

    def moved(self, now: float) -> None:
        if self.transfer is not None:
            self.moves.append((now, self.transfer.moved_bytes))
            while self.moves[0][0] < now - RATE_OVER_S:
                self.moves.popleft()

    @property
    def rate(self) -> float | None:
        """Bytes a second over the last three seconds."""
        if len(self.moves) < 2 or self.moves[-1][0] <= self.moves[0][0]:
            return None
        (first_s, first), (last_s, last) = self.moves[0], self.moves[-1]
        return (last - first) / (last_s - first_s)

    def report(self) -> FileReport:
        transfer = self.transfer
        state = FileState.CHECKING if transfer is None else transfer.state
        if self.cut:
            state = FileState.INTERRUPTED
        elif self.error is not None:
            state = FileState.FAILED
        return FileReport(
            number=self.number,
            name=self.name,
            size_bytes=0 if transfer is None else transfer.offer.size_bytes,
            mine=self.mine,
            state=state,
            moved_bytes=0 if transfer is None else transfer.moved_bytes,
            rate=self.rate if state is FileState.MOVING else None,
            place=self.place,
            failure="" if self.error is None else self.error.sentence,
            reason=None if self.error is None else FileError.Reason(self.error.reason),
            paused_by_peer=transfer is not None and transfer.paused_there,
        )


class FileDesk:
    """Made by `Chat`. `post` sends a note ahead of bulk; `accept_all` answers offers without asking.

    `shelf` None refuses every offer. Numbers are even where this side dialled (`even`).
    """

    def __init__(
        self,
        net: Net,
        connection: Connection,
        post: Callable[[FileNote], None],
        changed: Callable[[], None],
        *,
        peer_key: bytes,
        even: bool,
        shelf: Shelf | None,
        accept_all: bool,
    ) -> None:
        self._net = net
        self._connection = connection
        self._post = post
        self._changed = changed
        self._peer_key = peer_key
        self._next = 0 if even else 1
        self._shelf = shelf
        self._accept_all = accept_all
        self._entries: dict[int, _Entry] = {}
        self._tasks = TaskScope("files")
        self.arrived: Callable[[Path], None] = lambda _: None

    @property
    def reports(self) -> tuple[FileReport, ...]:
        """Every file of the session, oldest first; at most 64."""
        return tuple(entry.report() for entry in self._entries.values())

    @property
    def unfinished(self) -> tuple[Path, ...]:
        """What we were sending when the session was cut."""
        return tuple(e.path for e in self._entries.values() if e.mine and e.cut and e.path is not None)

    def send(self, path: Path) -> int:
        """Offers a file and returns its number. Raises FileError when too many are under way."""
        self._make_room()
        number, self._next = self._next, self._next + 2
        entry = self._entries[number] = _Entry(number, safe_name(path.name), mine=True)
        entry.path = path
        self._tasks.start(self._send(entry, path), f"send {number}")
        self._changed()
        return number

    def answer(self, number: int, *, accept: bool) -> None:
        """Takes or refuses a file that is offered to us."""
        entry = self._entries.get(number)
        if entry is None or entry.mine or not isinstance(entry.transfer, Incoming):
            return
        if entry.transfer.state is not FileState.OFFERED or entry.over:
            return
        if accept and self._shelf is not None:
            self._begin(entry, entry.transfer, self._shelf)
        else:
            entry.transfer.finish(FileEnd.REFUSED)
            entry.error = FileError(_R.DECLINED)
        self._flush(entry)

    def pause(self, number: int, *, paused: bool) -> None:
        """Rests, or goes on."""
        entry = self._entries.get(number)
        if entry is not None and entry.transfer is not None:
            (entry.transfer.pause if paused else entry.transfer.resume)()
            entry.moves.clear()
            self._flush(entry)

    def cancel(self, number: int) -> None:
        """Ends a transfer for both."""
        entry = self._entries.get(number)
        if entry is not None and not entry.over:
            entry.error = FileError(_R.CANCELLED)
            if entry.transfer is not None:
                entry.transfer.finish(FileEnd.CANCELLED)
            self._flush(entry)

    def take(self, note: FileNote) -> None:
        """A note of the peer; one about an unknown file is ignored, as it may have ended here already."""
        if isinstance(note, Offer):
            self._offered(note)
            return
        entry = self._entries.get(note.file)
        if entry is None or entry.transfer is None or entry.over:
            return
        entry.transfer.receive(note)
        self._look(entry)
        self._flush(entry)

    async def close(self) -> None:
        """The session is over: what was under way is marked, what has come stays."""
        for entry in self._entries.values():
            if not entry.over:
                entry.cut = True
                entry.error = FileError(_R.INTERRUPTED)
        await self._tasks.close()
        self._changed()

    def _offered(self, offer: Offer) -> None:
        if offer.file in self._entries or offer.file % 2 == self._next % 2:
            return
        entry = _Entry(offer.file, safe_name(plain_text(offer.name)), mine=False)
        transfer = entry.transfer = Incoming(offer)
        try:
            self._make_room()
        except FileError:
            transfer.finish(FileEnd.QUOTA)
            self._flush(entry)
            return
        self._entries[offer.file] = entry
        shelf = self._shelf
        if shelf is None:
            transfer.finish(FileEnd.REFUSED)
            entry.error = FileError(_R.REFUSED)
        elif self._accept_all or shelf.is_wanted(self._peer_key, offer):
            self._begin(entry, transfer, shelf)
        self._flush(entry)

    def _begin(self, entry: _Entry, transfer: Incoming, shelf: Shelf) -> None:
        if not shelf.reserve(transfer.offer):
            transfer.finish(FileEnd.QUOTA)
            entry.error = FileError(_R.QUOTA)
            return
        shelf.want(self._peer_key, transfer.offer)
        self._tasks.start(self._keep(entry, transfer, shelf), f"keep {entry.number}")

    def _make_room(self) -> None:
        """Forgets the oldest that have ended. Raises FileError when too many are under way."""
        if sum(not entry.over for entry in self._entries.values()) >= MAX_ACTIVE:
            raise FileError(_R.TOO_MANY)
        ended = [number for number, entry in self._entries.items() if entry.over]
        for number in ended[: max(0, len(self._entries) - MAX_SHOWN + 1)]:
            del self._entries[number]

    def _flush(self, entry: _Entry) -> None:
        """Sends what the machine has to say, wakes its task, and tells the window."""
        transfer = entry.transfer
        while transfer is not None and (note := transfer.poll_transmit()) is not None:
            self._post(note)
        entry.news.set()
        self._changed()

    def _look(self, entry: _Entry) -> None:
        """A transfer that the peer or the machine has ended gets its sentence."""
        transfer = entry.transfer
        if transfer is None or transfer.end in {None, FileEnd.COMPLETE}:
            entry.moved(self._net.now())
        elif entry.error is None and transfer.end is not None:
            entry.error = FileError(REASON_OF[transfer.end])

    async def _send(self, entry: _Entry, path: Path) -> None:
        local = LocalFile(path)
        try:
            await in_thread(local.open)
            if entry.over:
                return
            offer = Offer(entry.number, local.size_bytes, local.sha256, local.name)
            transfer = entry.transfer = Outgoing(offer)
            self._flush(entry)
            while transfer.end is None:
                wanted = transfer.next_read()
                if wanted is None:
                    entry.news.clear()
                    await entry.news.wait()
                    continue
                chunk = transfer.chunk(wanted[0], await in_thread(local.read, *wanted))
                if chunk is not None:
                    await self._connection.send(encode(chunk), Priority.BULK, Mode.ORDERED)
                else:
                    self._look(entry)
                    self._flush(entry)
        except FileError as error:
            self._fail(entry, entry.transfer, error)
        except SessionError:  # it ended while a part was being read; `close` comes soon
            entry.cut = True
            entry.error = FileError(_R.INTERRUPTED)
            self._changed()
        finally:
            await in_thread(local.close)

    async def _keep(self, entry: _Entry, transfer: Incoming, shelf: Shelf) -> None:
        offer = transfer.offer
        try:
            part = await in_thread(shelf.open, offer)
        except FileError as error:
            self._fail(entry, transfer, error)
            shelf.release(offer)
            return
        try:
            transfer.accept(part.offset)
            self._flush(entry)
            while transfer.end is None and not transfer.complete:
                data = transfer.poll_write()
                if data is None:
                    entry.news.clear()
                    await entry.news.wait()
                    continue
                await in_thread(part.write, data)
                transfer.wrote(len(data))
                self._look(entry)
                self._flush(entry)
            if transfer.complete:
                place = await in_thread(part.keep)
                entry.place = str(place)
                transfer.finish(FileEnd.COMPLETE)
                self._flush(entry)
                self.arrived(place)
        except FileError as error:
            self._fail(entry, transfer, error)
        finally:
            kept = transfer.end is None or transfer.end in KEPT_ENDS
            await in_thread(part.close if kept else part.discard)
            if transfer.end is not None:
                shelf.unwant(self._peer_key, offer)
            shelf.release(offer, arrived=transfer.end is FileEnd.COMPLETE)

    def _fail(self, entry: _Entry, transfer: Transfer | None, error: FileError) -> None:
        entry.error = error
        if transfer is not None and isinstance(error.reason, FileError.Reason):
            transfer.finish(END_OF[error.reason])
        self._flush(entry)
