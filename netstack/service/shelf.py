"""Where received files go: written as .part, checked, renamed without replacing; and reading those that are sent."""

import errno
import hashlib
import os
import shutil
from pathlib import Path
from typing import IO, Final

from netstack.core.file_name import numbered, safe_name
from netstack.model.chat import FileEnd, FileError
from netstack.wire.chat import MAX_NAME_BYTES, Offer

BLOCK_BYTES: Final = 1 << 20
SPARE_BYTES: Final = 16 << 20  # a disk is never filled to the last byte
MAX_NUMBER: Final = 999
MAX_WANTED: Final = 256

_R = FileError.Reason


class LocalFile:
    """A file that is sent. Its methods block: call them in a thread."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.size_bytes = 0
        self.sha256 = b""
        self._file: IO[bytes] | None = None

    @property
    def name(self) -> str:
        """As it is offered: cut where it would not fit."""
        name = self.path.name.encode("utf-8", "replace")[:MAX_NAME_BYTES]
        return name.decode("utf-8", "ignore") or "file"

    def open(self) -> None:
        """Opens it and takes its size and SHA-256. Raises FileError."""
        try:
            self._file = self.path.open("rb")
            digest = hashlib.file_digest(self._file, "sha256")
            self.size_bytes = self._file.tell()
        except (OSError, ValueError) as error:
            self.close()
            raise FileError(_R.UNREADABLE, f"{self.path.name}: {_said(error)}") from error
        self.sha256 = digest.digest()

    def read(self, offset: int, size: int) -> bytes:
        """A piece of it; shorter where the file has become so. Raises FileError."""
        if self._file is None:
            raise FileError(_R.UNREADABLE, self.path.name)
        try:
            self._file.seek(offset)
            return self._file.read(size)
        except (OSError, ValueError) as error:
            raise FileError(_R.UNREADABLE, f"{self.path.name}: {_said(error)}") from error

    def close(self) -> None:
        """Closes it. May be called twice."""
        if self._file is not None:
            self._file.close()
            self._file = None


class Shelf:
    """A folder for received files. `max_bytes` bounds all of them together; None: only the disk does.

    `wanted` holds what has been accepted and not come whole, so that a new session goes on without asking.
    """

    def __init__(self, folder: Path, max_bytes: int | None = None) -> None:
        self.folder = folder
        self._left = max_bytes
        self._wanted: dict[tuple[bytes, bytes, int], None] = {}
        self._coming: set[str] = set()

    def is_wanted(self, peer_key: bytes, offer: Offer) -> bool:
        """It was accepted from this peer before and did not come whole."""
        return (peer_key, offer.sha256, offer.size_bytes) in self._wanted

    def want(self, peer_key: bytes, offer: Offer) -> None:
        """Remembers that it was accepted."""
        self._wanted[peer_key, offer.sha256, offer.size_bytes] = None
        while len(self._wanted) > MAX_WANTED:
            del self._wanted[next(iter(self._wanted))]

    def unwant(self, peer_key: bytes, offer: Offer) -> None:
        """It has come, or is not wanted any more."""
        self._wanted.pop((peer_key, offer.sha256, offer.size_bytes), None)

    def reserve(self, offer: Offer) -> bool:
        """Takes the size off what may still come; False when it is more, or when this very file is coming already."""
        if _part_name(offer) in self._coming or (self._left is not None and offer.size_bytes > self._left):
            return False
        if self._left is not None:
            self._left -= offer.size_bytes
        self._coming.add(_part_name(offer))
        return True

    def release(self, offer: Offer, *, arrived: bool = False) -> None:
        """It is not coming any more; gives back its size unless it has `arrived`."""
        self._coming.discard(_part_name(offer))
        if self._left is not None and not arrived:
            self._left += offer.size_bytes

    def open(self, offer: Offer) -> "PartFile":
        """The file's beginning, as far as an earlier session brought it (blocks). Raises FileError."""
        return PartFile(self.folder, offer)


