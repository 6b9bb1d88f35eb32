"""Python's log records of the stack, kept as lines of the snapshot."""

import asyncio
import logging

from netstack.model.snapshot import LogLine
from netstack.net.protocol import Net
from netstack.observe.store import Store


class Journal(logging.Handler):
    """A logging handler that appends to the store, from whichever thread a record comes."""

    def __init__(self, store: Store, net: Net) -> None:
        super().__init__(logging.INFO)
        self._store = store
        self._net = net
        self._loop: asyncio.AbstractEventLoop | None = None

    def open(self) -> None:
        """Listens to the stack's records. Call on the store's loop."""
        self._loop = asyncio.get_running_loop()
        logging.getLogger("netstack").addHandler(self)

    def close(self) -> None:
        """Stops listening. May be called twice."""
        logging.getLogger("netstack").removeHandler(self)
        self._loop = None
        super().close()

    def emit(self, record: logging.LogRecord) -> None:
        """Takes one record; a record that comes after the loop closed is dropped."""
        loop = self._loop
        if loop is None or loop.is_closed():
            return
        line = LogLine(
            at_s=self._net.wall_time(),
            level=record.levelname.lower(),
            source=record.name.removeprefix("netstack."),
            text=record.getMessage(),
        )
        loop.call_soon_threadsafe(self._store.append_log, line)
