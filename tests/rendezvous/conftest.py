"""Two drivers of one kind, and whether notes pass between them."""

import asyncio
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager, suppress

from netstack.model.meeting import Role
from netstack.rendezvous.driver import Driver
from netstack.tasks import TaskScope

MAILBOX = "482915"


class Inbox:
    """What came by one driver."""

    def __init__(self) -> None:
        self.notes: list[bytes] = []
        self._news = asyncio.Event()

    def take(self, note: bytes) -> None:
        self.notes.append(note)
        self._news.set()

    def poke(self) -> None:
        self._news.set()

    async def until(self, condition: Callable[[], bool], timeout_s: float = 10.0) -> None:
        async with asyncio.timeout(timeout_s):
            while not condition():
                self._news.clear()
                with suppress(TimeoutError):  # counters change without news
                    async with asyncio.timeout(0.05):
                        await self._news.wait()


@asynccontextmanager
async def running(
    *drivers: Driver, mailbox: str = MAILBOX, roles: tuple[Role, ...] = (Role.HOST, Role.GUEST)
) -> AsyncGenerator[list[Inbox], None]:
    """Runs drivers and gives their inboxes."""
    inboxes = [Inbox() for _ in drivers]
    async with TaskScope("test") as tasks:
        for driver, inbox, role in zip(drivers, inboxes, roles, strict=False):
            driver.on_change = inbox.poke
            tasks.start(driver.run(mailbox, role, inbox.take), driver.name)
        yield inboxes