class PartFile:
    """A file that is coming: `NAME.DIGEST.part` until it is whole. Its methods block: call them in a thread."""

    def __init__(self, folder: Path, offer: Offer) -> None:
        self._offer = offer
        self._name = safe_name(offer.name)
        self._folder = folder
        self.path = folder / _part_name(offer)
        self._digest = hashlib.sha256()
        self.offset = 0
        try:
            folder.mkdir(parents=True, exist_ok=True)
            flags = os.O_RDWR | os.O_CREAT | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_BINARY", 0)
            self._file: IO[bytes] = os.fdopen(os.open(self.path, flags, 0o600), "r+b")
        except OSError as error:
            raise FileError(_R.UNWRITABLE, f"{self.path}: {_said(error)}") from error
        try:
            self._take_up()
        except FileError:
            self.close()
            raise

    def _take_up(self) -> None:
        """Reads what is here already, and looks whether there is room for the rest."""
        try:
            while block := self._file.read(BLOCK_BYTES):
                self._digest.update(block)
                self.offset += len(block)
            if self.offset > self._offer.size_bytes:
                self._begin_anew()
            missing = self._offer.size_bytes - self.offset
            if missing and shutil.disk_usage(self._folder).free < missing + SPARE_BYTES:
                raise FileError(_R.NO_SPACE)
        except OSError as error:
            raise _failed(self.path, error) from error

    def _begin_anew(self) -> None:
        self._file.seek(0)
        self._file.truncate()
        self._digest = hashlib.sha256()
        self.offset = 0

    def write(self, data: bytes) -> None:
        """Appends. Raises FileError; what is written stays."""
        try:
            self._file.write(data)
            self._file.flush()
        except OSError as error:
            raise _failed(self.path, error) from error
        self._digest.update(data)

    def keep(self) -> Path:
        """Checks the SHA-256 and gives it its name, or the next free one like it. Raises FileError.

        What is not what was promised is removed: to go on from it would never help.
        """
        if self._digest.digest() != self._offer.sha256:
            self._file.close()
            self.path.unlink(missing_ok=True)
            raise FileError(_R.DIFFERENT)
        try:
            os.fsync(self._file.fileno())
            self._file.close()
            for number in range(1, MAX_NUMBER):
                place = self._folder / (self._name if number == 1 else numbered(self._name, number))
                if _rename_without_replacing(self.path, place):
                    return place
        except OSError as error:
            raise _failed(self.path, error) from error
        raise FileError(_R.UNWRITABLE, f"{self._name} is there {MAX_NUMBER} times")

    def close(self) -> None:
        """Leaves what has come for the next session; an empty beginning goes. May be called twice."""
        empty = not self._file.closed and os.fstat(self._file.fileno()).st_size == 0
        self._file.close()
        if empty:
            self.path.unlink(missing_ok=True)

    def discard(self) -> None:
        """Removes what has come: nobody wants it."""
        self._file.close()
        self.path.unlink(missing_ok=True)


def _part_name(offer: Offer) -> str:
    return f"{safe_name(offer.name)}.{offer.sha256.hex()[:12]}.part"


def _rename_without_replacing(part: Path, place: Path) -> bool:
    """False where something of that name is there. Raises OSError."""
    try:
        place.hardlink_to(part)
    except FileExistsError:
        return False
    except OSError as error:  # a file system without links: the exclusive creation keeps the name for us
        if error.errno not in {errno.EPERM, errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOSYS, errno.EMLINK}:
            raise
        try:
            place.touch(exist_ok=False)
        except FileExistsError:
            return False
        part.replace(place)
    else:
        part.unlink()
    return True


def _failed(path: Path, error: OSError) -> FileError:
    full = error.errno in {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}
    return FileError(_R.NO_SPACE) if full else FileError(_R.UNWRITABLE, f"{path.name}: {_said(error)}")


def _said(error: Exception) -> str:
    return (error.strerror if isinstance(error, OSError) else None) or type(error).__name__


END_OF: Final = {
    _R.REFUSED: FileEnd.REFUSED,
    _R.CANCELLED: FileEnd.CANCELLED,
    _R.NO_SPACE: FileEnd.NO_SPACE,
    _R.DIFFERENT: FileEnd.DIFFERENT,
    _R.QUOTA: FileEnd.QUOTA,
    _R.UNREADABLE: FileEnd.UNREADABLE,
    _R.PROTOCOL: FileEnd.PROTOCOL,
    _R.UNWRITABLE: FileEnd.UNWRITABLE,
}
REASON_OF: Final = {end: reason for reason, end in END_OF.items()}
