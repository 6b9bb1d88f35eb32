"""What two connected peers say: texts with delivery marks, payloads that are measured and sent back, files."""

import asyncio
from collections import deque
from collections.abc import Callable
from pathlib import Path
from typing import Final

import msgspec

from netstack.core.chat_text import BLOCK_BYTES, block_of, piece, plain_text
from netstack.errors import DecodeError, InputError
from netstack.model.chat import ChatLine, FileReport, LineKind, Mark, Payload
from netstack.model.session import MessageReceived, Mode, Priority, SessionError
from netstack.net.protocol import Net
from netstack.service.connection import Connection
from netstack.service.file_desk import FileDesk
from netstack.service.knock import KnockDesk
from netstack.service.shelf import Shelf
from netstack.service.under_load import LoadDesk
from netstack.tasks import TaskScope
from netstack.wire.chat import (
    IS_ECHO,
    MAX_PART_BYTES,
    MAX_PAYLOAD_BYTES,
    MAX_TEXT_BYTES,
    WANTS_ECHO,
    ChatNote,
    KnockAsk,
    KnockDone,
    LoadAsk,
    LoadData,
    LoadStep,
    PayloadPart,
    Text,
    decode,
    encode,
)

MAX_LINES: Final = 300
MAX_UNDER_WAY: Final = 64
MAX_POSTS: Final = 4096
ECHO_QUEUE_BYTES: Final = 16 << 20
PARTS_AT_ONCE: Final = 8


