"""What every driver is: a name, a bounded queue of notes to send, and a line of health."""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable
from typing import TypeVar

from netstack.model.meeting import Role, Way, WayHealth, WayState
from netstack.tasks import TaskScope
from netstack.wire.signal import MAX_BYTES

T = TypeVar("T")

Receive = Callable[[bytes], None]

QUEUE = 32
FIRST_RETRY_S, LONGEST_RETRY_S = 0.5, 15.0


class DriverStoppedError(Exception):
    """A driver cannot go on and need not try again; its text is the cause, a sentence for the user."""


class MailboxTakenError(DriverStoppedError):
    """Two others are in that mailbox: a host makes a new code."""


class DriverFailedError(Exception):
    """A driver lost its way and tries again later; its text is the cause, a sentence for the user."""


class Driver:
    """Base of the drivers. `on_change` is called when the health has changed."""

    way: Way

    def __init__(self, name: str) -> None:
        self.name = name
        self.on_change: Callable[[], None] = lambda: None
        self._out: deque[bytes] = deque(maxlen=QUEUE)
        self._more = asyncio.Event()
        self._state = WayState.OPENING
        self._text = "opening"
        self._sent = self._received = self._dropped = 0
        self.taken = False

    @property
    def health(self) -> WayHealth:
        """How it fares."""
        return WayHealth(
            self.way, self.name, self._state, self._text, self._sent, self._received, self._dropped
        )

    def send(self, note: bytes) -> None:
        """Queues a note; the oldest of more than 32 is dropped, as the sender repeats what matters."""
        if note in self._out:
            return
        self._dropped += len(self._out) == QUEUE
        self._out.append(note)
        self._more.set()

    async def run(self, mailbox: str, role: Role, receive: Receive) -> None:
        """Carries notes until cancelled, or until it cannot any more. Raises nothing else than CancelledError."""
        wait_s = FIRST_RETRY_S
        while True:
            self._tell(WayState.OPENING, "opening")
            try:
                await self._carry(mailbox, role, receive)
            except DriverStoppedError as error:
                self.taken = isinstance(error, MailboxTakenError)
                self._tell(WayState.FAILED, str(error))
                return
            except DriverFailedError as error:
                self._tell(WayState.FAILED, str(error))
            except asyncio.CancelledError:
                self._tell(WayState.CLOSED, "closed")
                raise
            await asyncio.sleep(wait_s)
            wait_s = min(2 * wait_s, LONGEST_RETRY_S)

    async def _carry(self, mailbox: str, role: Role, receive: Receive) -> None:
        """Opens the way and carries notes. Raises one of the two errors above."""
        raise NotImplementedError

    async def _next(self) -> bytes:
        """The next note to send."""
        while not self._out:
            self._more.clear()
            await self._more.wait()
        return self._out.popleft()

    def _ready(self, text: str) -> None:
        self._tell(WayState.HEARD if self._received else WayState.READY, text)

    def _take(self, note: bytes, receive: Receive) -> None:
        """Counts and hands over what came; what is too long to be a note is dropped."""
        if not note or len(note) > MAX_BYTES:
            self._dropped += 1
            return
        self._received += 1
        if self._state is WayState.READY:
            self._tell(WayState.HEARD, self._text)
        receive(note)

    def _drop(self) -> None:
        self._dropped += 1

    async def _send_all(self, send: Callable[[bytes], Awaitable[T]]) -> None:
        """Sends what is queued until cancelled; a note whose sending fails is put back."""
        while True:
            note = await self._next()
            try:
                await send(note)
            except BaseException:
                self._out.appendleft(note)
                raise
            self._sent += 1

    def _tell(self, state: WayState, text: str) -> None:
        if (state, text) != (self._state, self._text):
            self._state, self._text = state, text
            self.on_change()


async def first_of(*awaitables: Awaitable[None]) -> None:
    """Runs all until one ends, cancels the others, waits for them, and raises what the first one raised."""
    errors: list[Exception] = []

    async def run(awaitable: Awaitable[None]) -> None:
        try:
            await awaitable
        except Exception as error:
            errors.append(error)

    async with TaskScope("rendezvous") as scope:
        tasks = [scope.start(run(one), f"carry {number}") for number, one in enumerate(awaitables)]
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    if errors:
        raise errors[0]
