"""Two invitations on a manual clock, over mailboxes that lose, repeat, reorder, and let strangers in."""

import heapq
import random
from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from netstack.core.invitation import (
    LIFE_S,
    Confirmed,
    Ended,
    Failed,
    GuestInvitation,
    HostInvitation,
    Invitation,
    Received,
)
from netstack.core.session_code import SessionCode
from netstack.model.meeting import MeetingError
from netstack.wire.signal import Confirm, Hello, Offer, Refusal, Refused, Reply, Sealed, decode, encode

R = MeetingError.Reason
CODE = SessionCode("482915", ("amber", "walnut", "kayak"))
WRONG = SessionCode("482915", ("amber", "walnut", "lemon"))


class Board:
    """A mailbox that everybody who is on it hears, after a delay, on a manual clock."""

    def __init__(
        self, seed: int = 1, *, loss: float = 0.0, copies: float = 0.0, delay_s: float = 0.02
    ) -> None:
        self.random = random.Random(seed)
        self.loss, self.copies, self.delay_s = loss, copies, delay_s
        self.now = 0.0
        self.sides: list[Invitation] = []
        self.events: dict[int, list] = {}
        self.sent: list[bytes] = []
        self.tap: Callable[[bytes], list[bytes]] = lambda _: []
        self._queue: list[tuple[float, int, int, bytes]] = []

    def host(self, code: SessionCode = CODE) -> HostInvitation:
        return self._join(HostInvitation(code, self.random.randbytes, self.now))

    def guest(self, code: SessionCode = CODE) -> GuestInvitation:
        return self._join(GuestInvitation(code, self.random.randbytes, self.now))

    def _join(self, side):
        self.events[len(self.sides)] = []
        self.sides.append(side)
        self.drain()
        return side

    def of(self, side: Invitation, kind: type) -> list:
        self.drain()
        return [e for e in self.events[self.sides.index(side)] if isinstance(e, kind)]

    def drain(self) -> None:
        for number, side in enumerate(self.sides):
            while (note := side.poll_transmit()) is not None:
                assert len(note) <= 4096
                self.sent.append(note)
                self.post(note, number)
                for forged in self.tap(note):
                    self.post(forged, -1)
            while (event := side.poll_event()) is not None:
                self.events[number].append(event)

    def post(self, note: bytes, by: int = -1) -> None:
        for number in range(len(self.sides)):
            copies = 1 + (self.random.random() < self.copies)
            for _ in range(copies):
                if number != by and self.random.random() >= self.loss:
                    at = self.now + self.random.uniform(0.2, 1.8) * self.delay_s
                    heapq.heappush(self._queue, (at, self.random.getrandbits(32), number, note))

    def run(self, until: Callable[[], bool] = lambda: False, *, seconds: float = 700.0) -> bool:
        end = self.now + seconds
        for _ in range(50_000):
            self.drain()
            if until():
                return True
            dues = [side.deadline() for side in self.sides]
            dues = [due for due in dues if due is not None] + [entry[0] for entry in self._queue[:1]]
            if not dues or min(dues) > end:
                self.now = end
                return until()
            self.now = max(self.now, *[min(dues)])
            while self._queue and self._queue[0][0] <= self.now:
                _, _, number, note = heapq.heappop(self._queue)
                self.sides[number].receive(note, self.now)
                self.drain()
            for side in self.sides:
                if (due := side.deadline()) is not None and due <= self.now:
                    side.handle_timeout(self.now)
        raise AssertionError("it never comes to rest")


def met(host: Invitation, guest: Invitation) -> Callable[[], bool]:
    return lambda: host.confirmed and guest.confirmed


@pytest.mark.parametrize("first", ["host", "guest", "both"])
def test_whoever_comes_first_they_share_a_key(first: str) -> None:
    board = Board()
    if first == "guest":
        guest = board.guest()
        board.run(seconds=20)
        host = board.host()
    else:
        host = board.host()
        if first == "host":
            board.run(seconds=100)
        guest = board.guest()
    began = board.now
    assert board.run(met(host, guest))
    assert board.now - began < 0.2  # no timer was needed
    (one,), (other,) = board.of(host, Confirmed), board.of(guest, Confirmed)
    assert one == other
    assert len(one.psk) == 32
    assert "psk" not in repr(one)


def test_the_notes_before_the_confirmation_do_not_depend_on_the_words() -> None:
    """But for the elements, which SPAKE2 blinds, and the proofs, which need the key."""
    board = Board()
    host, guest = board.host(), board.guest()
    board.run(met(host, guest))
    for note in map(decode, board.sent):
        assert not isinstance(note, Sealed)
        assert not any(word.encode() in encode(note) for word in CODE.words)
    with pytest.raises(RuntimeError, match="proved the code"):
        Board().host().send(b"candidate", 0.0)


