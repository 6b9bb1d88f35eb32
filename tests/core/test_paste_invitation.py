from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from netstack.core.paste_invitation import MAX_PAYLOAD, PasteInvitation, read_invitation
from netstack.core.session_link import qr_rows
from netstack.model.meeting import MeetingError

R = MeetingError.Reason
MADE = PasteInvitation.make(b"k" * 16, b"host's candidates", 1000.0)


def refused(call, *arguments) -> MeetingError.Reason:
    with pytest.raises(MeetingError) as caught:
        call(*arguments)
    return caught.value.reason


def test_there_and_back_gives_both_the_same_key():
    read = read_invitation(f"  {MADE.text[:30]}\r\n {MADE.text[30:]}\n", 1100.0)
    assert read == MADE
    assert read.psk == MADE.psk
    assert len(read.psk) == 32
    assert MADE.read_reply(read.reply(b"guest's candidates", b"n" * 12), 1200.0) == b"guest's candidates"


@given(st.binary(max_size=MAX_PAYLOAD), st.binary(min_size=12, max_size=12))
def test_it_stays_under_1_kb_and_fits_a_picture(payload, nonce):
    made = PasteInvitation.make(b"k" * 16, payload, 1000.0)
    for text in (made.text, made.reply(payload, nonce)):
        assert len(text) < 1024
    if len(payload) > 600:
        assert qr_rows(made.text)


def test_the_key_and_the_reply_are_not_readable():
    assert "kkkk" not in repr(MADE)
    reply = MADE.reply(b"guest's candidates", b"n" * 12)
    other = PasteInvitation.make(b"K" * 16, b"host's candidates", 1000.0)
    assert refused(other.read_reply, reply, 1100.0) is R.WRONG_CODE
    changed = PasteInvitation.make(b"k" * 16, b"Host's candidates", 1000.0)
    assert changed.psk != MADE.psk  # whoever changes the addresses on the way breaks it
    assert refused(changed.read_reply, reply, 1100.0) is R.WRONG_CODE


def test_ten_minutes_are_enough():
    assert refused(read_invitation, MADE.text, 1600.0) is R.EXPIRED
    assert refused(MADE.read_reply, MADE.reply(b"", b"n" * 12), 1600.0) is R.EXPIRED
    assert (
        refused(read_invitation, PasteInvitation.make(b"k" * 16, b"", 9000.0).text, 1000.0)
        is R.MALFORMED_PASTE
    )


def test_too_much_is_refused():
    assert refused(PasteInvitation.make, b"k" * 16, bytes(681), 0.0) is R.TOO_LONG
    assert refused(MADE.reply, bytes(681), b"n" * 12) is R.TOO_LONG


@given(st.data())
def test_a_lost_or_changed_letter_is_noticed(data):
    at = data.draw(st.integers(0, len(MADE.text) - 1))
    new = data.draw(st.sampled_from(("", "A", "é", "=", "\u202e")))
    text = MADE.text[:at] + new + MADE.text[at + 1 :]
    if text != MADE.text:
        assert refused(read_invitation, text, 1100.0) is R.MALFORMED_PASTE


@given(st.text(max_size=100) | st.text(max_size=60).map(lambda tail: "peerscope-invitation." + tail))
def test_any_text_is_an_invitation_or_a_meeting_error(text):
    with suppress(MeetingError):
        read_invitation(text, 0.0)
    with suppress(MeetingError):
        MADE.read_reply(text, 0.0)
