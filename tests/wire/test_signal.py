import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from netstack.errors import DecodeError
from netstack.wire import signal
from netstack.wire.signal import Confirm, Hello, Offer, Refusal, Refused, Reply, Sealed

ids, words32 = st.binary(min_size=8, max_size=8), st.binary(min_size=32, max_size=32)
notes = (
    st.builds(Hello, ids)
    | st.builds(Offer, ids, words32)
    | st.builds(Reply, ids, ids, words32, words32)
    | st.builds(Confirm, ids, ids, words32)
    | st.builds(Refused, ids, st.sampled_from(Refusal), st.integers(0, 255))
    | st.builds(Sealed, ids, st.booleans(), st.integers(0, 2**32 - 1), st.binary(min_size=17, max_size=100))
)


@given(notes)
def test_notes_read_as_written(note):
    assert signal.decode(signal.encode(note)) == note


@given(st.binary(max_size=120) | st.binary(max_size=120).map(lambda tail: b"\x71" + tail))
def test_any_bytes_give_a_value_or_a_decode_error(data):
    with contextlib.suppress(DecodeError):
        assert signal.encode(signal.decode(data)) == data


def test_the_largest_sealed_note_fits_a_mailbox():
    note = Sealed(b"a" * 8, True, 1, bytes(signal.MAX_SEALED))
    assert len(signal.encode(note)) <= signal.MAX_BYTES
    with pytest.raises(ValueError, match="wrong size"):
        signal.encode(Sealed(b"a" * 8, True, 1, bytes(signal.MAX_SEALED + 1)))
    with pytest.raises(DecodeError) as caught:
        signal.decode(signal.encode(note) + bytes(100))
    assert caught.value.reason is DecodeError.Reason.OVERSIZED


def test_a_field_of_a_wrong_size_is_not_written():
    with pytest.raises(ValueError, match="size"):
        signal.encode(Hello(b"short"))
