"""One session as a coroutine sees it: wait until it is up, send, receive, and always an end."""

import asyncio
from collections import deque
from collections.abc import Callable
from typing import Final

from netstack.core.fast_path import FastPath
from netstack.core.session import Session
from netstack.model.session import (
    CloseReason,
    DialFailed,
    Established,
    Event,
    Flow,
    LinkTraits,
    MessageAcknowledged,
    MessageDropped,
    MessageReceived,
    Mode,
    Priority,
    SendReady,
    SessionClosed,
    SessionError,
)

HOLD_ABOVE_BYTES: Final = 4 << 20


class Connection:
    """Made by `Sessions`. Every waiter ends: with what it waits for, or with SessionError when it is over.

    `watch` and every one of `listeners` hear each event that is not a message. `on_message`, where set, is called with
    every message in the turn that it came in, and `receive` gets none: a coroutine is woken a turn of the loop later.
    `apart` sees each message first, and keeps those to itself for which it says so; `on_end` hears that it is over.
    """

    # Slots, and nothing made before it is needed: there may be ten thousand.
    __slots__ = (
        "__weakref__",
        "_acknowledged",
        "_arrived",
        "_ended",
        "_hold",
        "_messages",
        "_post",
        "_room",
        "_unread_bytes",
        "_up",
        "_wake",
        "apart",
        "listeners",
        "number",
        "on_end",
        "on_message",
        "session",
        "watch",
    )

    def __init__(
        self,
        number: int,
        wake: Callable[[int], None],
        hold: Callable[[int, bool], None],
        post: Callable[[int, FastPath, bytes, Mode, Priority], int | None],
    ) -> None:
        self.number = number
        self.session: Session | None = None
        self.watch: Callable[[Event], None] | None = None
        self.listeners: list[Callable[[Event], None]] = []
        self.on_message: Callable[[MessageReceived], None] | None = None
        self.apart: Callable[[bytes], bool] | None = None
        self.on_end: Callable[[], None] | None = None
        self._wake = wake
        self._hold = hold
        self._post = post
        self._up: asyncio.Future[Established] = asyncio.get_running_loop().create_future()
        self._ended: SessionError | None = None
        self._messages: deque[MessageReceived] | None = None
        self._unread_bytes = 0
        self._arrived: asyncio.Event | None = None
        self._room: asyncio.Event | None = None
        self._acknowledged: dict[int, asyncio.Future[int]] | None = None

    @property
    def closed(self) -> bool:
        """It is over."""
        return self._ended is not None

    async def established(self) -> Established:
        """Waits until it is up. Raises SessionError when it never will be."""
        return await asyncio.shield(self._up)

    async def send(
        self,
        data: bytes,
        priority: Priority = Priority.REALTIME,
        mode: Mode = Mode.ORDERED,
        deadline_s: float | None = None,
        *,
        wait: bool = False,
    ) -> int:
        """Queues a message, waiting for room; with `wait` also until the peer has all of it. Returns its number.

        Raises SessionError: too large, given up, or over.
        """
        number = await self._queue(data, priority, mode, deadline_s)
        if wait:
            await self._arrival(number)
        return number

    async def deliver(self, data: bytes, priority: Priority, mode: Mode) -> int:
        """Sends a reliable message, waits until the peer has all of it, and returns how many packets it took.

        Raises SessionError as `send` does.
        """
        return await self._arrival(await self._queue(data, priority, mode, None))

    async def _queue(self, data: bytes, priority: Priority, mode: Mode, deadline_s: float | None) -> int:
        while True:
            session = self._session()
            try:
                number = session.send_message(data, priority, mode, deadline_s)
                break
            except SessionError as error:
                if error.reason is not SessionError.Reason.QUEUE_FULL:
                    raise
            room = self._room = self._room or asyncio.Event()
            room.clear()
            self._wake(self.number)
            await room.wait()
        self._wake(self.number)
        return number

    async def _arrival(self, number: int) -> int:
        if self._ended is not None:
            raise self._ended
        future: asyncio.Future[int] = asyncio.get_running_loop().create_future()
        waiting = self._acknowledged = {} if self._acknowledged is None else self._acknowledged
        waiting[number] = future
        try:
            return await future
        finally:
            waiting.pop(number, None)

    async def receive(self) -> MessageReceived:
        """The next message. Raises SessionError when there are none left and it is over."""
        while not self._messages:
            if self._ended is not None:
                raise self._ended
            arrived = self._arrived = self._arrived or asyncio.Event()
            arrived.clear()
            await arrived.wait()
        message = self._messages.popleft()
        before = self._unread_bytes
        self._unread_bytes -= len(message.data)
        if before > HOLD_ABOVE_BYTES >= self._unread_bytes:
            self._hold(self.number, False)
        return message

    def set_apart(self, apart: Callable[[bytes], bool]) -> None:
        """From now on `apart` sees each message first; and what has come already, in its order."""
        self.apart = apart
        waiting, self._messages, self._unread_bytes = self._messages, None, 0
        for message in waiting or ():
            self.happened(message)

    def probe(self, path_id: int) -> int | None:
        """Sends a probe on a path; its sequence, None where none can be sent now. `watch` gets the answer."""
        sequence = None if self._ended is not None or self.session is None else self.session.probe(path_id)
        if sequence is not None:
            self._wake(self.number)
        return sequence

    def add_path(self, flow: Flow, traits: LinkTraits, now: float) -> None:
        """Tries another way to the peer; listeners hear PathOpened when it works. Raises SessionError."""
        self._session().add_path(flow, traits, now)
        self._wake(self.number)

    def move_path(self, path_id: int, flow: Flow, traits: LinkTraits, now: float) -> None:
        """Goes on with a path elsewhere. Raises SessionError."""
        self._session().move_path(path_id, flow, traits, now)
        self._wake(self.number)

    def ping(self, path_id: int) -> None:
        """Asks for a sign of life on a path. Raises SessionError."""
        self._session().ping(path_id)
        self._wake(self.number)

    def use_path(self, path_id: int) -> None:
        """Sends on that path from now on."""
        self._session().use_path(path_id)
        self._wake(self.number)

    def route(self, routes: tuple[int, int, int], *, reserve: int, trial: int) -> None:
        """See `Session.route`."""
        if self.session is not None and self.session.route(routes, reserve=reserve, trial=trial):
            self._wake(self.number)

    def close_path(self, path_id: int) -> None:
        """Ends a path; the session goes on over another."""
        if self.session is not None:
            self.session.close_path(path_id)
            self._wake(self.number)

    def test_path(self, path_id: int) -> None:
        """See `Session.test_path`."""
        if self.session is not None:
            self.session.test_path(path_id)
            self._wake(self.number)

    def leave_path(self, path_id: int) -> None:
        """See `Session.leave_path`."""
        if self.session is not None:
            self.session.leave_path(path_id)
            self._wake(self.number)

    def prepare_path(self, now: float) -> None:
        """See `Session.prepare_path`."""
        if self.session is not None and self.session.prepare_path(now):
            self._wake(self.number)

    def post(
        self,
        data: bytes,
        priority: Priority = Priority.REALTIME,
        mode: Mode = Mode.UNRELIABLE,
        deadline_s: float | None = None,
    ) -> int:
        """Queues a message without waiting; one that nothing waits before and that fits a packet leaves at once. No
        MessageAcknowledged follows. Raises SessionError, QUEUE_FULL too.
        """
        if (
            deadline_s is None
            and (session := self.session) is not None
            and (fast := session.fast) is not None
        ):
            sent = self._post(self.number, fast, data, mode, priority)
            if sent is not None:
                return sent
        number = self._session().send_message(data, priority, mode, deadline_s, quiet=True)
        self._wake(self.number)
        return number

    def close(self, reason: CloseReason = CloseReason.DONE) -> None:
        """Says good-bye. May be called twice."""
        if self.session is not None:
            self.session.close(reason)
            self._wake(self.number)

    def _session(self) -> Session:
        if self._ended is not None:
            raise self._ended
        if self.session is None:
            raise SessionError(SessionError.Reason.CLOSED, "it is not up yet")
        return self.session

    def message_came(self, message: MessageReceived) -> None:
        """Called by `Sessions` for every message."""
        if self.apart is not None and self.apart(message.data):
            return
        if self.on_message is not None:
            self.on_message(message)
            return
        if self._messages is None:
            self._messages = deque()
        self._messages.append(message)
        before = self._unread_bytes
        self._unread_bytes += len(message.data)
        if before <= HOLD_ABOVE_BYTES < self._unread_bytes:
            self._hold(self.number, True)
        _ring(self._arrived)

    def happened(self, event: Event) -> None:
        """Called by `Sessions` for every other event, and for messages that waited."""
        match event:
            case MessageReceived():
                self.message_came(event)
                return
            case Established() if not self._up.done():
                self._up.set_result(event)
            case MessageAcknowledged(number, packets):
                self._settle(number, packets)
            case MessageDropped(number):
                self._settle(number, SessionError(SessionError.Reason.CLOSED, "the message was given up"))
            case SendReady():
                _ring(self._room)
            case SessionClosed():
                self.end(SessionError(SessionError.Reason.CLOSED))
            case DialFailed(reason):
                self.end(SessionError(reason))
            case _:
                pass
        if self.watch is not None:
            self.watch(event)
        for listener in tuple(self.listeners):
            listener(event)

    def _settle(self, number: int, outcome: int | SessionError) -> None:
        future = (self._acknowledged or {}).get(number)
        if future is not None and not future.done():
            if isinstance(outcome, SessionError):
                future.set_exception(outcome)
            else:
                future.set_result(outcome)

    def end(self, error: SessionError) -> None:
        """It is over: everybody who waits hears it."""
        if self._ended is not None:
            return
        self._ended = error
        if not self._up.done():
            self._up.set_exception(error)
            self._up.exception()  # nobody need have asked
        for number in list(self._acknowledged or ()):
            self._settle(number, error)
        _ring(self._arrived)
        _ring(self._room)
        if self.on_end is not None:
            self.on_end()


def _ring(bell: asyncio.Event | None) -> None:
    """Wakes who waits, if anybody does."""
    if bell is not None:
        bell.set()
