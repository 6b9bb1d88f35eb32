"""Talk over real sessions on loopback: marks, payloads, files whole, paused, refused, cut and taken up again."""

import asyncio
import hashlib
from contextlib import AsyncExitStack
from pathlib import Path

import pytest

from netstack.core.identity import Identity, KnownPeer
from netstack.errors import InputError
from netstack.model.address import Address
from netstack.model.chat import FileState, LineKind, Mark, Pattern, Payload
from netstack.model.session import Mode, Priority, SessionError
from netstack.net.system import SystemNet
from netstack.service.chat import Chat
from netstack.service.peer_book import PeerBook
from netstack.service.sessions import Sessions
from netstack.service.shelf import Shelf
from netstack.tasks import TaskScope
from netstack.wire.chat import CHUNK_BYTES, Offer, encode

PSK = bytes(range(32))
ANY = Address("127.0.0.1", 0)


class Two:
    """Ana dials, Ben answers; each has a shelf of its own, and `meet` gives them a session with chats."""

    def __init__(self, folder: Path, *, max_bytes: int | None = None) -> None:
        self.shelves = Shelf(folder / "ana"), Shelf(folder / "ben", max_bytes)
        self.net = SystemNet()
        self.identities = Identity(b"\1" * 32), Identity(b"\2" * 32)
        self._stack = AsyncExitStack()
        self.tasks = TaskScope("chats")

    async def __aenter__(self) -> "Two":
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._stack.aclose()
        await self.tasks.close()

    async def meet(self, **ben: bool) -> tuple[Chat, Chat]:
        ana, them = self.identities
        books = PeerBook(), PeerBook()
        books[0].keep(KnownPeer(them.public, PSK))
        books[1].keep(KnownPeer(ana.public, PSK))
        accepted: asyncio.Queue = asyncio.Queue()
        dialling = Sessions(self.net, ana, books[0])
        listening = Sessions(self.net, them, books[1], accepted.put_nowait)
        self._stack.push_async_callback(listening.close)
        self._stack.push_async_callback(dialling.close)
        at = await listening.open_udp(local=ANY)
        await dialling.open_udp(local=ANY)
        ours = await dialling.connect(at, peer_key=them.public)
        theirs = await accepted.get()
        await theirs.established()
        self.ours = ours
        one = Chat(self.net, ours, peer_key=them.public, initiator=True, shelf=self.shelves[0])
        two = Chat(self.net, theirs, peer_key=ana.public, initiator=False, shelf=self.shelves[1], **ben)
        for chat in (one, two):
            self.tasks.start(chat.run(), "chat")
        return one, two


@pytest.fixture
def two(tmp_path: Path) -> Two:
    return Two(tmp_path)


async def until(condition, limit_s: float = 10.0) -> None:
    async with asyncio.timeout(limit_s):
        while not condition():  # noqa: ASYNC110 - what is waited for has no event
            await asyncio.sleep(0.005)


def of(chat: Chat, state: FileState) -> bool:
    return bool(chat.file_reports) and all(each.state is state for each in chat.file_reports)


async def test_a_text_is_marked_delivered_with_path_packets_and_time(two) -> None:
    async with two:
        ana, ben = await two.meet()
        line = await ana.send_text(" héllo\x07 \u202e👩‍🚀\nsecond ")
        assert (line.mark, line.transport, line.packets) == (Mark.DELIVERED, "udp", 1)
        assert line.took_s is not None
        assert line.took_s > 0
        await until(lambda: ben.lines)
        assert ben.lines[0].text == line.text == "héllo 👩‍🚀\nsecond"
        assert (ben.lines[0].mine, ben.lines[0].mark) == (False, Mark.RECEIVED)
        long = await ana.send_text("x" * 16_000)
        assert long.packets is not None
        assert long.packets > 10
        for bad in ("", " \n", "x" * 16_385):
            with pytest.raises(InputError):
                await ana.send_text(bad)


async def test_who_echoes_sends_every_text_back(two) -> None:
    async with two:
        ana, _ = await two.meet(echo=True)
        await ana.send_text("hello")
        await until(lambda: len(ana.lines) == 2)
        assert (ana.lines[1].text, ana.lines[1].mine) == ("hello", False)


