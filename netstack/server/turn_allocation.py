"""One allocation of a TURN server: its permissions, channels, lifetime and budget (RFC 8656 sections 7 to 12)."""

from typing import NamedTuple

from netstack.core.token_bucket import Bucket
from netstack.model.address import Address

MAX_PERMISSIONS = 256
MAX_CHANNELS = 256


class Client(NamedTuple):
    """A five-tuple's near half: who, which of our addresses, and over which connection (None: UDP)."""

    remote: Address
    local: Address
    stream_id: int | None = None


class Channel(NamedTuple):
    """A bound channel: the peer, and when the binding lapses."""

    peer: Address
    expires_at: float


class Allocation:
    """A relayed address and all that hangs on it. Times are on the clock of `now`."""

    def __init__(
        self, client: Client, relay_id: int, username: str, transaction_id: bytes, bucket: Bucket, now: float
    ) -> None:
        self.client = client
        self.relay_id = relay_id
        self.username = username
        self.transaction_id = transaction_id
        self.relayed: Address | None = None
        self.token: bytes | None = None
        self.expires_at = now
        self.ends_at = float("inf")
        self.paid_until = now
        self.bucket = bucket
        self.relayed_bytes = 0
        self._permissions: dict[str, float] = {}
        self._channels: dict[int, Channel] = {}
        self._numbers: dict[Address, int] = {}

    def permit(self, host: str, until: float, now: float) -> bool:
        """Lets a peer's host send; False when there are too many."""
        if host not in self._permissions and len(self._permissions) >= MAX_PERMISSIONS:
            self._permissions = {h: at for h, at in self._permissions.items() if at > now}
            if len(self._permissions) >= MAX_PERMISSIONS:
                return False
        self._permissions[host] = until
        return True

    def permits(self, host: str, now: float) -> bool:
        """Whether a permission for the host is in force."""
        return self._permissions.get(host, now) > now

    def bind(self, number: int, peer: Address, until: float, now: float) -> bool:
        """Binds a channel, or renews it; False when either is bound to another, or there are too many."""
        self._forget_lapsed(now)
        if self._numbers.get(peer, number) != number:
            return False
        bound = self._channels.get(number)
        if bound is not None and bound.peer != peer:
            return False
        if bound is None and len(self._channels) >= MAX_CHANNELS:
            return False
        self._channels[number] = Channel(peer, until)
        self._numbers[peer] = number
        return True

    def peer_of(self, number: int, now: float) -> Address | None:
        """The peer that a channel leads to, None once it has lapsed."""
        bound = self._channels.get(number)
        return bound.peer if bound is not None and bound.expires_at > now else None

    def channel_of(self, peer: Address, now: float) -> int | None:
        """The channel that leads to a peer."""
        number = self._numbers.get(peer)
        return number if number is not None and self.peer_of(number, now) else None

    def _forget_lapsed(self, now: float) -> None:
        for number in [n for n, channel in self._channels.items() if channel.expires_at <= now]:
            del self._numbers[self._channels.pop(number).peer]
