"""The long-term key: in the system keyring where that answers, else in a file that only the user may read.

A small note beside it says where the key is, so that a keyring that is locked today never makes the program
somebody else without a word.
"""

import asyncio
import base64
import contextlib
import os
import threading
from collections.abc import Callable
from enum import StrEnum
from pathlib import Path
from typing import ClassVar, Final

import msgspec

from netstack.core.identity import KEY_BYTES, Identity, fingerprint
from netstack.errors import Fault, PeerscopeError

KEYRING_LIMIT_S: Final = 2.0
SERVICE: Final = "peerscope"
ENTRY: Final = "identity"
NOTE: Final = "identity.json"
SECRET: Final = "identity.key"  # noqa: S105 - a file name


class IdentityError(PeerscopeError):
    """The long-term key cannot be had."""

    class Reason(StrEnum):
        """What is in the way."""

        KEYRING = "keyring-silent"
        FILE = "file-unusable"
        GONE = "key-gone"

    TABLE: ClassVar = {
        Reason.KEYRING: (
            Fault.PC,
            "This computer's key is in the system keyring, which does not answer. Unlock it and start again.",
        ),
        Reason.FILE: (Fault.PC, "This computer's key cannot be read or written."),
        Reason.GONE: (
            Fault.PC,
            "This computer's key is gone from where it was kept. Restore it, or remove the note to begin anew.",
        ),
    }


class Note(msgspec.Struct, frozen=True):
    """Where the key is ("keyring" or "file"), and whose it is."""

    where: str
    fingerprint: str


async def load_identity(
    folder: Path, entropy: Callable[[int], bytes], say: Callable[[str], None]
) -> Identity:
    """Whoever this computer is, made at the first start. `say` gets a sentence when the keyring is not used.

    Raises IdentityError: the key is where it cannot be had now, or cannot be kept.
    """
    note = _read_note(folder / NOTE)
    if note is None:
        return await _make(folder, entropy, say)
    if note.where == "file":
        secret = _read_secret(folder / SECRET)
    else:
        answered, text = await ask_keyring(_keyring_get)
        if not answered:
            raise IdentityError(IdentityError.Reason.KEYRING)
        secret = _decode(text) if text else None
    if secret is None:
        raise IdentityError(IdentityError.Reason.GONE, f"note: {folder / NOTE}")
    identity = Identity(secret)
    if fingerprint(identity.public) != note.fingerprint:
        raise IdentityError(IdentityError.Reason.GONE, "another key is in its place")
    return identity


async def _make(folder: Path, entropy: Callable[[int], bytes], say: Callable[[str], None]) -> Identity:
    secret = entropy(KEY_BYTES)
    identity = Identity(secret)
    text = base64.b64encode(secret).decode()
    answered, kept = await ask_keyring(lambda: _keyring_put(text))
    in_keyring = answered and kept == text
    note = Note("keyring" if in_keyring else "file", fingerprint(identity.public))
    _write(folder, None if in_keyring else text, note)
    if not in_keyring:
        say(f"The system keyring cannot be used, so this computer's key is kept in {folder / SECRET}.")
    return identity


def _write(folder: Path, secret: str | None, note: Note) -> None:
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        if secret is not None:
            write_private(folder / SECRET, secret.encode())
        write_private(folder / NOTE, msgspec.json.encode(note))
    except OSError as error:
        raise IdentityError(IdentityError.Reason.FILE, f"{folder}: {error.strerror}") from error


def write_private(path: Path, data: bytes) -> None:
    """Replaces a file whole, readable by its owner alone; the old one stays when this fails. Raises OSError."""
    part = path.with_name(path.name + ".part")
    try:
        with contextlib.suppress(FileNotFoundError):
            part.unlink()
        handle = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(handle, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        part.replace(path)
    except OSError:
        with contextlib.suppress(OSError):
            part.unlink()
        raise


def _read_note(path: Path) -> Note | None:
    try:
        return msgspec.json.decode(path.read_bytes(), type=Note)
    except FileNotFoundError:
        return None
    except (OSError, msgspec.DecodeError) as error:
        raise IdentityError(IdentityError.Reason.FILE, f"{path}: {error}") from error


def _read_secret(path: Path) -> bytes | None:
    try:
        return _decode(path.read_text("ascii"))
    except FileNotFoundError:
        return None
    except (OSError, UnicodeDecodeError) as error:
        raise IdentityError(IdentityError.Reason.FILE, f"{path}: {error}") from error


def _decode(text: str) -> bytes | None:
    try:
        secret = base64.b64decode(text, validate=True)
    except ValueError:
        return None
    return secret if len(secret) == KEY_BYTES else None


def _keyring_get() -> str | None:
    import keyring  # noqa: PLC0415 - it looks for a session bus, in a thread of its own

    return keyring.get_password(SERVICE, ENTRY)


def _keyring_put(text: str) -> str | None:
    import keyring  # noqa: PLC0415

    keyring.set_password(SERVICE, ENTRY, text)
    return keyring.get_password(SERVICE, ENTRY)


async def ask_keyring(work: Callable[[], str | None]) -> tuple[bool, str | None]:
    """Whether the keyring answered within `KEYRING_LIMIT_S`, and what. A hung one is left to its thread."""
    loop = asyncio.get_running_loop()
    answer: asyncio.Future[tuple[bool, str | None]] = loop.create_future()

    def settle(result: tuple[bool, str | None]) -> None:
        if not answer.done():
            answer.set_result(result)

    def run() -> None:
        try:
            result = (True, work())
        except Exception:  # whatever a keyring backend raises: it cannot be used
            result = (False, None)
        with contextlib.suppress(RuntimeError):  # the loop has closed
            loop.call_soon_threadsafe(settle, result)

    threading.Thread(target=run, name="keyring", daemon=True).start()
    try:
        return await asyncio.wait_for(answer, KEYRING_LIMIT_S)
    except TimeoutError:
        return False, None