@pytest.mark.parametrize("size", [0, 1, 100_000, 3_500_000])
@pytest.mark.parametrize("mode", [Mode.ORDERED, Mode.UNORDERED])
async def test_a_payload_comes_back_byte_for_byte(two, size: int, mode: Mode) -> None:
    async with two:
        ana, ben = await two.meet()
        await ana.send_payload(Payload(size, Pattern.RANDOM, Priority.BULK, mode))
        await until(lambda: ana.lines[0].mark is Mark.RETURNED)
        line = ana.lines[0]
        assert (line.kind, line.moved_bytes) == (LineKind.PAYLOAD, size)
        assert line.packets is not None
        assert ben.lines[0].moved_bytes == size


async def test_an_unreliable_payload_is_only_sent(two) -> None:
    async with two:
        ana, _ = await two.meet()
        line = await ana.send_payload(Payload(5000, mode=Mode.UNRELIABLE, echo=False))
        assert (line.mark, line.packets, line.took_s) == (Mark.SENT, None, None)


async def test_a_message_when_it_is_over_is_marked_lost(two) -> None:
    async with two:
        ana, _ = await two.meet()
        two.ours.close()
        with pytest.raises(SessionError):
            await ana.send_text("too late")
        assert ana.lines[0].mark is Mark.LOST
        with pytest.raises(SessionError):
            await ana.send_payload(Payload(9_000_000))
        assert ana.lines[1].mark is Mark.LOST


