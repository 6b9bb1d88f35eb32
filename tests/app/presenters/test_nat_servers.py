"""Editing the servers: a sentence for whatever cannot be added."""

import pytest

from app.presenters.nat_servers import canonical, problem
from netstack.core.nat_probe import MAX_SERVERS


@pytest.mark.parametrize(
    ("text", "part"),
    [
        ("", "names no host"),
        ("stun:", "names no host"),
        ("stun:host:99999", "port"),
        ("stuns:host", "TLS"),
        ("http://x y", "not a server address"),
        ("a" * 300, "neither a host name nor an IP address"),
        ("stun:198.51.100.1:3478", "already"),
        ("198.51.100.1", "already"),
    ],
)
def test_what_cannot_be_added_is_told_in_a_sentence(text, part):
    sentence = problem(text, ("stun:198.51.100.1",))
    assert part in sentence
    assert sentence.endswith((".", ")"))


def test_what_can_be_added():
    assert problem("stun.example.org", ("stun:198.51.100.1",)) == ""
    assert problem("stun:[2001:db8::1]:3479", ()) == ""


def test_the_list_has_an_end():
    full = tuple(f"stun:198.51.100.{n}" for n in range(MAX_SERVERS))
    assert "remove one first" in problem("stun:203.0.113.1", full)


def test_a_malformed_server_of_the_configuration_stays_as_it_is():
    assert canonical("stun:") == "stun:"
    assert canonical("198.51.100.1") == "stun:198.51.100.1:3478"
