"""Known peers may call while the window is open: one waits for each of them, and nothing is said before they call."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterable
from typing import Final

from netstack.errors import PeerscopeError
from netstack.model.meeting import MeetingError
from netstack.tasks import TaskScope

MAX_LISTENED: Final = 8
AGAIN_S: Final = 30.0
AFTER_CALL_S: Final = 1.0

log = logging.getLogger(__name__)


class KnownListening:
    """`listen` waits for one peer's call and returns once the two are connected; it is begun again as long as it is kept."""

    def __init__(self, listen: Callable[[str], Awaitable[None]]) -> None:
        self._listen = listen
        self._tasks = TaskScope("known peers")
        self._waiting: dict[str, asyncio.Task[None]] = {}

    @property
    def waiting(self) -> frozenset[str]:
        """Whose calls are awaited now."""
        return frozenset(self._waiting)

    def keep(self, peers: Iterable[str]) -> None:
        """Waits for these, the first eight, and for nobody else."""
        if self._tasks.closed:
            return
        wanted = list(peers)[:MAX_LISTENED]
        for peer in set(self._waiting) - set(wanted):
            self._waiting.pop(peer).cancel()
        for peer in wanted:
            if peer not in self._waiting:
                self._waiting[peer] = self._tasks.start(self._keep(peer), peer)

    async def close(self) -> None:
        """Waits for nobody any more. May be called twice."""
        await self._tasks.close()
        self._waiting.clear()

    async def _keep(self, peer: str) -> None:
        while True:
            try:
                await self._listen(peer)
                await asyncio.sleep(AFTER_CALL_S)
            except MeetingError as error:
                if error.reason is not MeetingError.Reason.ABSENT:
                    log.info("known peers cannot call: %s", error.sentence)
                    await asyncio.sleep(AGAIN_S)
            except PeerscopeError as error:
                log.info("a known peer's call failed: %s", error.sentence)
                await asyncio.sleep(AFTER_CALL_S)
