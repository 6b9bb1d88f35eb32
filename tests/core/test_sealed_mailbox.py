import pytest
from hypothesis import given
from hypothesis import strategies as st

from netstack.core.sealed_mailbox import MAX_NOTES, MAX_REPEATS, SealedMailbox
from netstack.model.meeting import MeetingError
from netstack.wire.signal import Sealed, decode

HOST, GUEST = b"h" * 32, b"g" * 32


def pair() -> tuple[SealedMailbox, SealedMailbox]:
    return (
        SealedMailbox(b"attempt1", HOST, GUEST, from_host=True),
        SealedMailbox(b"attempt1", GUEST, HOST, from_host=False),
    )


def notes(side: SealedMailbox) -> list[Sealed]:
    found = []
    while (data := side.poll_transmit()) is not None:
        found.append(decode(data))
    return found


def test_a_note_is_repeated_more_and_more_rarely_until_it_is_acknowledged() -> None:
    host, guest = pair()
    host.send(b"note", 0.0)
    (first,) = notes(host)
    times = []
    while len(times) < 6:
        times.append(host.deadline())
        host.handle_timeout(host.deadline())
        assert notes(host) == [first]
    assert times == pytest.approx([0.4, 1.2, 2.8, 6.0, 12.4, 20.4])
    assert guest.receive(first) == b"note"
    (ack,) = notes(guest)
    assert host.receive(ack) is None
    assert (host.waiting, host.deadline()) == (0, None)


def test_repeats_are_acknowledged_but_not_for_ever() -> None:
    host, guest = pair()
    host.send(b"note", 0.0)
    (note,) = notes(host)
    assert [guest.receive(note) for _ in range(2 * MAX_REPEATS)].count(b"note") == 1
    answered = 0
    for _ in range(2 * MAX_REPEATS):
        guest.receive(note)
        answered += len(notes(guest))
    assert answered <= MAX_REPEATS


def test_a_note_turned_back_or_of_another_meeting_is_not_ours() -> None:
    host, guest = pair()
    host.send(b"note", 0.0)
    (note,) = notes(host)
    assert host.receive(note) is None
    assert guest.receive(Sealed(b"attempt2", True, note.number, note.box)) is None
    assert guest.receive(Sealed(b"attempt1", True, note.number + 1, note.box)) is None
    assert guest.forged == 1
    assert guest.receive(note) == b"note"


@given(st.binary(min_size=17, max_size=80), st.integers(0, 2**32 - 1))
def test_forged_boxes_do_not_open(box: bytes, number: int) -> None:
    _, guest = pair()
    assert guest.receive(Sealed(b"attempt1", True, number, box)) is None
    assert notes(guest) == []


def test_a_meeting_has_a_bound() -> None:
    host, guest = pair()
    for _ in range(MAX_NOTES):
        host.send(b"x", 0.0)
        for note in notes(host):
            assert guest.receive(note) == b"x"
        for ack in notes(guest):
            host.receive(ack)
    with pytest.raises(MeetingError, match="2048"):
        host.send(b"x", 0.0)
