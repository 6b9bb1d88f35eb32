"""Wi-Fi's rate as the kernel lays it out, and every way in which it is not told."""

import struct

import pytest

from netstack.net.wireless_rate import encode_request, parse_rate, read_rate


def answer(value: int, disabled: int = 0) -> bytes:
    return b"wlan0".ljust(16, b"\0") + struct.pack("=iBBH", value, 0, disabled, 0) + bytes(8)


@pytest.mark.parametrize(
    ("raw", "rate_bps"),
    [
        (answer(866_700_000), 866_700_000),
        (answer(1), 1),
        (answer(0), None),
        (answer(-1), None),
        (answer(54_000_000, disabled=1), None),
        (answer(54_000_000)[:-1], None),
        (b"", None),
    ],
)
def test_the_rate_in_bits_a_second(raw: bytes, rate_bps: int | None) -> None:
    assert parse_rate(raw) == rate_bps


def test_the_question_names_the_interface_and_fits_whatever_it_is_called() -> None:
    assert encode_request("wlan0") == b"wlan0".ljust(32, b"\0")
    assert encode_request("w" * 40) == (b"w" * 15).ljust(32, b"\0")


def test_the_system_is_asked_and_its_refusal_is_no_rate() -> None:
    asked = []

    def tells(_descriptor: int, request: int, question: bytes) -> bytes:
        asked.append((request, question))
        return answer(54_000_000)

    def refuses(_descriptor: int, _request: int, _question: bytes) -> bytes:
        raise OSError(95, "Operation not supported")

    assert read_rate("wlan0", tells) == 54_000_000
    assert asked == [(0x8B21, encode_request("wlan0"))]
    assert read_rate("wlan0", refuses) is None
    assert read_rate("lo") is None
