"""Meets one person by a session code: runs the invitation over several ways at once, the first answer wins."""

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from contextlib import suppress

from netstack.core.invitation import (
    Confirmed,
    Ended,
    Failed,
    GuestInvitation,
    HostInvitation,
    Invitation,
    Received,
)
from netstack.core.session_code import SessionCode
from netstack.model.meeting import MeetingError, Role, WayHealth, WayState
from netstack.net.protocol import Net
from netstack.rendezvous.driver import Driver
from netstack.tasks import TaskScope

MAX_UNREAD = 256
NAMEPLATES = 5
SETTLE_S = 2.0


async def invite(
    net: Net, make_drivers: Callable[[], Sequence[Driver]], *, on_change: Callable[[], None] | None = None
) -> "Meeting":
    """A started meeting with a fresh code, as the host: its `code` is to be read aloud.

    Waits until every way is open or has failed, 2 s at most. Where a number is taken, another one is tried, five in
    all. Raises MeetingError when there is no way.
    """
    for left in reversed(range(NAMEPLATES)):
        code = SessionCode.make(net.random_bytes)
        meeting = Meeting(net, Role.HOST, code, make_drivers(), on_change=on_change)
        try:
            meeting.start()
            await meeting.settled(SETTLE_S)
        except BaseException:
            await meeting.close()
            raise
        if not meeting.taken or not left:
            return meeting
        await meeting.close()
    raise AssertionError("the last turn returns")


class Meeting:
    """One side of a meeting.

    `async with` it (or `start` and `close`), await `confirmed()` for the psk, then `send` and `receive` notes of at
    most 3,000 bytes. `on_change` is called when `health` or `failures` has changed.
    """

    def __init__(
        self,
        net: Net,
        role: Role,
        code: SessionCode,
        drivers: Sequence[Driver],
        *,
        on_change: Callable[[], None] | None = None,
    ) -> None:
        self._net = net
        self._role = role
        self.code = code
        self._drivers = tuple(drivers)
        self._tell = on_change or (lambda: None)
        self._changed = asyncio.Event()
        self._tasks = TaskScope("meeting")
        self._machine: Invitation | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._psk: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()
        self._unread: deque[bytes] = deque()
        self._news = asyncio.Event()
        self._over = False
        self._error: MeetingError | None = None
        self.lost = 0
        self.winner: Driver | None = None

    @property
    def drivers(self) -> tuple[Driver, ...]:
        """The ways."""
        return self._drivers

    @property
    def health(self) -> tuple[WayHealth, ...]:
        """How each way fares."""
        return tuple(driver.health for driver in self._drivers)

    @property
    def failures(self) -> int:
        """How many confirmations have failed."""
        return self._machine.failures if self._machine else 0

    @property
    def taken(self) -> bool:
        """Two others are using the number somewhere."""
        return any(driver.taken for driver in self._drivers)

    async def settled(self, timeout_s: float) -> None:
        """Waits until no way is opening any more, at most so long."""
        with suppress(TimeoutError):
            async with asyncio.timeout(timeout_s):
                while any(way.state is WayState.OPENING for way in self.health):
                    self._changed.clear()
                    await self._changed.wait()

    def start(self) -> None:
        """Opens every way at once. Raises MeetingError when there is none."""
        if not self._drivers:
            raise MeetingError(MeetingError.Reason.NO_WAY, "none was chosen")
        make = HostInvitation if self._role is Role.HOST else GuestInvitation
        self._machine = make(self.code, self._net.random_bytes, self._net.now())
        for driver in self._drivers:
            driver.on_change = self._on_change
            self._tasks.start(
                driver.run(self.code.nameplate, self._role, self._taker(driver)), f"by {driver.name}"
            )
        self._pump()

    async def confirmed(self) -> bytes:
        """The psk, once both have proved the code. Raises MeetingError when it ends without."""
        return await asyncio.shield(self._psk)

    def send(self, payload: bytes) -> None:
        """Sends a note to the peer alone. Raises MeetingError (it is over, too), RuntimeError before it is confirmed."""
        if self._machine is None:
            raise RuntimeError("the meeting has not started")
        if self._machine.ended:
            raise self._error or MeetingError(MeetingError.Reason.WITHDRAWN)
        self._machine.send(payload, self._net.now())
        self._pump()

    async def receive(self) -> bytes | None:
        """The peer's next note; None at the end. Raises MeetingError when it ended by one."""
        while not self._unread:
            if self._over:
                if self._error is not None:
                    raise self._error
                return None
            self._news.clear()
            await self._news.wait()
        return self._unread.popleft()

    async def close(self) -> None:
        """Ends it and every way. May be called twice."""
        if self._machine is not None:
            self._machine.close()
            self._pump()
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        await self._tasks.close()

    async def __aenter__(self) -> "Meeting":
        self.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    def _on_change(self) -> None:
        self._changed.set()
        self._tell()

    def _taker(self, driver: Driver) -> Callable[[bytes], None]:
        def take(note: bytes) -> None:
            if self._machine is None or self._over:
                return
            before = self._machine.confirmed
            self._machine.receive(note, self._net.now())
            if self._machine.confirmed and not before:
                self.winner = driver
            self._pump()

        return take

    def _pump(self) -> None:
        machine = self._machine
        if machine is None:
            return
        while (note := machine.poll_transmit()) is not None:
            for driver in self._drivers:
                driver.send(note)
        while (event := machine.poll_event()) is not None:
            if isinstance(event, Confirmed):
                self._settle(event.psk)
            elif isinstance(event, Received):
                self._keep(event.payload)
            elif isinstance(event, Failed):
                self._on_change()
            elif isinstance(event, Ended):
                self._end(event)
        self._arm()

    def _settle(self, psk: bytes) -> None:
        if not self._psk.done():
            self._psk.set_result(psk)
        self._on_change()

    def _keep(self, payload: bytes) -> None:
        if len(self._unread) >= MAX_UNREAD:
            self.lost += 1
            return
        self._unread.append(payload)
        self._news.set()

    def _end(self, event: Ended) -> None:
        self._over = True
        self._error = event.error
        if event.error is not None and event.error.reason is MeetingError.Reason.EXPIRED:
            health = self.health
            if all(way.state is WayState.FAILED for way in health):
                detail = "; ".join(f"{way.name}: {way.text}" for way in health)
                self._error = MeetingError(MeetingError.Reason.NO_WAY, detail)
        if not self._psk.done():
            self._psk.set_exception(self._error or MeetingError(MeetingError.Reason.WITHDRAWN))
            self._psk.exception()  # seen: whoever waits gets it, and nobody may
        self._news.set()
        self._on_change()

    def _arm(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        due = self._machine.deadline() if self._machine else None
        if due is not None:
            self._timer = asyncio.get_running_loop().call_at(due, self._wake)

    def _wake(self) -> None:
        if self._machine is not None:
            self._machine.handle_timeout(self._net.now())
            self._pump()
