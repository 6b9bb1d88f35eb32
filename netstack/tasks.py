"""Tasks with an owner, a name and an end: the only place in the stack that starts one."""

import asyncio
import logging
from collections.abc import Coroutine
from typing import Any, Self, TypeVar

T = TypeVar("T")

log = logging.getLogger(__name__)


class TaskScope:
    """Owns tasks; `close()` (or leaving `async with`) cancels the ones still running and waits for them.

    A task that fails is logged under its name, once; it never fails in silence.
    """

    def __init__(self, name: str) -> None:
        self.name = name
        self._tasks: dict[asyncio.Task[Any], None] = {}  # in order, so that ends come in order too
        self._closed = False

    def start(self, coro: Coroutine[Any, Any, T], name: str) -> asyncio.Task[T]:
        """Starts `coro` as `owner/name`. Raises RuntimeError once the scope is closed."""
        if self._closed:
            coro.close()
            raise RuntimeError(f"{self.name} is closed")
        task = asyncio.get_running_loop().create_task(coro, name=f"{self.name}/{name}")
        self._tasks[task] = None
        task.add_done_callback(self._ended)
        return task

    @property
    def closed(self) -> bool:
        """It starts nothing any more."""
        return self._closed

    def __len__(self) -> int:
        return len(self._tasks)

    def _ended(self, task: asyncio.Task[Any]) -> None:
        self._tasks.pop(task, None)
        if not task.cancelled() and (error := task.exception()) is not None:
            log.error("task %s failed", task.get_name(), exc_info=error)

    async def close(self) -> None:
        """Cancels what still runs, waits for it, and refuses new tasks. May be called twice."""
        self._closed = True
        while self._tasks:
            running = [task for task in self._tasks if task is not asyncio.current_task()]
            if not running:
                return
            for task in running:
                task.cancel()
            await asyncio.wait(running)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()
