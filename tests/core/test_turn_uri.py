"""TURN URIs: what is read, what is tried, and what is refused."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from netstack.core.turn_uri import TurnUri, parse_turn_uri
from netstack.model.turn import ServerTransport, TurnError

UDP, TCP, TLS = ServerTransport


@pytest.mark.parametrize(
    ("text", "uri", "port", "transports"),
    [
        ("turn:turn.example.org", TurnUri("turn.example.org"), 3478, (UDP, TCP)),
        ("TURN:turn.example.org:80", TurnUri("turn.example.org", 80), 80, (UDP, TCP)),
        ("turn:203.0.113.5?transport=tcp", TurnUri("203.0.113.5", transport=TCP), 3478, (TCP,)),
        ("turn:203.0.113.5:99?Transport=UDP", TurnUri("203.0.113.5", 99, transport=UDP), 99, (UDP,)),
        ("turn:[2001:db8::5]:99", TurnUri("2001:db8::5", 99), 99, (UDP, TCP)),
        (" turns:turn.example.org ", TurnUri("turn.example.org", secure=True), 5349, (TLS,)),
        (
            "turns:turn.example.org:443?transport=tcp",
            TurnUri("turn.example.org", 443, secure=True, transport=TCP),
            443,
            (TLS,),
        ),
    ],
)
def test_read(text, uri, port, transports):
    assert parse_turn_uri(text) == uri
    assert uri.port_or_default == port
    assert uri.transports == transports
    assert parse_turn_uri(str(uri)) == uri


def test_dtls_is_said_not_disguised():
    with pytest.raises(TurnError) as told:
        parse_turn_uri("turns:turn.example.org?transport=udp")
    assert told.value.reason is TurnError.Reason.DTLS


@pytest.mark.parametrize(
    "text",
    [
        "", "turn", "turn:", "stun:turn.example.org", "turn.example.org", "turn:a b", "turn:host:0",
        "turn:host:65536", "turn:host:1:2:x", "turn:[::1", "turn:host?transport=sctp", "turn:host?x=udp",
        "turn://host", "turn:" + "a" * 600, "turn:host?",
    ],
)  # fmt: skip
def test_refused(text):
    with pytest.raises(TurnError) as told:
        parse_turn_uri(text)
    assert told.value.reason is TurnError.Reason.URI


def test_a_password_in_a_uri_is_refused_and_not_repeated():
    with pytest.raises(TurnError) as told:
        parse_turn_uri("turn:ana:opensesame@turn.example.org")
    assert "opensesame" not in told.value.sentence


@given(st.text(max_size=60))
def test_any_text_is_read_or_refused(text):
    for prefix in ("", "turn:"):
        try:
            uri = parse_turn_uri(prefix + text)
        except TurnError:
            continue
        assert parse_turn_uri(str(uri)) == uri
