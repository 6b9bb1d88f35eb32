"""The entrance of an endpoint: who may bring how much before anything is computed for it. Pure.

The buckets of `rate_limits` cost 3 us a packet. Packets mostly come many from one peer, so a peer that was let in
gets an allotment, taken from its buckets in advance, and what is left of it goes back when somebody else comes.
"""

from typing import Final

from netstack.core.rate_limits import RateLimiter, RateLimits
from netstack.model.session import Flow

ALLOTTED_PACKETS: Final = 64
ALLOTTED_BYTES: Final = 64 * 1500
PRESSED_S: Final = 1.0


class Entrance:
    """Guards every link of an endpoint. `limiter` counts refusals by reason and lists suspicious peers."""

    __slots__ = ("_bytes", "_flow", "_packets", "_pressed_until_s", "limiter")

    def __init__(self, limits: RateLimits, now: float) -> None:
        self.limiter = RateLimiter(limits, now)
        self._flow: Flow | None = None
        self._packets = 0
        self._bytes = 0
        self._pressed_until_s = now

    def admit(self, flow: Flow, size_bytes: int, packets: int, now: float) -> bool:
        """Whether packets of `size_bytes` in all may come in."""
        if flow == self._flow and self._packets >= packets and self._bytes >= size_bytes:
            self._packets -= packets
            self._bytes -= size_bytes
            return True
        return self._ask(flow, size_bytes, packets, now)

    def set_limits(self, limits: RateLimits, now: float) -> None:
        """Other limits, from now on; what was allotted under the old ones is void."""
        self._flow, self._bytes, self._packets = None, 0, 0
        self.limiter.set_limits(limits, now)

    def pressed(self, now: float) -> bool:
        """There was no room for somebody a moment ago: who begins a handshake must show that an address is his."""
        return now < self._pressed_until_s

    def _ask(self, flow: Flow, size_bytes: int, packets: int, now: float) -> bool:
        again = flow == self._flow
        if self._flow is not None:
            self.limiter.give_back(_name(self._flow), self._bytes, self._packets)
        self._flow, self._bytes, self._packets = flow, 0, 0
        peer = _name(flow)
        if not self.limiter.allow(peer, size_bytes, now, packets=packets):
            if self.limiter.full:
                self._pressed_until_s = now + PRESSED_S
            return False
        if again and self.limiter.take(peer, ALLOTTED_BYTES, ALLOTTED_PACKETS, now):
            self._bytes, self._packets = ALLOTTED_BYTES, ALLOTTED_PACKETS
        return True


def _name(flow: Flow) -> str:
    """Peers are told apart by host: a stranger has 65,535 ports."""
    return flow.remote.host if flow.remote is not None else f"link {flow.link}"
