"""Settings as data: what is declared, how it is read, and what is said of nonsense."""

import pytest

from netstack.config import shipped_config
from netstack.core.settings import changed, check, field, fields, read, write
from netstack.errors import PeerscopeError
from netstack.model.config import Cap, Config, Kind, TurnServer


def test_every_declared_key_has_a_shape_and_words() -> None:
    assert {each.key for each in fields()} == set(Config.__struct_fields__)
    for each in fields():
        assert each.setting.title
        assert each.setting.hint
        assert (each.kind is Kind.NUMBER) == bool(each.most)
        assert (each.kind is Kind.RECORDS) == bool(each.columns)


def test_what_is_shipped_is_right() -> None:
    check(shipped_config())


@pytest.mark.parametrize(
    ("key", "value", "said"),
    [
        ("stun", ("stun:",), "server"),
        ("stun", (), "One must stay"),
        ("stun", tuple(f"stun:192.0.2.{n}" for n in range(9)), "8 are allowed"),
        ("stun", ("stun:a.example", "A.example:3478"), "already"),
        ("turn", (TurnServer("http://x"),), "turn"),
        ("turn", (TurnServer("turn:x.example", "a\nb"),), "visible"),
        ("turn", (TurnServer("turn:x", "a", "1"), TurnServer("turn:x", "a", "2")), "already"),
        ("rendezvous", ("ftp://x",), "ws"),
        ("web_checks", ("https://x/",), "http://"),
        ("metrics", "nowhere", "HOST:PORT"),
        ("history_days", 0, "1 to 3,650 days"),
        ("cap", (Cap(1),), "0.008 to 100,000 Mbit/s"),
        ("cap", (Cap(8_000, peer="Ana"),), "fingerprint"),
        ("cap", (Cap(8_000, transport="pigeon"),), "transport"),
        ("cap", (Cap(8_000), Cap(9_000)), "already"),
        ("pigeons", True, "no such setting"),
    ],
)
def test_nonsense_is_one_sentence_and_changes_nothing(key: str, value: object, said: str) -> None:
    with pytest.raises(PeerscopeError) as caught:
        changed(Config(stun=("stun:192.0.2.1",)), key, value)  # type: ignore[arg-type]
    assert said in caught.value.sentence


def test_numbers_are_typed_in_their_unit() -> None:
    rate = next(each for each in field("cap").columns if each.key == "bits_per_s")
    assert read(rate, " 2.5 ") == 2_500_000
    assert read(rate, "0,5") == 500_000
    assert write(rate, 2_500_000) == "2.5"
    for text in ("", "fast", "inf", "nan"):
        with pytest.raises(PeerscopeError):
            read(rate, text)


def test_no_password_is_in_a_servers_text() -> None:
    assert "hush" not in repr(Config(turn=(TurnServer("turn:x", "ana", "hush"),)))
