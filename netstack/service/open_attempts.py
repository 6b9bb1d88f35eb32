"""What is being tried at the moment to meet somebody: an invitation, a code, calls to known peers."""

import asyncio
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager

from netstack.core.invitation import LIFE_S
from netstack.errors import InputError, PeerscopeError
from netstack.model.peers import CallState, InvitationState
from netstack.service.attempt import Attempt, Met
from netstack.service.attempt_state import call_state, invitation_state
from netstack.tasks import TaskScope


class OpenAttempts:
    """One invitation, one code and one call to each known peer at a time. `changed` hears when one has ended."""

    def __init__(self, now: Callable[[], float], changed: Callable[[], None]) -> None:
        self.invitation: Attempt | None = None
        self._joining: Attempt | None = None
        self._calls: dict[str, Attempt] = {}
        self._calling: dict[str, asyncio.Task[Met | PeerscopeError]] = {}
        self._began_s: dict[Attempt, float] = {}
        self._now = now
        self._changed = changed

    def __bool__(self) -> bool:
        return bool(self._began_s)

    def restart(self, attempt: Attempt) -> None:
        """Its ten minutes begin now."""
        self._began_s[attempt] = self._now()

    @contextmanager
    def timed(self, attempt: Attempt) -> Iterator[None]:
        """It lasts as long as the block."""
        self.restart(attempt)
        try:
            yield
        finally:
            del self._began_s[attempt]

    @contextmanager
    def inviting(self, attempt: Attempt) -> Iterator[None]:
        """It is the open invitation. Raises InputError where one is open."""
        if self.invitation is not None:
            raise InputError(InputError.Reason.USAGE, "an invitation is open already")
        self.invitation = attempt
        try:
            yield
        finally:
            self.invitation = None
            self._changed()

    @contextmanager
    def joining(self, attempt: Attempt) -> Iterator[None]:
        """It is somebody's code. Raises InputError where one is being tried."""
        if self._joining is not None:
            raise InputError(InputError.Reason.USAGE, "one code at a time")
        self._joining = attempt
        try:
            yield
        finally:
            self._joining = None
            self._changed()

    @contextmanager
    def calling(self, peer: str, attempt: Attempt) -> Iterator[None]:
        """It is a call to a known peer. Raises InputError where that one is being called."""
        if peer in self._calls:
            raise InputError(InputError.Reason.USAGE, "that peer is being called already")
        self._calls[peer] = attempt
        try:
            yield
        finally:
            del self._calls[peer]
            self._calling.pop(peer, None)
            self._changed()

    async def call(self, peer: str, meeting: Awaitable[Met]) -> Met | None:
        """The end of `meeting`; None where `answered` came first. Raises as `meeting` does."""
        async with TaskScope("call") as tasks:
            task = self._calling[peer] = tasks.start(_outcome(meeting), peer)
            await asyncio.wait([task])
        if task.cancelled():
            return None
        met = task.result()
        if isinstance(met, PeerscopeError):
            raise met
        return met

    def answered(self, peer: str) -> None:
        """The two are connected by another way than our call."""
        if (calling := self._calling.get(peer)) is not None:
            calling.cancel()

    def calls_to(self, peer: str) -> bool:
        """Whether that one is being called."""
        return peer in self._calls

    def invitation_state(self, ways: Sequence[str]) -> InvitationState | None:
        """Ours, for the window; its link names `ways`."""
        return invitation_state(self.invitation, self._left_s(self.invitation), ways)

    def joining_state(self) -> CallState | None:
        """The code that is being tried, for the window."""
        return call_state(self._joining, self._left_s(self._joining)) if self._joining else None

    def call_states(self, names: Mapping[str, str]) -> tuple[CallState, ...]:
        """The calls, for the window; `names` are those of known peers."""
        return tuple(
            call_state(each, self._left_s(each), peer, names.get(peer, ""))
            for peer, each in self._calls.items()
        )

    def _left_s(self, attempt: Attempt | None) -> int:
        now = self._now()
        began_s = now if attempt is None else self._began_s.get(attempt, now)
        return max(0, round(LIFE_S - (now - began_s)))


async def _outcome(meeting: Awaitable[Met]) -> Met | PeerscopeError:
    try:
        return await meeting
    except PeerscopeError as error:
        return error
