"""The app's side of a guest's visit, in a namespace of its own: opens a door, waits, talks, closes."""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from concurrent.futures import Future
from typing import Any, TypeVar

from netstack.net.system import SystemNet
from netstack.service.guest_channel import GuestChannel
from netstack.service.guest_door import GuestDoor
from tests.kernel.namespaces import Host

T = TypeVar("T")

RUNNING: list["Future[Any]"] = []
PATIENCE_S = 40


def receive(
    app: Host, talk: Callable[[GuestChannel], Awaitable[T]], **options: Any
) -> tuple["Future[GuestDoor]", "Future[T]"]:
    """The door, once it has a link; and what `talk` with the guest who came returned."""
    opened: Future[GuestDoor] = Future()

    async def run() -> T:
        door = GuestDoor(SystemNet(), "Ana", **options)
        channel: GuestChannel | None = None
        try:
            await door.open()
            opened.set_result(door)
            channel = await door.guest()
            await door.close()
            return await talk(channel)
        except BaseException as error:
            if not opened.done():
                opened.set_exception(error)
            raise
        finally:
            await door.close()
            if channel is not None:
                await channel.close()

    return opened, begin(app, run())


def begin(host: Host, run: Coroutine[Any, Any, T]) -> "Future[T]":
    """Runs it in the host's thread; the test does not end before it has."""
    running = host.begin(run, timeout_s=PATIENCE_S)
    RUNNING.append(running)
    return running


async def until(condition: Callable[[], object], *, timeout_s: float = 10) -> None:
    async with asyncio.timeout(timeout_s):
        while not condition():  # noqa: ASYNC110
            await asyncio.sleep(0.01)
