"""Known peers with their names, written down and read again."""

import pytest

from netstack.core.identity import KnownPeer
from netstack.model.session import TransportKind
from netstack.service.identity import IdentityError
from netstack.service.known_peers import KnownPeers
from netstack.service.peer_book import Acquaintance, PeerBook

ANA, BEN = KnownPeer(b"\1" * 32, b"\2" * 32), KnownPeer(b"\3" * 32, b"\4" * 32, b"\5" * 32)


def test_names_and_times_are_kept_and_the_last_one_met_comes_first(tmp_path) -> None:
    book = PeerBook(tmp_path)
    for peer in (ANA, BEN):
        book.keep(peer)
    book.note(Acquaintance(ANA.key, "Ana\u202e\x07", 1000.0))
    book.note(Acquaintance(BEN.key, "Ben", 2000.0))
    book.store()
    again = PeerBook(tmp_path)
    assert again.acquaintances == (Acquaintance(BEN.key, "Ben", 2000.0), Acquaintance(ANA.key, "Ana", 1000.0))
    assert again.get(BEN.key) == BEN


def test_the_preferred_transport_outlives_the_program_and_the_next_meeting(tmp_path) -> None:
    known = KnownPeers()
    known.read(tmp_path)
    known.book.keep(ANA)
    known.note(ANA.key, "Ana", 1.0)
    known.prefer(ANA.key, TransportKind.TURN)
    known.book.store()
    again = KnownPeers()
    again.read(tmp_path)
    again.note(ANA.key, "Anna", 2.0)
    again.renew()
    assert [(row.name, row.prefers) for row in again.rows] == [("Anna", TransportKind.TURN)]
    again.forget(again.rows[0].peer)
    again.undo_forget()
    assert again.prefers(ANA.key) is TransportKind.TURN


def test_a_book_of_before_names_is_read(tmp_path) -> None:
    text = '[{"key": "AQ==", "psk": "Ag=="}]'
    (tmp_path / "peers.json").write_text(text, "utf-8")
    assert PeerBook(tmp_path).acquaintances == (Acquaintance(b"\1"),)


def test_who_is_forgotten_leaves_no_name(tmp_path) -> None:
    book = PeerBook(tmp_path)
    book.keep(ANA)
    book.note(Acquaintance(ANA.key, "Ana", 1.0))
    book.forget(ANA.key)
    book.note(Acquaintance(BEN.key, "nobody", 1.0))
    book.store()
    assert book.acquaintances == ()
    assert "Ana" not in (tmp_path / "peers.json").read_text("utf-8")


@pytest.mark.parametrize(
    "text",
    [
        "{",
        '[{"key": 5}]',
        '[{"key": "AQ==", "psk": "Ag==", "seen_at_s": "x"}]',
        '[{"key": "AQ==", "psk": "Ag==", "prefers": "x"}]',
    ],
)
def test_a_broken_book_is_one_sentence(tmp_path, text: str) -> None:
    (tmp_path / "peers.json").write_text(text, "utf-8")
    with pytest.raises(IdentityError):
        PeerBook(tmp_path)