def test_sealed_notes_arrive_once_and_only_the_two_read_them() -> None:
    board = Board()
    host, guest, stranger = board.host(), board.guest(), board.guest(WRONG)
    board.run(met(host, guest))
    host.send(b"from host", board.now)
    guest.send(b"from guest", board.now)
    board.run(lambda: not host.unacknowledged and not guest.unacknowledged, seconds=20)
    assert [e.payload for e in board.of(guest, Received)] == [b"from host"]
    assert [e.payload for e in board.of(host, Received)] == [b"from guest"]
    assert not any(b"from" in note for note in board.sent)
    assert board.of(stranger, Received) == []


@settings(max_examples=40)
@given(st.integers(0, 2**32), st.floats(0, 0.5), st.floats(0, 0.5), st.sampled_from((0.01, 0.3, 2.0)))
def test_loss_repeats_and_disorder_only_cost_time(
    seed: int, loss: float, copies: float, delay_s: float
) -> None:
    board = Board(seed, loss=loss, copies=copies, delay_s=delay_s)
    host, guest = (board.host(), board.guest()) if seed % 2 else (board.guest(), board.host())
    if isinstance(host, GuestInvitation):
        host, guest = guest, host
    assert board.run(met(host, guest), seconds=300)
    for number in range(5):
        host.send(b"h%d" % number, board.now)
        guest.send(b"g%d" % number, board.now)
    board.run(lambda: not host.unacknowledged and not guest.unacknowledged, seconds=250)
    assert sorted(e.payload for e in board.of(guest, Received)) == [b"h%d" % n for n in range(5)]
    assert sorted(e.payload for e in board.of(host, Received)) == [b"g%d" % n for n in range(5)]
    assert board.of(host, Failed) == board.of(guest, Failed) == []


def test_a_wrong_code_is_told_to_both_and_costs_one_try_of_three() -> None:
    board = Board()
    host, wrong = board.host(), board.guest(WRONG)
    assert board.run(lambda: wrong.ended, seconds=10)
    assert board.of(host, Failed) == [Failed(2)]
    assert board.of(wrong, Ended)[0].error.reason is R.WRONG_CODE
    assert host.failures == wrong.failures == 1
    right = board.guest()
    assert board.run(met(host, right), seconds=10)


def test_three_wrong_codes_end_it_on_both_sides() -> None:
    board = Board()
    host = board.host()
    waiting = None
    for number in range(3):
        wrong = board.guest(WRONG)
        if number == 2:
            waiting = board.guest(WRONG)
        board.run(lambda wrong=wrong: wrong.ended, seconds=20)
    assert host.ended
    assert [e.left for e in board.of(host, Failed)] == [2, 1, 0]
    assert board.of(host, Ended)[0].error.reason is R.TOO_MANY_FAILURES
    board.run(lambda: waiting.ended, seconds=20)
    assert waiting.ended
    errors = {board.of(side, Ended)[0].error.reason for side in (wrong, waiting)}
    assert R.TOO_MANY_FAILURES in errors
    late = board.guest()
    assert board.run(lambda: late.ended)  # nobody answers any more
    assert board.of(late, Ended)[0].error.reason is R.EXPIRED


def test_a_used_code_is_refused() -> None:
    board = Board()
    host, guest = board.host(), board.guest()
    board.run(met(host, guest))
    late = board.guest()
    assert board.run(lambda: late.ended, seconds=20)
    assert board.of(late, Ended)[0].error.reason is R.USED
    assert met(host, guest)()
    assert host.failures == 0


@pytest.mark.parametrize("make", [Board.host, Board.guest])
def test_it_expires_after_ten_minutes(make) -> None:
    board = Board()
    side = make(board)
    assert not board.run(lambda: side.ended, seconds=LIFE_S - 1)
    assert board.run(lambda: side.ended, seconds=2)
    assert board.of(side, Ended)[0].error.reason is R.EXPIRED
    assert side.deadline() is None
    assert len(board.sent) < 100


def test_a_replay_of_everything_changes_nothing() -> None:
    board = Board()
    host, guest = board.host(), board.guest()
    board.run(met(host, guest))
    host.send(b"once", board.now)
    board.run(lambda: not host.unacknowledged)
    before = len(board.sent)
    for note in board.sent[:before] * 30:
        board.post(note)
    board.run(seconds=30)
    assert [e.payload for e in board.of(guest, Received)] == [b"once"]
    assert host.failures == 0
    assert len(board.sent) - before < 100  # far fewer than the 200 and more that were repeated


def test_a_recorded_meeting_is_worth_nothing_in_another() -> None:
    first, second = Board(1), Board(2)
    host, guest = first.host(), first.guest()
    first.run(met(host, guest))
    other = second.host()
    for note in first.sent:
        second.post(note)
    second.run(seconds=5)
    assert not other.confirmed
    assert other.failures == 0  # they answer no offer of this one


