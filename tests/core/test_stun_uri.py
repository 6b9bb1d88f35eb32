"""What is a STUN server's address, and what is not."""

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from netstack.core.stun_uri import host_of, parse_stun_uri
from netstack.errors import InputError


@pytest.mark.parametrize(
    ("text", "name", "host"),
    [
        ("stun:stun.example.org", "stun.example.org:3478", "stun.example.org"),
        ("stun.example.org", "stun.example.org:3478", "stun.example.org"),
        ("STUN:stun.example.org:19302", "stun.example.org:19302", "stun.example.org"),
        (" stun:203.0.113.10 ", "203.0.113.10:3478", "203.0.113.10"),
        ("stun:[2001:db8::1]:3479", "[2001:db8::1]:3479", "2001:db8::1"),
        ("2001:db8::1", "[2001:db8::1]:3478", "2001:db8::1"),
    ],
)
def test_good(text: str, name: str, host: str) -> None:
    server = parse_stun_uri(text)
    assert server.name == name
    assert host_of(server) == host
    assert (server.hosts is not None) == (host[0].isdigit())


@pytest.mark.parametrize(
    "text",
    ["", "stun:", "stun::3478", "stun:host:0", "stun:host:65536", "stun:host:x", "stun:a b", "stun:-a.example",
     "stun:[2001:db8::1", "stun:[::1]x", "stuns:host", "stun:999.1.1.1", "stun:1.2.3", "stun:host:", "a" * 300,
     "stun:host:9999999999999", "stun:h\x1b[31m"],
)  # fmt: skip
def test_bad(text: str) -> None:
    with pytest.raises(InputError) as caught:
        parse_stun_uri(text)
    assert caught.value.sentence.isprintable()


def test_slashes_as_in_a_web_address_are_told() -> None:
    for text in ("stun://stun.example.org:3478", "http://a/b"):
        with pytest.raises(InputError) as caught:
            parse_stun_uri(text)
        assert "without slashes" in caught.value.sentence


@given(st.text(max_size=60))
def test_any_text_is_a_server_or_an_input_error(text: str) -> None:
    with contextlib.suppress(InputError):
        parse_stun_uri(text)
