"""What a person can start: button -> named task; busy, cancel, failure text. Tasks of app start only here."""

import asyncio
import logging
from collections.abc import Awaitable, Callable

from PySide6.QtCore import QObject, Signal

from netstack.errors import PeerscopeError
from netstack.tasks import TaskScope

log = logging.getLogger(__name__)

UNEXPECTED = "Something went wrong inside the program; the log tells more."


class Action(QObject):
    """One thing to start, at most once at a time. `changed` tells that `busy` or `failure` changed."""

    changed = Signal()

    def __init__(
        self, name: str, work: Callable[..., Awaitable[object]], scope: TaskScope, *, quiet: bool = False
    ) -> None:
        super().__init__()
        self.name = name
        self.failure = ""
        self._work = work
        self._scope = scope
        self._level = logging.DEBUG if quiet else logging.INFO
        self._task: asyncio.Task[None] | None = None

    @property
    def busy(self) -> bool:
        """Whether it runs, from the press to the end of the work (cancelled work included)."""
        return self._task is not None

    def run(self, *arguments: object) -> None:
        """Starts the work with its arguments; does nothing while it runs, or once the window is closing.

        Needs the running loop.
        """
        if self._task is None and not self._scope.closed:
            self.failure = ""
            self._task = self._scope.start(self._perform(arguments), self.name)
            self._task.add_done_callback(self._ended)  # also of one that is cancelled before its first step
            self.changed.emit()

    def cancel(self) -> None:
        """Asks the work to end; `busy` lasts until it has."""
        if self._task is not None:
            self._task.cancel()

    async def end(self) -> None:
        """Cancels what runs and waits until it has ended."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait([self._task])

    async def _perform(self, arguments: tuple[object, ...]) -> None:
        log.log(self._level, "%s started", self.name)
        try:
            await self._work(*arguments)
            log.log(self._level, "%s ended", self.name)
        except asyncio.CancelledError:
            log.log(self._level, "%s was cancelled", self.name)
            raise
        except PeerscopeError as error:
            self.failure = error.sentence
            log.warning("%s failed: %s", self.name, error.sentence)
        except Exception:
            log.exception("action %s failed", self.name)
            self.failure = UNEXPECTED

    def _ended(self, _: object) -> None:
        self._task = None
        self.changed.emit()


class Actions:
    """Makes the actions of the window and ends their tasks."""

    def __init__(self) -> None:
        self._scope = TaskScope("action")
        self._all: list[Action] = []

    def add(self, name: str, work: Callable[..., Awaitable[object]], *, quiet: bool = False) -> Action:
        """A new action; `work` makes the awaitable of one run. A `quiet` one is not worth a line in the log."""
        action = Action(name, work, self._scope, quiet=quiet)
        self._all.append(action)
        return action

    async def end_all_but(self, spared: Action) -> None:
        """Cancels every other action and waits for it."""
        await asyncio.gather(*(action.end() for action in self._all if action is not spared))

    async def stop(self) -> None:
        """Cancels every running action and waits for it."""
        await self._scope.close()
