"""Bursts against one packet at a time, and changes that must not open."""

import pytest
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305
from hypothesis import given
from hypothesis import strategies as st

from netstack.core import seal
from netstack.wire import packet

AEAD = ChaCha20Poly1305(bytes(range(32)))
PATH, PHASE, RECEIVER = 3, 2, 0xABCDEF
FIRSTS = st.sampled_from([0, 1, 77, (1 << 32) - 50, 1 << 32, (5 << 32) + 9])


def sealed(first, plaintexts):
    return seal.seal_burst(AEAD, PATH, PHASE, RECEIVER, first, plaintexts)


def opened(first, data, segment):
    run = seal.RunOpener().open(AEAD, PATH, PHASE, RECEIVER, first, data, segment)
    return None if run is None else [run.plaintext(at) for at in range(run.count)]


@given(FIRSTS, st.integers(1, 44), st.integers(1, 40), st.data())
def test_a_burst_is_its_packets(first, count, size, data):
    last = data.draw(st.integers(1, size))
    plaintexts = [bytes((number,)) * size for number in range(count - 1)] + [b"z" * last]
    burst = sealed(first, plaintexts)
    segment = 8 + size + 16
    for number, plaintext in enumerate(plaintexts):
        raw = burst[number * segment : (number + 1) * segment]
        header = packet.decode_full(raw)
        assert header == (PHASE, RECEIVER, (first + number) & 0xFFFFFFFF, 32, 8)
        assert seal.open_one(AEAD, PATH, PHASE, RECEIVER, first + number, raw[8:]) == plaintext
        assert len(raw) == len(plaintext) + 24
    if count == 1:
        segment = len(burst)
    assert seal.is_run(burst, segment)
    assert opened(first, memoryview(burst), segment) == plaintexts


@given(st.binary(min_size=1, max_size=100), FIRSTS)
def test_a_short_packet(plaintext, number):
    raw = seal.seal_short(AEAD, PATH, PHASE, number, plaintext)
    assert len(raw) == len(plaintext) + 18
    header = packet.decode_short(raw)
    expanded = packet.extend_number(header.low, header.bits, number + 1)
    assert seal.open_one(AEAD, PATH, header.phase, 0, expanded, raw[2:]) == plaintext


@pytest.mark.parametrize("at", range(8 + 5 + 16))
def test_no_changed_byte_opens(at):
    burst = bytearray(sealed(7, [b"first", b"again"]))
    burst[at] ^= 1
    header = packet.decode_full(burst) if burst[0] & 0xFC == 0xC0 else None
    if header is not None:
        body = bytes(burst[8:29])
        assert seal.open_one(AEAD, PATH, header.phase, header.receiver_id, header.low, body) is None
    assert not seal.is_run(burst, 29) or opened(7, bytes(burst), 29) is None


@pytest.mark.parametrize(
    ("path", "phase", "receiver", "number"),
    [(4, 2, 9, 5), (3, 1, 9, 5), (3, 2, 8, 5), (3, 2, 9, 6), (3, 2, 9, 5 + (1 << 32))],
)
def test_everything_in_the_nonce_counts(path, phase, receiver, number):
    raw = seal.seal_burst(AEAD, 3, 2, 9, 5, [b"x"])
    assert seal.open_one(AEAD, 3, 2, 9, 5, raw[8:]) == b"x"
    assert seal.open_one(AEAD, path, phase, receiver, number, raw[8:]) is None


def test_what_is_no_run():
    burst = sealed(0, [b"aaaa"] * 4)
    assert not seal.is_run(burst[:28] + burst[56:], 28)
    assert not seal.is_run(burst[:28] + b"\xc0", 28)
    other = seal.seal_burst(AEAD, PATH, PHASE, 1, 1, [b"aaaa"])
    assert not seal.is_run(burst[:28] + other, 28)
    middle = burst[:28] + burst[84:] + burst[56:84] + burst[84:]
    assert seal.is_run(middle, 28)
    assert opened(0, middle, 28) is None
