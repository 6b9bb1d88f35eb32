"""A round trip against a delay that the kernel stamped at both ends: the arithmetic, and a session over the line."""

import struct

import pytest

from tests.kernel.known_delay import (
    FAR,
    NANOSECOND_PCAP,
    NEAR,
    Compared,
    Crossing,
    Packet,
    Probe,
    compare,
    crossings,
    read_pcap,
)

MS = 1e-3


def _frame(source: str, payload: bytes) -> bytes:
    address = bytes(map(int, source.split(".")))
    ip = b"\x45" + bytes(8) + b"\x11" + bytes(2) + address + bytes(4)
    return bytes(12) + b"\x08\x00" + ip + bytes(8) + payload


def test_a_capture_is_read_with_nanoseconds_and_without_what_is_not_udp() -> None:
    frames = [(7, 250_000_001, _frame(NEAR, b"one")), (8, 0, bytes(60)), (9, 5, _frame(FAR, b"two"))]
    head = struct.pack("=IHHiIII", NANOSECOND_PCAP, 2, 4, 0, 0, 2048, 1)
    records = b"".join(struct.pack("=IIII", s, ns, len(f), len(f)) + f for s, ns, f in frames)
    assert read_pcap(head + records) == [Packet(7.250000001, NEAR, b"one"), Packet(9.000000005, FAR, b"two")]
    with pytest.raises(ValueError, match="nanoseconds"):
        read_pcap(b"\xd4\xc3\xb2\xa1" + bytes(40))


def test_packets_are_known_by_what_they_carry() -> None:
    near = [Packet(1.0, NEAR, b"a"), Packet(1.1, NEAR, b"lost"), Packet(1.03, FAR, b"b")]
    far = [Packet(1.01, NEAR, b"a"), Packet(1.02, FAR, b"b")]
    assert crossings(near, far, NEAR) == [Crossing(1.0, 1.01)]
    assert crossings(far, near, FAR) == [Crossing(1.02, 1.03)]


def test_each_probe_is_compared_with_its_own_two_packets() -> None:
    """10 and 12 ms on the line, 50 ms at the far side that are in neither figure; an acknowledgement passes by."""
    out = [Crossing(1.0, 1.010), Crossing(1.075, 1.085), Crossing(2.0, 2.010)]
    back = [Crossing(1.060, 1.072), Crossing(1.5, 1.511)]
    early_stamp = Probe(1.0 - 0.3 * MS, 1.072, 22.3 * MS)
    answered_by_nothing = Probe(2.0, 2.03, 20 * MS)
    assert compare([early_stamp, answered_by_nothing], out, back) == [
        Compared(22.3 * MS, pytest.approx(22 * MS))
    ]


def test_a_session_over_the_line_measures_what_the_kernel_saw(bed: object) -> None:
    from tests.bench.rtt_known_delay import once, told

    compared = once(3.0, 0.01)
    print(told(compared))
    assert len(compared) >= 10
    assert min(each.line_s for each in compared) >= 0.02
