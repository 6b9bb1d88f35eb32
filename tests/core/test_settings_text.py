"""The settings file keeps what a person wrote into it."""

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from netstack.config import parse_config
from netstack.core.settings import changed
from netstack.core.settings_text import rewritten, without_passwords
from netstack.model.config import Cap, Config, TurnServer

SHIPPED = Config(stun=("stun:203.0.113.1", "stun:203.0.113.2"))
WRITTEN = """# my own file
stun = ["stun:192.0.2.9"]  # the one at home

# the relay
[[turn]]
url = "turn:192.0.2.7"  # in the cellar
username = "ana"
"""


@pytest.fixture(autouse=True)
def shipped(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("netstack.config.shipped_config", lambda: SHIPPED)


def _parse(text: str) -> Config:
    return parse_config(text, Path("peerscope.toml"))


def test_a_change_leaves_everything_else_as_it_was_written() -> None:
    after = changed(_parse(WRITTEN), "metrics", "127.0.0.1:9464")
    text = rewritten(WRITTEN, after, SHIPPED)
    assert _parse(text) == after
    assert [line for line in WRITTEN.splitlines() if line not in text.splitlines()] == []
    assert rewritten(text, after, SHIPPED) == text


def test_what_is_as_shipped_is_left_out() -> None:
    text = rewritten(WRITTEN, SHIPPED, SHIPPED)
    assert _parse(text) == SHIPPED
    assert "stun" not in text
    assert "# my own file" in text


def test_what_a_person_wrote_stays_even_where_it_says_the_default() -> None:
    text = "hide_address = false\nhistory_days = 365\n"
    after = changed(_parse(text), "history_megabytes", 50)
    assert rewritten(text, after, SHIPPED).startswith(text)


def test_no_password_is_in_what_others_get() -> None:
    config = Config(turn=(TurnServer("turn:192.0.2.7", "ana", "hush"),))
    assert "hush" in rewritten("", config, SHIPPED)
    exported = rewritten("", without_passwords(config), SHIPPED)
    assert "hush" not in exported
    assert "password" not in exported
    assert _parse(exported).turn == (TurnServer("turn:192.0.2.7", "ana"),)


_TEXT = st.text(max_size=30)
_CONFIGS = st.builds(
    Config,
    stun=st.lists(_TEXT, max_size=3).map(tuple),
    rendezvous=st.lists(_TEXT, max_size=3).map(tuple),
    turn=st.lists(st.builds(TurnServer, st.text(min_size=1, max_size=30), _TEXT, _TEXT), max_size=3).map(
        tuple
    ),
    cap=st.lists(st.builds(Cap, st.integers(8_000, 10**9), _TEXT, _TEXT), max_size=3).map(tuple),
    metrics=_TEXT,
    hide_address=st.booleans(),
    history_days=st.integers(1, 3650),
)


@settings(max_examples=25)
@given(_CONFIGS, _CONFIGS)
def test_whatever_is_written_reads_back_as_it_was(before: Config, after: Config) -> None:
    first = rewritten("", before, SHIPPED)
    assert _parse(first) == before
    assert _parse(rewritten(first, after, SHIPPED)) == after
    assert _parse(rewritten(WRITTEN, after, SHIPPED)) == after
