"""A guest's channel against a guest who lies: nothing before the proof, no more than its credit, and waiters that end."""

import asyncio
from collections.abc import Callable

import pytest

from netstack.model.session import Mode, Priority, SessionError
from netstack.model.webrtc import WebRtcError
from netstack.net.system import SystemNet
from netstack.service.guest_channel import MAX_MESSAGE_BYTES, GuestChannel
from netstack.wire import guest as wire
from netstack.wire.guest import WINDOW_BYTES, About, Facts, Got, Piece, Ping, Pong, Proof

OURS, THEIRS = b"o" * 32, b"t" * 32


class Pipe:
    """In place of data channels: what was sent is kept, what comes is handed in."""

    def __init__(self) -> None:
        self.sent: list[object] = []
        self.fast: list[object] = []
        self.closed = False
        self.on_message: Callable[[bytes], None] = lambda _: None
        self.on_fast: Callable[[bytes], None] = lambda _: None
        self.on_closed: Callable[[], None] = lambda: None

    def send(self, data: bytes) -> None:
        self.sent.append(wire.decode(data))

    def send_fast(self, data: bytes) -> None:
        self.fast.append(wire.decode(data))

    async def close(self) -> None:
        self.closed = True

    def say(self, frame: object) -> None:
        self.on_message(wire.encode(frame))  # type: ignore[arg-type]


def channel() -> tuple[Pipe, GuestChannel]:
    pipe = Pipe()
    return pipe, GuestChannel(SystemNet(), pipe, OURS, THEIRS, lambda: None)  # type: ignore[arg-type]


async def proved() -> tuple[Pipe, GuestChannel]:
    pipe, guest = channel()
    pipe.say(Proof(THEIRS))
    await guest.prove()
    return pipe, guest


async def test_both_prove_before_anything_else() -> None:
    pipe, guest = await proved()
    assert pipe.sent[0] == Proof(OURS)
    pipe.say(About("Ben\u202e", "Chrome"))
    assert guest.about.name == "Ben"
    await guest.close()
    assert pipe.closed


@pytest.mark.parametrize(
    "first", [Proof(OURS), Proof(b"x" * 32), About("Ben"), Piece(b"hello", last=True), Got(0, 0)]
)
async def test_whoever_says_anything_else_first_is_refused(first: object) -> None:
    """Our own proof turned back is none of theirs either."""
    pipe, guest = channel()
    pipe.say(first)
    pipe.on_fast(wire.encode(Ping(1, 0.0)))
    pipe.say(Proof(THEIRS))  # too late
    with pytest.raises(WebRtcError):
        await guest.prove()
    assert pipe.fast == []
    await guest.close()


async def test_no_more_leaves_than_the_guest_has_room_for() -> None:
    pipe, guest = await proved()
    asyncio_tasks = [asyncio.ensure_future(guest.deliver(bytes(300_000), Priority.BULK, Mode.ORDERED))]  # noqa: TID251
    await asyncio.sleep(0)
    pieces = [frame for frame in pipe.sent if isinstance(frame, Piece)]
    assert sum(len(piece.data) for piece in pieces) == WINDOW_BYTES
    pipe.say(Got(0, 100_000_000))  # more than was ever sent
    pieces = [frame for frame in pipe.sent if isinstance(frame, Piece)]
    assert sum(len(piece.data) for piece in pieces) == 2 * WINDOW_BYTES
    pipe.say(Got(0, 2 * WINDOW_BYTES))
    pipe.say(Got(1, 300_000))
    assert await asyncio_tasks[0] == 19
    await guest.close()


async def test_words_overtake_bulk_between_messages() -> None:
    pipe, guest = await proved()
    for data, priority in (
        (b"b" * 200_000, Priority.BULK),
        (b"c" * 9, Priority.BULK),
        (b"word", Priority.REALTIME),
    ):
        await guest.send(data, priority)
    for _ in range(3):
        pipe.say(Got(0, 1 << 40))
    starts = [frame.data[:1] for frame in pipe.sent if isinstance(frame, Piece) and frame.last]
    assert starts == [b"b", b"w", b"c"]
    await guest.close()


async def test_a_message_without_end_ends_the_guest() -> None:
    pipe, guest = await proved()
    for _ in range(MAX_MESSAGE_BYTES // 16_384 + 1):
        pipe.say(Piece(bytes(16_384), last=False))
    assert guest.closed
    with pytest.raises(SessionError):
        await guest.receive()
    await guest.close()


async def test_who_is_not_read_gets_no_more_credit() -> None:
    pipe, guest = await proved()
    for _ in range(5):
        for part in range(64):
            pipe.say(Piece(bytes(16_384), last=part == 63))
    told = [frame for frame in pipe.sent if isinstance(frame, Got)]
    assert told[-1].taken_bytes < 5 << 20
    await guest.receive()
    assert [frame for frame in pipe.sent if isinstance(frame, Got)][-1].taken_bytes == 5 << 20
    await guest.close()


async def test_pongs_that_nobody_asked_for_are_no_round_trips() -> None:
    pipe, guest = await proved()
    await asyncio.sleep(0.05)
    ping = next(frame for frame in pipe.fast if isinstance(frame, Ping))
    pipe.on_fast(wire.encode(Pong(ping.sequence, ping.t1_s - 5, 0.0, 1)))
    pipe.on_fast(wire.encode(Pong(99, 0.0, 0.0, 1)))
    assert guest.summary().n == 0
    pipe.on_fast(wire.encode(Ping(7, 1.5)))
    assert isinstance(pipe.fast[-1], Pong)
    pipe.say(Facts("host", "host", "udp", 0.01))
    assert guest.facts.rtt_s == 0.01
    await guest.close()


async def test_everybody_who_waits_hears_the_end() -> None:
    pipe, guest = await proved()
    waiting = [
        asyncio.ensure_future(each)  # noqa: TID251
        for each in (guest.receive(), guest.deliver(bytes(400_000), Priority.BULK, Mode.ORDERED))
    ]
    await asyncio.sleep(0)
    pipe.on_closed()
    for task in waiting:
        with pytest.raises(SessionError):
            await task
    await guest.close()
