"""The permissions and channels of one relay: who may send, since when, until when, and when to renew. Pure."""

from collections.abc import Iterator
from typing import Final

from netstack.model.address import Address
from netstack.model.turn import ChannelState, PermissionState, TurnError

PERMISSION_S: Final = 300.0
CHANNEL_S: Final = 600.0
RENEW_AFTER: Final = 0.6  # of a lifetime; what is left is room for many tries
RETRY_S: Final = 3.0
MAX_PERMISSIONS: Final = 256
MAX_CHANNELS: Final = 256
FIRST_CHANNEL: Final = 0x4000
LAST_CHANNEL: Final = 0x4FFF  # RFC 8656 section 12
LEAST_CHANNEL_S: Final = 4.0
NEVER: Final = float("inf")


class Binding:
    """A permission (`number` None; the peer's port is 0), or a channel. Times are those of `now`."""

    __slots__ = ("agreed_s", "due_s", "error", "number", "peer", "refused_s", "until_s")

    def __init__(self, peer: Address, number: int | None, now: float) -> None:
        self.peer = peer
        self.number = number
        self.due_s = now
        self.until_s: float | None = None
        self.agreed_s: float | None = None
        self.error: TurnError | None = None
        self.refused_s = now

    def ask_again(self, now: float) -> None:
        """It is wanted once more. Raises the error that the server has just given."""
        if self.error is not None:
            if self.error.code is not None and now < self.refused_s + RETRY_S:
                raise self.error
            self.error, self.due_s = None, now

    def in_force(self, now: float) -> bool:
        """The server has agreed, and its time is not over."""
        return self.until_s is not None and now < self.until_s


class Bindings:
    """All of one relay. A channel's request renews the permission of its host as well."""

    def __init__(self, permission_s: float = PERMISSION_S, channel_s: float = CHANNEL_S) -> None:
        self._permission_s = permission_s
        self._channel_s = channel_s
        self._permissions: dict[str, Binding] = {}
        self._channels: dict[Address, Binding] = {}
        self._numbers: dict[int, Binding] = {}
        self._next = FIRST_CHANNEL

    def __iter__(self) -> Iterator[Binding]:
        yield from self._permissions.values()
        yield from self._channels.values()

    def permit(self, host: str, now: float) -> Binding:
        """The permission for a host, asked for as soon as may be where it is new. Raises TurnError (LIMIT)."""
        binding = self._permissions.get(host)
        if binding is None:
            if len(self._permissions) >= MAX_PERMISSIONS:
                raise TurnError(TurnError.Reason.LIMIT, f"{MAX_PERMISSIONS} permissions")
            binding = self._permissions[host] = Binding(Address(host, 0), None, now)
        else:
            binding.ask_again(now)
        return binding

    def bind(self, peer: Address, now: float) -> Binding:
        """The channel to a peer, likewise. Raises TurnError (LIMIT)."""
        binding = self._channels.get(peer)
        if binding is None:
            if len(self._channels) >= MAX_CHANNELS or self._next > LAST_CHANNEL:
                raise TurnError(TurnError.Reason.LIMIT, f"{MAX_CHANNELS} channels")
            binding = self._channels[peer] = self._numbers[self._next] = Binding(peer, self._next, now)
            self._next += 1
        else:
            binding.ask_again(now)
        return binding

    def forget(self, peer: Address) -> None:
        """Renews the channel to a peer, or with port 0 the permission and every channel of its host, no more."""
        for known in [p for p in self._channels if p == peer or (not peer.port and p.host == peer.host)]:
            number = self._channels.pop(known).number
            if number is not None:
                del self._numbers[number]
        if not peer.port:
            self._permissions.pop(peer.host, None)

    def channel(self, peer: Address, now: float) -> int | None:
        """The number of the channel to a peer, where it is in force."""
        binding = self._channels.get(peer)
        return binding.number if binding is not None and binding.in_force(now) else None

    def peer_of(self, number: int) -> Address | None:
        """The peer that a channel leads to; also of one that has just lapsed here, for the server decides."""
        binding = self._numbers.get(number)
        return binding.peer if binding is not None and binding.agreed_s is not None else None

    def permits(self, host: str, now: float) -> bool:
        """A permission or a channel lets this host in."""
        permission = self._permissions.get(host)
        if permission is not None and permission.in_force(now):
            return True
        return any(peer.host == host and b.in_force(now) for peer, b in self._channels.items())

    def agreed(self, binding: Binding, now: float) -> None:
        """The server has agreed, to a request that began now at the latest."""
        lifetime_s = self._permission_s if binding.number is None else self._channel_s
        binding.agreed_s, binding.error = now, None
        binding.until_s = now + lifetime_s
        binding.due_s = now + RENEW_AFTER * min(self._permission_s, lifetime_s)
        if binding.number is not None and (permission := self._permissions.get(binding.peer.host)):
            permission.agreed_s, permission.error = now, None
            permission.until_s = now + self._permission_s
            permission.due_s = now + 0.7 * self._permission_s  # the channel is renewed before that

    def refused(self, binding: Binding, error: TurnError, now: float) -> None:
        """The server does not want to, or did not answer: the latter is tried again."""
        binding.error, binding.refused_s = error, now
        binding.due_s = now + RETRY_S if error.code is None else NEVER

    def came_as_indication(self, peer: Address, now: float) -> bool:
        """Data of a bound peer came without its channel: the server forgot it. True: it is asked for again.

        No answer tells how long a channel lives. One that lapsed early teaches how often to renew.
        """
        binding = self._channels.get(peer)
        if binding is None or binding.agreed_s is None or not binding.in_force(now):
            return False
        age_s = now - binding.agreed_s
        if age_s < LEAST_CHANNEL_S / 2 or binding.due_s == NEVER:
            return False
        self._channel_s = max(LEAST_CHANNEL_S, min(self._channel_s, age_s))
        for each in self._channels.values():
            if each.agreed_s is not None and each.error is None:
                each.due_s = min(each.due_s, each.agreed_s + RENEW_AFTER * self._channel_s)
        binding.due_s = now
        return True

    def lapsed(self, now: float) -> list[Binding]:
        """Those whose time has passed without a renewal; each is told once."""
        over = [binding for binding in self if binding.until_s is not None and now >= binding.until_s]
        for binding in over:
            binding.until_s = None
        return over

    def hurry(self, now: float) -> None:
        """Renews all that is in force, now."""
        for binding in self:
            if binding.in_force(now) and binding.due_s != NEVER:
                binding.due_s = now

    def reset(self, now: float) -> None:
        """A new relay: nothing is in force, and all that was wanted is wanted again."""
        for binding in self:
            binding.until_s = binding.agreed_s = None
            if binding.error is None or binding.error.code is None:
                binding.due_s, binding.error = now, None

    def deadline(self) -> float:
        """When one is to be renewed, or lapses."""
        times = [min(b.due_s, NEVER if b.until_s is None else b.until_s) for b in self]
        return min(times, default=NEVER)

    def permission_states(self, now: float) -> tuple[PermissionState, ...]:
        """For people."""
        return tuple(
            PermissionState(host, _remaining(b, now), b.error.reason.value if b.error else None)
            for host, b in self._permissions.items()
        )

    def channel_states(self, now: float) -> tuple[ChannelState, ...]:
        """For people."""
        return tuple(
            ChannelState(number, str(b.peer), _remaining(b, now), b.error.reason.value if b.error else None)
            for number, b in self._numbers.items()
        )


def _remaining(binding: Binding, now: float) -> float | None:
    return None if binding.until_s is None else max(0.0, binding.until_s - now)
