"""Where the key is kept, and that a broken keyring or disk loses nothing."""

import stat
import sys
import threading

import keyring
import keyring.backend
import pytest

from netstack.core.identity import KnownPeer
from netstack.service import identity as module
from netstack.service.identity import NOTE, SECRET, IdentityError, load_identity, write_private
from netstack.service.peer_book import MAX_PEERS, PeerBook


def entropy(count):
    return b"\5" * count


class Ring(keyring.backend.KeyringBackend):
    """A keyring in memory that can be broken."""

    priority = 1

    def __init__(self):
        super().__init__()
        self.held, self.broken, self.stuck = {}, False, None

    def _check(self):
        if self.stuck:
            self.stuck.wait(10)
        if self.broken:
            raise RuntimeError("no session bus")

    def get_password(self, service, username):
        self._check()
        return self.held.get((service, username))

    def set_password(self, service, username, password):
        self._check()
        self.held[service, username] = password

    def delete_password(self, service, username):
        del self.held[service, username]


@pytest.fixture
def ring():
    before = keyring.get_keyring()
    ring = Ring()
    keyring.set_keyring(ring)
    yield ring
    keyring.set_keyring(before)


async def test_a_keyring_that_answers_keeps_the_key(ring, tmp_path):
    said = []
    made = await load_identity(tmp_path, entropy, said.append)
    assert len(ring.held) == 1
    assert not (tmp_path / SECRET).exists()
    again = await load_identity(tmp_path, lambda count: b"\6" * count, said.append)
    assert again.public == made.public
    assert said == []


async def test_without_one_a_private_file_keeps_it_and_it_is_said(tmp_path):
    said = []
    made = await load_identity(tmp_path / "new", entropy, said.append)
    assert len(said) == 1
    assert SECRET in said[0]
    for name in (SECRET, NOTE):
        if sys.platform != "win32":
            assert stat.S_IMODE((tmp_path / "new" / name).stat().st_mode) == 0o600
    again = await load_identity(tmp_path / "new", lambda count: b"\6" * count, said.append)
    assert again.public == made.public
    assert len(said) == 1


async def test_a_stuck_keyring_is_not_waited_for(ring, tmp_path, monkeypatch):
    monkeypatch.setattr(module, "KEYRING_LIMIT_S", 0.05)
    ring.stuck = threading.Event()
    said = []
    await load_identity(tmp_path, entropy, said.append)
    assert len(said) == 1
    ring.stuck.set()


async def test_a_keyring_that_breaks_later_does_not_make_us_somebody_else(ring, tmp_path):
    await load_identity(tmp_path, entropy, lambda _: None)
    ring.broken = True
    with pytest.raises(IdentityError) as error:
        await load_identity(tmp_path, entropy, lambda _: None)
    assert error.value.reason is IdentityError.Reason.KEYRING
    ring.broken = False
    ring.held.clear()
    with pytest.raises(IdentityError) as error:
        await load_identity(tmp_path, entropy, lambda _: None)
    assert error.value.reason is IdentityError.Reason.GONE


async def test_broken_files_are_told(tmp_path):
    await load_identity(tmp_path, entropy, lambda _: None)
    secret = (tmp_path / SECRET).read_text()
    for broken in ("nonsense", secret.replace("B", "C")):
        (tmp_path / SECRET).write_text(broken)
        with pytest.raises(IdentityError):
            await load_identity(tmp_path, entropy, lambda _: None)
    (tmp_path / NOTE).write_text("{")
    with pytest.raises(IdentityError) as error:
        await load_identity(tmp_path, entropy, lambda _: None)
    assert error.value.reason is IdentityError.Reason.FILE


def test_a_full_disk_leaves_the_old_file(tmp_path, monkeypatch):
    path = tmp_path / "file"
    write_private(path, b"old")

    def full(_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(module.os, "fsync", full)
    with pytest.raises(OSError, match="space"):
        write_private(path, b"new")
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]
    book = PeerBook(tmp_path)
    book.keep(KnownPeer(b"k" * 32, b"p" * 32))
    book.store()
    assert "No space" in book.failure
    assert book.dirty
    monkeypatch.undo()
    book.store()
    assert book.failure is None
    assert PeerBook(tmp_path).get(b"k" * 32) == KnownPeer(b"k" * 32, b"p" * 32)


def test_the_peer_book_is_bounded_and_forgets(tmp_path):
    book = PeerBook()
    for number in range(MAX_PEERS + 5):
        book.keep(KnownPeer(number.to_bytes(32, "big"), bytes(32)))
    assert len(book) == MAX_PEERS
    assert book.get(bytes(32)) is None
    book.forget((MAX_PEERS).to_bytes(32, "big"))
    book.forget(b"nobody")
    assert len(book) == MAX_PEERS - 1
    (tmp_path / "peers.json").write_text("[{]")
    with pytest.raises(IdentityError):
        PeerBook(tmp_path)
