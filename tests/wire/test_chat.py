"""Messages of peers: what is written is read, and anything else is a DecodeError."""

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from netstack.errors import DecodeError
from netstack.model.chat import FileEnd
from netstack.model.port_mapping import Carried
from netstack.wire.chat import (
    CHUNK_BYTES,
    MAX_FILE_BYTES,
    MAX_NAME_BYTES,
    MAX_TEXT_BYTES,
    Accept,
    ChatNote,
    Chunk,
    End,
    Got,
    KnockAsk,
    KnockDone,
    KnockOutcome,
    LoadAsk,
    LoadData,
    LoadStep,
    LoadVerb,
    Offer,
    Pause,
    PayloadPart,
    Resume,
    Text,
    decode,
    encode,
)

FILES = st.integers(0, 2**32 - 1)
OFFSETS = st.integers(0, 2**64 - 1)
NAMES = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=60)
NOTES = st.one_of(
    st.builds(Text, st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=200)),
    st.builds(
        lambda number, flags, data, before, after: PayloadPart(
            number, flags, before + len(data) + after, before, data
        ),
        FILES,
        st.integers(0, 3),
        st.binary(max_size=50),
        st.integers(0, 1000),
        st.integers(0, 1000),
    ),
    st.builds(Offer, FILES, st.integers(0, MAX_FILE_BYTES), st.binary(min_size=32, max_size=32), NAMES),
    st.builds(Accept, FILES, OFFSETS),
    st.builds(Got, FILES, OFFSETS),
    st.builds(Chunk, FILES, OFFSETS, st.binary(min_size=1, max_size=60)),
    st.builds(Pause, FILES),
    st.builds(Resume, FILES),
    st.builds(End, FILES, st.sampled_from(FileEnd)),
    st.builds(LoadAsk, FILES, st.integers(1, 20), st.integers(1, 1 << 28)),
    st.builds(LoadStep, FILES, st.sampled_from(LoadVerb), OFFSETS),
    st.builds(LoadData, FILES, st.binary(min_size=1, max_size=60)),
    st.builds(
        KnockAsk,
        FILES,
        st.sampled_from(Carried),
        st.integers(1, 65_535),
        st.binary(min_size=16, max_size=16),
        st.ip_addresses().map(str),
    ),
    st.builds(KnockDone, FILES, st.sampled_from(KnockOutcome)),
)


@given(NOTES)
def test_what_is_written_is_read(note: ChatNote) -> None:
    assert decode(encode(note)) == note


@given(
    st.binary(max_size=80)
    | st.builds(lambda kind, rest: bytes((kind,)) + rest, st.integers(0, 0x20), st.binary())
)
def test_any_bytes_are_a_note_or_a_decode_error(data: bytes) -> None:
    with suppress(DecodeError):
        assert encode(decode(data)) == data


@pytest.mark.parametrize(
    ("hexadecimal", "note"),
    [
        ("01 68c3a9", Text("hé")),
        ("02 00000007 01 0000000a 00000008 6162", PayloadPart(7, 1, 10, 8, b"ab")),
        ("10 00000002 0000000000000005" + "ab" * 32 + "612e74", Offer(2, 5, b"\xab" * 32, "a.t")),
        ("11 00000002 0000000000000003", Accept(2, 3)),
        ("12 00000002 0000000000000003 6465", Chunk(2, 3, b"de")),
        ("13 00000002 0000000000000005", Got(2, 5)),
        ("14 00000002", Pause(2)),
        ("15 00000002", Resume(2)),
        ("16 00000002 03", End(2, FileEnd.NO_SPACE)),
    ],
)
def test_the_bytes_are_those_of_the_document(hexadecimal: str, note: ChatNote) -> None:
    assert encode(note) == bytes.fromhex(hexadecimal)
    assert decode(bytes.fromhex(hexadecimal)) == note


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\x01",
        b"\x01\xff\xfe",
        b"\x01" + b"x" * (MAX_TEXT_BYTES + 1),
        bytes.fromhex("02 00000007 01 00000001 00000000 6162"),
        encode(Offer(2, 5, bytes(32), "x" * (MAX_NAME_BYTES + 1))),
        encode(Offer(2, MAX_FILE_BYTES + 1, bytes(32), "x")),
        encode(Offer(2, 5, bytes(32), "")),
        encode(Chunk(2, 0, bytes(CHUNK_BYTES + 1))),
        encode(Chunk(2, 0, b"")),
        encode(Pause(2)) + b"!",
        bytes.fromhex("16 00000002 63"),
        b"\x7f",
    ],
)
def test_out_of_bounds(data: bytes) -> None:
    with pytest.raises(DecodeError):
        decode(data)
