"""Packet sizes that were found, kept for the hour that they hold (RFC 8899) even if the program ends meanwhile."""

from pathlib import Path
from typing import Final

import msgspec

from netstack.core.mtu_search import BASE_BYTES, CACHE_S, LIKELY_BYTES, MtuCache
from netstack.service.identity import write_private

FILE: Final = "mtu.json"


class _Entry(msgspec.Struct, frozen=True):
    path: str
    mtu_bytes: int
    found_at_s: float  # since 1970


class MtuBook:
    """`cache` is what sessions use, on the clock of `now`. A file that cannot be read, or lies, is as good as none.

    `folder` None keeps it in memory only.
    """

    def __init__(self, folder: Path | None, now: float, wall_time_s: float) -> None:
        self._path = None if folder is None else folder / FILE
        self.cache = MtuCache()
        if self._path is not None:
            self._load(self._path, now, wall_time_s)

    def _load(self, path: Path, now: float, wall_time_s: float) -> None:
        try:
            entries = msgspec.json.decode(path.read_bytes(), type=list[_Entry])
        except (OSError, msgspec.DecodeError):
            return
        for entry in sorted(entries, key=lambda each: each.found_at_s)[-MtuCache.CAPACITY :]:
            age_s = wall_time_s - entry.found_at_s
            if 0 <= age_s < CACHE_S and BASE_BYTES <= entry.mtu_bytes <= LIKELY_BYTES[-1]:
                self.cache.put(entry.path, entry.mtu_bytes, now - age_s)

    def store(self, now: float, wall_time_s: float) -> None:
        """Writes what still holds (blocks). What cannot be written is found anew next time."""
        if self._path is None:
            return
        entries = [
            _Entry(path, mtu_bytes, wall_time_s - (now - found_at_s))
            for path, mtu_bytes, found_at_s in self.cache.entries(now)
        ]
        try:
            self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            write_private(self._path, msgspec.json.encode(entries))
        except OSError:
            return
