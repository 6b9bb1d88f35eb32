"""Notes between peers: both ways, and what a lying peer can put in."""

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from netstack.errors import DecodeError
from netstack.model.candidate import CandidateKind, PairState, PairStory
from netstack.model.nat import Verdict
from netstack.model.pair import NatFacts
from netstack.wire.candidate_note import (
    MAX_BYTES,
    About,
    Again,
    AllTold,
    LadderNote,
    NatNote,
    TcpCandidate,
    UdpCandidate,
    WebRtcNote,
    WebRtcStep,
    decode,
    encode,
    plain_name,
)
from netstack.wire.ice_description import IceCandidate, IceDescription


@pytest.mark.parametrize(
    "note",
    [
        About("Ana"),
        NatNote(NatFacts(verdict=Verdict.STRICT, carrier=True)),
        LadderNote.of(
            [PairStory(CandidateKind.HOST, "10.0.0.1:5", PairState.NO_REPLY, 3, True, 0.01, False)]
        ),
        Again(),
        UdpCandidate(CandidateKind.REFLEXIVE, "203.0.113.7", 40000),
        UdpCandidate(CandidateKind.HOST, "2001:db8::7", 1),
        TcpCandidate("192.168.1.5", 65535),
        AllTold(),
    ],
)
def test_both_ways(note: object) -> None:
    assert decode(encode(note)) == note  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"{}",
        b'{"type":"udp","kind":"host","host":"x","port":1}',
        b'{"type":"udp","kind":"host","host":"203.0.113.7","port":0}',
        b'{"type":"udp","kind":"odd","host":"203.0.113.7","port":1}',
        b'{"type":"udp","kind":"host","host":"224.0.0.1","port":1}',
        b'{"type":"udp","kind":"host","host":"255.255.255.255","port":1}',
        b'{"type":"tcp","host":"0.0.0.0","port":1}',
        b'{"type":"about","name":"' + b"x" * MAX_BYTES + b'"}',
        b"\xff",
    ],
)
def test_what_is_refused(data: bytes) -> None:
    with pytest.raises(DecodeError):
        decode(data)


def test_a_name_cannot_play_tricks() -> None:
    assert plain_name("A\u202ena\x1b[31m\n  B") == "Ana[31m B"
    assert len(plain_name("x" * 500)) == 40
    assert decode(encode(About("\u200bAna\u0000"))) == About("Ana")


@given(st.binary(max_size=200))
def test_any_bytes_are_a_note_or_a_decode_error(data: bytes) -> None:
    with contextlib.suppress(DecodeError):
        decode(data)


def test_a_description_takes_as_many_addresses_as_fit() -> None:
    candidates = tuple(
        IceCandidate(CandidateKind.HOST, f"2001:db8::{n:x}:1234:5678:9abc", 50_000) for n in range(24)
    )
    note = WebRtcNote.of(WebRtcStep.OFFER, IceDescription("abcd", "p" * 24, "5a" * 32, candidates))
    assert len(encode(note)) <= MAX_BYTES
    assert note.description is not None
    assert 10 < len(note.description.candidates) < 24
    assert decode(encode(note)) == note


@pytest.mark.parametrize("host", ["example.org", "224.0.0.1", "0.0.0.0"])
def test_a_description_holds_addresses_alone(host: str) -> None:
    candidates = (IceCandidate(CandidateKind.HOST, host, 5),)
    note = WebRtcNote(WebRtcStep.OFFER, IceDescription("abcd", "p" * 24, "5a" * 32, candidates))
    with pytest.raises(DecodeError):
        decode(encode(note))
