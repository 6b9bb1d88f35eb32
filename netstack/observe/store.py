"""Holds the one frozen `Snapshot`.

Assign first, notify in a later turn, at most every 100 ms, last value wins.
"""

import asyncio
import logging
from collections.abc import Callable
from typing import Any

import msgspec

from netstack.model.snapshot import LogLine, Snapshot

log = logging.getLogger(__name__)

NOTIFY_INTERVAL_S = 0.1
LOG_LINES = 500

Listener = Callable[[Snapshot], None]


class Store:
    """The snapshot and who wants to hear of it. Lives on one loop."""

    def __init__(self, snapshot: Snapshot) -> None:
        self.snapshot = snapshot
        self._listeners: list[Listener] = []
        self._timer: asyncio.TimerHandle | None = None
        self._notified_at = float("-inf")

    def update(self, **changes: Any) -> None:
        """Replaces fields of the snapshot and tells the listeners soon."""
        self.snapshot = msgspec.structs.replace(self.snapshot, version=self.snapshot.version + 1, **changes)
        if self._timer is None and self._listeners:
            loop = asyncio.get_running_loop()
            self._timer = loop.call_at(max(loop.time(), self._notified_at + NOTIFY_INTERVAL_S), self._notify)

    def append_log(self, line: LogLine) -> None:
        """Adds a line to the bounded log of the snapshot."""
        self.update(log=(*self.snapshot.log[-(LOG_LINES - 1) :], line))

    def subscribe(self, listener: Listener) -> Callable[[], None]:
        """Calls `listener` after changes; returns the function that ends it."""
        self._listeners.append(listener)
        return lambda: self._listeners.remove(listener) if listener in self._listeners else None

    def close(self) -> None:
        """Forgets the listeners and the pending notice."""
        self._listeners.clear()
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _notify(self) -> None:
        self._timer = None
        self._notified_at = asyncio.get_running_loop().time()
        for listener in tuple(self._listeners):
            try:
                listener(self.snapshot)
            except Exception:
                log.exception("a listener of the snapshot failed")