def test_a_stranger_who_answers_first_costs_a_try_and_no_more() -> None:
    board = Board()
    stolen = []

    def tap(note: bytes) -> list[bytes]:
        known = decode(note)
        if isinstance(known, Offer) and not stolen:
            stolen.append(known)
            return [encode(Reply(known.attempt, b"stranger", known.element, bytes(32)))]
        return []

    board.tap = tap
    host = board.host()
    board.run(seconds=1)
    guest = board.guest()
    assert board.run(met(host, guest), seconds=20)
    assert host.failures <= 1


def test_a_stranger_with_a_hundred_forged_offers_learns_three_replies_at_most() -> None:
    board = Board()
    guest = board.guest()
    source = random.Random(5)
    for _ in range(100):
        mine = HostInvitation(WRONG, source.randbytes, board.now)
        board.post(mine.poll_transmit())
        board.run(seconds=1)
    replies = {note for note in map(decode, board.sent) if isinstance(note, Reply)}
    assert len(replies) <= 3
    assert board.run(lambda: guest.ended, seconds=20)
    assert board.of(guest, Ended)[0].error.reason is R.TOO_MANY_FAILURES


def test_a_forged_refusal_does_not_beat_a_right_confirmation() -> None:
    board = Board()
    board.tap = lambda note: (
        [encode(Refused(known.guest, Refusal.WRONG, 1))] if isinstance(known := decode(note), Hello) else []
    )
    host, guest = board.host(), board.guest()
    assert board.run(met(host, guest), seconds=10)


def test_forged_confirmations_and_sealed_notes_open_nothing() -> None:
    board = Board()

    def tap(note: bytes) -> list[bytes]:
        known = decode(note)
        if isinstance(known, Reply):
            return [
                encode(Confirm(known.attempt, known.guest, bytes(32))),
                encode(Confirm(known.attempt, known.guest, known.proof)),  # our own proof, turned back
                encode(Sealed(known.attempt, True, 0, bytes(40))),
            ]
        return []

    board.tap = tap
    guest = board.guest()
    board.run(seconds=1)
    host = board.host()
    assert board.run(met(host, guest), seconds=20)
    board.run(seconds=5)
    assert board.of(guest, Received) == []


def test_a_host_that_hears_itself_is_no_guest() -> None:
    board = Board()
    host = board.host()
    board.tap = lambda note: [note]
    board.run(seconds=100)
    assert not host.confirmed
    assert host.failures == 0


def test_a_flood_is_bounded() -> None:
    board = Board()
    host, guest = board.host(), board.guest()
    board.run(met(host, guest))
    before = len(board.sent)
    source = random.Random(3)
    for number in range(3000):
        host.receive(encode(Hello(source.randbytes(8))), board.now)
        host.receive(encode(Reply(source.randbytes(8), source.randbytes(8), bytes(32), bytes(32))), board.now)
        host.receive(source.randbytes(number % 200), board.now)
        guest.receive(encode(Sealed(source.randbytes(8), True, number, bytes(40))), board.now)
    board.drain()
    assert len(board.sent) - before <= 64
    assert host.dropped >= 2900
    assert met(host, guest)()


@given(st.lists(st.binary(max_size=120).map(lambda tail: b"\x71" + tail), max_size=8))
def test_any_bytes_are_dropped(notes: list[bytes]) -> None:
    source = random.Random(1)
    for side in (HostInvitation(CODE, source.randbytes, 0.0), GuestInvitation(CODE, source.randbytes, 0.0)):
        for note in notes:
            side.receive(note, 1.0)
        assert not side.confirmed


def test_elements_that_are_none_of_the_group_are_refused() -> None:
    for element in (bytes(32), b"\xff" * 32, b"\1" + bytes(31)):
        board = Board()
        guest = board.guest()
        board.post(encode(Offer(b"attempt1", element)))
        board.run(seconds=1)
        assert not any(isinstance(decode(note), Reply) for note in board.sent)
        host = board.host()
        (offer,) = [n for n in map(decode, board.sent) if isinstance(n, Offer)]
        host.receive(encode(Reply(offer.attempt, b"stranger", element, bytes(32))), board.now)
        assert host.failures == 1
        assert board.run(met(host, guest), seconds=20)


def test_more_than_a_mailbox_takes_is_refused_in_a_sentence() -> None:
    board = Board()
    host, guest = board.host(), board.guest()
    board.run(met(host, guest))
    with pytest.raises(MeetingError, match="3001 bytes"):
        host.send(bytes(3001), board.now)
    for _ in range(24):
        host.send(bytes(10), board.now)
    with pytest.raises(MeetingError, match="under way"):
        host.send(bytes(10), board.now)


def test_close_says_so_and_nothing_more() -> None:
    board = Board()
    host, guest = board.host(), board.guest()
    board.run(met(host, guest))
    host.close()
    host.close()
    assert board.of(host, Ended) == [Ended(None)]
    with pytest.raises(RuntimeError):
        host.send(b"x", board.now)
