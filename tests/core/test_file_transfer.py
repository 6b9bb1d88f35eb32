"""Two sides of a file over lanes that keep their own order but not each other's: it is whole, or over on both."""

import random
from collections import deque

import pytest
from hypothesis import given
from hypothesis import strategies as st

from netstack.core.file_transfer import WINDOW_BYTES, Incoming, Outgoing, Transfer
from netstack.model.chat import FileEnd, FileState
from netstack.wire.chat import CHUNK_BYTES, Accept, Chunk, End, FileNote, Got, Offer

OFFER = Offer(0, 3 * CHUNK_BYTES + 17, bytes(32), "a")


class Link:
    """Notes and chunks on lanes of their own, delivered in any interleaving; a cut loses what is under way."""

    def __init__(self, content: bytes, kept: bytes, rng: random.Random) -> None:
        self.content, self.disk, self.rng = content, bytearray(kept), rng
        offer = Offer(0, len(content), bytes(32), "a")
        self.sender, self.receiver = Outgoing(offer), Incoming(offer)
        self.lanes: dict[str, deque[FileNote]] = {name: deque() for name in ("out", "bulk", "back")}
        self.receiver.accept(len(kept))
        self.most_under_way = 0

    def step(self) -> bool:
        """One thing happens, at random; false when nothing can."""
        for machine, lane in ((self.sender, "out"), (self.receiver, "back")):
            while (note := machine.poll_transmit()) is not None:
                if not isinstance(note, Offer):
                    self.lanes[lane].append(note)
        choices = [lane for lane in self.lanes if self.lanes[lane]]
        if self.sender.next_read() is not None:
            choices.append("read")
        if self.receiver._to_write:
            choices.append("write")
        if not choices:
            return False
        match self.rng.choice(choices):
            case "read":
                offset, size = self.sender.next_read() or (0, 0)
                chunk = self.sender.chunk(offset, self.content[offset : offset + size])
                assert chunk is not None
                self.lanes["bulk"].append(chunk)
            case "write":
                data = self.receiver.poll_write() or b""
                self.disk += data
                self.receiver.wrote(len(data))
            case "back":
                self.sender.receive(self.lanes["back"].popleft())
            case lane:
                self.receiver.receive(self.lanes[lane].popleft())
        under_way = sum(len(each.data) for each in self.lanes["bulk"] if isinstance(each, Chunk))
        self.most_under_way = max(self.most_under_way, under_way + sum(map(len, self.receiver._to_write)))
        return True

    def finish(self) -> None:
        while self.step():
            pass
        if self.receiver.complete:
            self.receiver.finish(FileEnd.COMPLETE)
        while self.step():
            pass


@given(st.integers(0, 40 * CHUNK_BYTES), st.integers(0, 2**32), st.lists(st.integers(0, 400), max_size=3))
def test_whatever_the_order_the_rests_and_the_cuts_the_file_is_whole(
    size: int, seed: int, cuts: list[int]
) -> None:
    rng = random.Random(seed)
    content = (bytes(range(251)) * (size // 251 + 1))[:size]
    kept = b""
    for steps in [*cuts, None]:
        link = Link(content, kept, rng)
        for _ in range(steps or 50):
            machine: Transfer = rng.choice((link.sender, link.receiver))
            rng.choice((machine.pause, machine.resume, lambda: None, lambda: None))()
            link.step()
        kept = bytes(link.disk)
    assert link.receiver.end is None
    link.sender.resume()
    link.receiver.resume()
    link.finish()
    assert bytes(link.disk) == content
    assert (link.sender.state, link.receiver.state) == (FileState.DONE, FileState.DONE)
    assert link.most_under_way <= WINDOW_BYTES


@given(st.integers(0, 100), st.sampled_from(list(FileEnd)[1:]), st.booleans(), st.integers(0, 2**32))
def test_an_end_on_one_side_ends_both(steps: int, reason: FileEnd, by_sender: bool, seed: int) -> None:
    link = Link(bytes(20 * CHUNK_BYTES), b"", random.Random(seed))
    for _ in range(steps):
        link.step()
    machine: Transfer = link.sender if by_sender else link.receiver
    machine.finish(reason)
    assert machine.poll_transmit() == End(0, reason)
    other: Transfer = link.receiver if by_sender else link.sender
    other.receive(End(0, reason))
    link.finish()
    assert (machine.end, other.end) == (reason, reason)


@pytest.mark.parametrize(
    "note",
    [
        Chunk(0, 1, b"gap"),
        Chunk(0, 0, bytes(CHUNK_BYTES)[: OFFER.size_bytes] + b"x" * (3 * CHUNK_BYTES)),
        Got(0, 0),
        Accept(0, 0),
    ],
)
def test_what_was_not_asked_for_ends_the_receiver(note: FileNote) -> None:
    receiver = Incoming(OFFER)
    receiver.accept()
    receiver.receive(note)
    assert receiver.end is FileEnd.PROTOCOL
    assert receiver.poll_write() is None


def test_nothing_is_taken_before_it_was_accepted() -> None:
    receiver = Incoming(OFFER)
    receiver.receive(Chunk(0, 0, b"early"))
    assert receiver.end is FileEnd.PROTOCOL


def test_only_the_receiver_says_complete() -> None:
    receiver = Incoming(OFFER)
    receiver.accept()
    receiver.receive(End(0, FileEnd.COMPLETE))
    assert receiver.end is FileEnd.PROTOCOL
    sender = Outgoing(OFFER)
    sender.receive(End(0, FileEnd.COMPLETE))
    assert sender.end is FileEnd.PROTOCOL


@pytest.mark.parametrize("note", [Accept(0, OFFER.size_bytes + 1), Got(0, 1)])
def test_a_receiver_that_asks_beyond_the_end_is_not_served(note: FileNote) -> None:
    sender = Outgoing(OFFER)
    sender.receive(note)
    assert sender.end is FileEnd.PROTOCOL
    assert sender.next_read() is None


def test_a_receiver_that_does_not_write_stops_the_sender() -> None:
    sender = Outgoing(Offer(0, 3 * WINDOW_BYTES, bytes(32), "a"))
    sender.receive(Accept(0, 0))
    sent = 0
    while (wanted := sender.next_read()) is not None:
        assert sender.chunk(wanted[0], bytes(wanted[1])) is not None
        sent += wanted[1]
    assert sent == WINDOW_BYTES
    sender.receive(Got(0, 5))
    assert sender.next_read() == (WINDOW_BYTES, 5)
    assert sender.chunk(WINDOW_BYTES, b"1234") is None
    assert sender.end is FileEnd.DIFFERENT
