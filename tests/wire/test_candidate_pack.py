"""All notes of a side in a few hundred bytes, and what a lying peer can put in."""

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from netstack.core.paste_invitation import MAX_PAYLOAD
from netstack.errors import DecodeError
from netstack.model.candidate import CandidateKind
from netstack.model.nat import Verdict
from netstack.model.pair import NatFacts
from netstack.wire.candidate_note import About, AllTold, CandidateNote, NatNote, TcpCandidate, UdpCandidate
from netstack.wire.candidate_pack import MAX_CANDIDATES, pack, unpack

NOTES: list[CandidateNote] = [
    About("Ana"),
    NatNote(NatFacts(verdict=Verdict.STRICT, relay=True)),
    UdpCandidate(CandidateKind.HOST, "192.168.1.5", 4000),
    UdpCandidate(CandidateKind.REFLEXIVE, "2001:db8::7", 1),
    TcpCandidate("192.168.1.5", 65535),
]


def test_both_ways() -> None:
    assert unpack(pack([*NOTES, AllTold()], MAX_PAYLOAD)) == NOTES
    assert len(pack(NOTES, MAX_PAYLOAD)) < 100


@given(st.integers(0, 60), st.integers(60, MAX_PAYLOAD))
def test_what_does_not_fit_is_left_out_from_the_end(count: int, room: int) -> None:
    many = [UdpCandidate(CandidateKind.HOST, f"2001:db8::{n + 1:x}", 4000) for n in range(count)]
    packed = pack(many, room)
    assert len(packed) <= room
    kept = unpack(packed)[2:]
    assert kept == many[: len(kept)]
    assert len(kept) <= MAX_CANDIDATES


@given(st.binary(max_size=300))
def test_any_bytes_are_notes_or_a_decode_error(data: bytes) -> None:
    with contextlib.suppress(DecodeError):
        unpack(data)


@pytest.mark.parametrize("host", ["224.0.0.1", "0.0.0.0", "255.255.255.255"])
def test_addresses_of_nobody_are_refused(host: str) -> None:
    with pytest.raises(DecodeError):
        unpack(pack([UdpCandidate(CandidateKind.HOST, host, 1)], MAX_PAYLOAD))