def made(folder: Path, name: str, size: int) -> Path:
    folder.mkdir(exist_ok=True)
    path = folder / name
    block = bytes(range(256)) * 256
    path.write_bytes((block * (size // len(block) + 1))[:size])
    return path


def digest(path: Path) -> bytes:
    return hashlib.sha256(path.read_bytes()).digest()


@pytest.mark.parametrize("size", [0, 1, CHUNK_BYTES, 9_000_000])
async def test_files_arrive_whole_and_nothing_is_replaced(two, tmp_path: Path, size: int) -> None:
    async with two:
        ana, ben = await two.meet(accept_all=True)
        path = made(tmp_path / "out", "report.pdf", size)
        taken = made(tmp_path / "ben", "report.pdf", 3)
        ana.send_file(path)
        await until(lambda: of(ana, FileState.DONE) and of(ben, FileState.DONE))
        arrived = Path(ben.file_reports[0].place)
        assert arrived == tmp_path / "ben" / "report (2).pdf"
        assert digest(arrived) == digest(path)
        assert taken.stat().st_size == 3
        assert not list((tmp_path / "ben").glob("*.part"))


async def test_a_file_is_asked_for_paused_and_goes_on(two, tmp_path: Path) -> None:
    async with two:
        ana, ben = await two.meet()
        ana.send_file(made(tmp_path / "out", "film.mkv", 20_000_000))
        await until(lambda: of(ben, FileState.OFFERED))
        number = ben.file_reports[0].number
        ben.files.answer(number, accept=True)
        ben.files.pause(number, paused=True)
        await until(lambda: of(ana, FileState.PAUSED))
        assert ana.file_reports[0].paused_by_peer
        moved = ana.file_reports[0].moved_bytes
        await asyncio.sleep(0.1)
        assert ana.file_reports[0].moved_bytes <= moved + (4 << 20)
        await ana.send_text("chat goes on meanwhile")
        ben.files.pause(number, paused=False)
        await until(lambda: of(ana, FileState.DONE))


async def test_refused_cancelled_and_too_large(tmp_path: Path) -> None:
    two = Two(tmp_path, max_bytes=1_000_000)
    async with two:
        ana, ben = await two.meet()
        small, large = made(tmp_path / "out", "small", 1000), made(tmp_path / "out", "large", 1_000_001)
        ana.send_file(small)
        await until(lambda: of(ben, FileState.OFFERED))
        ben.files.answer(ben.file_reports[0].number, accept=False)
        await until(lambda: of(ana, FileState.FAILED))
        assert "did not want" in ana.file_reports[0].failure
        ana.send_file(large)
        await until(lambda: len(ben.file_reports) == 2)
        ben.files.answer(ben.file_reports[1].number, accept=True)
        await until(lambda: of(ana, FileState.FAILED) and len(ana.file_reports) == 2)
        assert "larger than the receiver allows" in ana.file_reports[1].failure
        ana.send_file(small)
        await until(lambda: len(ben.file_reports) == 3)
        ana.files.cancel(ana.file_reports[2].number)
        await until(lambda: of(ben, FileState.FAILED))
        assert not (tmp_path / "ben").exists()


async def test_a_cut_file_goes_on_where_it_was(two, tmp_path: Path) -> None:
    path = made(tmp_path / "out", "disk.img", 60_000_000)
    async with two:
        ana, ben = await two.meet(accept_all=True)
        ana.send_file(path)
        await until(lambda: ben.file_reports and ben.file_reports[0].moved_bytes > 1_000_000)
        two.ours.close()
        await until(lambda: of(ana, FileState.INTERRUPTED) and of(ben, FileState.INTERRUPTED))
        assert ana.files.unfinished == (path,)
        [part] = (tmp_path / "ben").glob("*.part")
        await asyncio.sleep(0.05)
        kept = part.stat().st_size
        assert 0 < kept < 60_000_000
        again, ben = await two.meet()  # nobody is asked a second time
        again.send_file(path)
        await until(lambda: ben.file_reports)
        await until(lambda: ben.file_reports[0].moved_bytes >= kept)
        await until(lambda: of(ben, FileState.DONE))
        assert digest(Path(ben.file_reports[0].place)) == digest(path)


async def test_a_file_that_changes_under_way_is_told_and_not_kept(two, tmp_path: Path) -> None:
    path = made(tmp_path / "out", "log.txt", 5_000_000)
    async with two:
        ana, ben = await two.meet()
        ana.send_file(path)
        await until(lambda: of(ben, FileState.OFFERED))
        path.write_bytes(b"y" * 5_000_000)
        ben.files.answer(ben.file_reports[0].number, accept=True)
        await until(lambda: of(ben, FileState.FAILED) and of(ana, FileState.FAILED))
        assert "changed while it was sent" in ben.file_reports[0].failure
        assert list((tmp_path / "ben").iterdir()) == []
        path.write_bytes(b"z")
        ana.send_file(tmp_path / "nowhere")
        await until(lambda: len(ana.file_reports) == 2 and ana.file_reports[1].state is FileState.FAILED)
        assert "cannot be read" in ana.file_reports[1].failure


async def test_no_space_left_is_a_sentence_and_what_came_stays(two, tmp_path: Path, monkeypatch) -> None:
    path = made(tmp_path / "out", "big", 3_000_000)
    async with two:
        ana, ben = await two.meet(accept_all=True)
        import shutil

        free = shutil.disk_usage(tmp_path)
        monkeypatch.setattr(shutil, "disk_usage", lambda _: free._replace(free=1000))
        ana.send_file(path)
        await until(lambda: of(ana, FileState.FAILED) and of(ben, FileState.FAILED))
        assert "no space left" in ana.file_reports[0].failure
        assert "no space left" in ben.file_reports[0].failure


async def test_what_a_peer_must_not_send_ends_one_file_and_nothing_else(two, tmp_path: Path) -> None:
    async with two:
        ana, ben = await two.meet(accept_all=True)
        for number, name in enumerate(("../../etc/passwd", "CON", "a\u202egpj.exe", "x" * 255)):
            offer = Offer(2 * number, 0, hashlib.sha256().digest(), name)
            await two.ours.send(encode(offer))
        for junk in (b"", b"\xff", b"\x01", b"\x12\0\0\0\0", encode(Offer(1, 5, bytes(32), "odd"))):
            await two.ours.send(junk)
        await until(lambda: of(ben, FileState.DONE))
        names = sorted(path.name for path in (tmp_path / "ben").iterdir())
        assert names == sorted(["passwd", "_CON", "agpj.exe", "x" * 150])
        assert ben.bad_notes == 4
        await ana.send_text("still here")