class Chat:
    """One session's talk. `run` until the session is over; `changed` is called after `lines` or `files` have.

    `echo` sends every text back, too. Without `knocks`
    nobody knocks for the other, which shows an address. `accept_all` takes files into `shelf` without asking; None takes none.
    """

    def __init__(
        self,
        net: Net,
        connection: Connection,
        *,
        peer_key: bytes,
        initiator: bool,
        shelf: Shelf | None = None,
        accept_all: bool = False,
        echo: bool = False,
        knocks: bool = True,
        changed: Callable[[], None] = lambda: None,
    ) -> None:
        self._net = net
        self._connection = connection
        self._echo = echo
        self._changed = changed
        self._lines: dict[int, ChatLine] = {}
        self._next_line = 0
        self._next_payload = 0
        self._sent: dict[int, tuple[int, bytes, float]] = {}  # payloads of ours: line, block, when
        self._coming: dict[int, int] = {}  # the peer's payloads: line
        self._posts: deque[ChatNote] = deque()
        self._posted = asyncio.Event()
        self._echoes: deque[tuple[PayloadPart, MessageReceived]] = deque()
        self._echo_bytes = 0
        self._echoed = asyncio.Event()
        self._tasks = TaskScope("chat")
        self.bad_notes = 0
        self.dropped_echoes = 0
        self.files = FileDesk(
            net,
            connection,
            self._post,
            changed,
            peer_key=peer_key,
            even=initiator,
            shelf=shelf,
            accept_all=accept_all,
        )
        self.knocks = KnockDesk(net, connection, self._post, willing=knocks)
        self.load = LoadDesk(net, connection, self._post, changed, accept_all=echo)

    @property
    def lines(self) -> tuple[ChatLine, ...]:
        """The last 300 lines."""
        return tuple(self._lines.values())

    @property
    def file_reports(self) -> tuple[FileReport, ...]:
        """The files of this session."""
        return self.files.reports

    async def run(self) -> None:
        """Takes what the peer says until the session is over, then marks what did not arrive."""
        self._tasks.start(self._speak(), "speak")
        self._tasks.start(self._return_echoes(), "echo")
        try:
            while True:
                self._take(await self._connection.receive())
        except SessionError:
            pass
        finally:
            try:
                await self.load.close()
                await self.knocks.close()
            finally:
                await self._tasks.close()
                await self.files.close()
            for line in self.lines:
                if line.mine and line.mark in {Mark.WAITING, Mark.SENT}:
                    self._change(line, mark=Mark.LOST)

    def note(self, text: str) -> None:
        """A line of the program's own."""
        self._add(LineKind.NOTE, text, mine=False, mark=Mark.RECEIVED)

    async def send_text(self, text: str) -> ChatLine:
        """Says something, and returns the line once the peer has it. Raises InputError, SessionError."""
        words = plain_text(text)
        if not words or len(words.encode()) > MAX_TEXT_BYTES:
            raise InputError(InputError.Reason.USAGE, f"a message has 1 to {MAX_TEXT_BYTES} bytes")
        line = self._lines[self._add(LineKind.TEXT, words, mine=True, mark=Mark.WAITING)]
        began_s = self._net.now()
        try:
            packets = await self._connection.deliver(encode(Text(words)), Priority.REALTIME, Mode.ORDERED)
        except BaseException:
            self._change(line, mark=Mark.LOST)
            raise
        return self._change(line, mark=Mark.DELIVERED, packets=packets, took_s=self._net.now() - began_s)

    async def send_payload(self, payload: Payload) -> ChatLine:
        """Sends bytes and returns the line once they have left, or arrived where that is promised.

        More than 1 MiB travels as several messages. Raises InputError, SessionError.
        """
        total = payload.size_bytes
        if not 0 <= total <= MAX_PAYLOAD_BYTES:
            raise InputError(InputError.Reason.USAGE, f"a payload has 0 to {MAX_PAYLOAD_BYTES} bytes")
        number = self._add(
            LineKind.PAYLOAD, payload.pattern.value, mine=True, mark=Mark.WAITING, size_bytes=total
        )
        line = self._lines[number]
        key, self._next_payload = self._next_payload, (self._next_payload + 1) & 0xFFFFFFFF
        block = block_of(payload.pattern, self._net.random_bytes(BLOCK_BYTES))
        began_s = self._net.now()
        if payload.echo:
            self._sent[key] = line.number, block, began_s
            while len(self._sent) > MAX_UNDER_WAY:
                del self._sent[next(iter(self._sent))]
        reliable = payload.mode.reliable
        packets = 0
        errors: list[SessionError] = []
        room = asyncio.Semaphore(PARTS_AT_ONCE)

        async def send(offset: int) -> None:
            nonlocal packets
            data = piece(block, offset, min(MAX_PART_BYTES, total - offset))
            note = encode(PayloadPart(key, WANTS_ECHO if payload.echo else 0, total, offset, data))
            try:
                if reliable:
                    packets += await self._connection.deliver(note, payload.priority, payload.mode)
                else:
                    await self._connection.send(note, payload.priority, payload.mode)
            except SessionError as error:
                errors.append(error)
            finally:
                room.release()

        try:
            async with TaskScope("payload") as parts:
                for offset in range(0, total or 1, MAX_PART_BYTES):
                    await room.acquire()
                    parts.start(send(offset), f"at {offset}")
                for _ in range(PARTS_AT_ONCE):
                    await room.acquire()
            if errors:
                raise errors[0]
        except BaseException:
            self._change(line, mark=Mark.LOST)
            raise
        now = self._lines.get(line.number, line)
        if now.mark is Mark.RETURNED:
            return self._change(now, packets=packets if reliable else None)
        if not reliable:
            return self._change(now, mark=Mark.SENT)
        return self._change(now, mark=Mark.DELIVERED, packets=packets, took_s=self._net.now() - began_s)

    def send_file(self, path: Path) -> int:
        """Offers a file and returns its number. Raises FileError."""
        return self.files.send(path)

    # What the peer says.

    def _take(self, message: MessageReceived) -> None:
        try:
            note = decode(message.data)
        except DecodeError:
            self.bad_notes += 1
            return
        if isinstance(note, Text):
            words = plain_text(note.text)
            if words:
                self._add(LineKind.TEXT, words, mine=False, mark=Mark.RECEIVED)
                if self._echo:
                    self._post(Text(words))
        elif isinstance(note, PayloadPart):
            self._take_payload(note, message)
        elif isinstance(note, LoadAsk | LoadData | LoadStep | KnockAsk | KnockDone):
            self._take_measuring(note)
        else:
            self.files.take(note)

    def _take_measuring(self, note: LoadAsk | LoadData | LoadStep | KnockAsk | KnockDone) -> None:
        if isinstance(note, KnockAsk | KnockDone):
            self.knocks.take(note)
        else:
            self.load.take(note)

    def _take_payload(self, part: PayloadPart, message: MessageReceived) -> None:
        if part.flags & IS_ECHO:
            self._take_echo(part)
            return
        line = self._coming.get(part.number)
        if line is None or line not in self._lines or self._lines[line].size_bytes != part.total:
            line = self._add(LineKind.PAYLOAD, "", mine=False, mark=Mark.RECEIVED, size_bytes=part.total)
            self._coming[part.number] = line
            while len(self._coming) > MAX_UNDER_WAY:
                del self._coming[next(iter(self._coming))]
        known = self._lines[line]
        moved = min(known.moved_bytes + len(part.data), part.total)
        self._change(known, moved_bytes=moved)
        if moved == part.total:
            self._coming.pop(part.number, None)
        if part.flags & WANTS_ECHO:
            if self._echo_bytes + len(part.data) > ECHO_QUEUE_BYTES:
                self.dropped_echoes += 1
                return
            self._echo_bytes += len(part.data)
            self._echoes.append((part, message))
            self._echoed.set()

    def _take_echo(self, part: PayloadPart) -> None:
        sent = self._sent.get(part.number)
        if sent is None or sent[0] not in self._lines:
            return
        number, block, began_s = sent
        line = self._lines[number]
        if part.total != line.size_bytes or part.data != piece(block, part.offset, len(part.data)):
            self.bad_notes += 1
            return
        moved = line.moved_bytes + len(part.data)
        if moved < part.total:
            self._change(line, moved_bytes=moved)
        else:
            del self._sent[part.number]
            took_s = self._net.now() - began_s
            self._change(line, moved_bytes=part.total, mark=Mark.RETURNED, took_s=took_s)

    # What goes out.

    def _post(self, note: ChatNote) -> None:
        """Queues a note; a peer that asks for more than can be said is not answered any more."""
        if len(self._posts) < MAX_POSTS:
            self._posts.append(note)
            self._posted.set()

    async def _speak(self) -> None:
        try:
            while True:
                while self._posts:
                    await self._connection.send(
                        encode(self._posts.popleft()), Priority.REALTIME, Mode.ORDERED
                    )
                self._posted.clear()
                await self._posted.wait()
        except SessionError:
            pass

    async def _return_echoes(self) -> None:
        """Apart from the reading: two who echo must not wait for each other."""
        try:
            while True:
                while self._echoes:
                    part, message = self._echoes.popleft()
                    back = msgspec.structs.replace(part, flags=IS_ECHO)
                    mode = Mode.UNRELIABLE if message.mode is Mode.DEADLINE else message.mode
                    await self._connection.send(encode(back), message.priority, mode)
                    self._echo_bytes -= len(part.data)
                self._echoed.clear()
                await self._echoed.wait()
        except SessionError:
            pass

    # Lines.

    def _add(self, kind: LineKind, text: str, *, mine: bool, mark: Mark, size_bytes: int = 0) -> int:
        number, self._next_line = self._next_line, self._next_line + 1
        self._lines[number] = ChatLine(
            number=number,
            at_s=self._net.wall_time(),
            kind=kind,
            mine=mine,
            text=text,
            mark=mark,
            transport=self._transport() if kind is not LineKind.NOTE else "",
            size_bytes=size_bytes,
        )
        while len(self._lines) > MAX_LINES:
            del self._lines[next(iter(self._lines))]
        self._changed()
        return number

    def _change(self, line: ChatLine, **changes: object) -> ChatLine:
        changed = msgspec.structs.replace(line, **changes)
        if line.number in self._lines:
            self._lines[line.number] = changed
            self._changed()
        return changed

    def _transport(self) -> str:
        """What carries messages now."""
        session = self._connection.session
        path = session.paths.table.get(session.paths.main) if session is not None else None
        return path.traits.kind.value if path is not None and path.traits is not None else ""
