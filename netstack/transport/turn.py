"""Sealed packets through a TURN relay: one allocation is one link, and every peer has a channel."""

import asyncio
from collections import deque
from collections.abc import Callable
from typing import Final

from netstack.core.session_sender import Transmit
from netstack.core.turn_events import Allocated, Bound, Ended, Event, Refused
from netstack.model.address import Address, Family
from netstack.model.session import Flow, LinkTraits, TransportKind
from netstack.model.turn import RelayState, ServerTransport, TurnError
from netstack.transport.protocol import PacketReceiver
from netstack.transport.turn_relay import Relay

STUN_LAST: Final = 0x03
CHANNEL_HEADER_BYTES: Final = 4
MAX_WAITING_PEERS: Final = 64
MAX_WAITING_BYTES: Final = 65_536
BASE_BYTES: Final = 1200
MAX_BYTES: Final = {Family.IPV4: 1472, Family.IPV6: 1452}


class TurnTransport:
    """Takes an open relay over. A peer's first packets wait for its channel, a round trip; 64 KiB at most.

    STUN messages of peers go to `stun`, if somebody is there; `moved` hears a new relayed address after the
    relay had to be allocated again, None when it is gone for good. `unsent` are packets that could not leave.
    """

    kind = TransportKind.TURN

    def __init__(
        self, relay: Relay, receiver: PacketReceiver, link: int, *, mtu_bytes: int | None = None
    ) -> None:
        self.relay = relay
        self.link = link
        self.stun: Callable[[bytes, Address, float], None] | None = None
        self.moved: Callable[[Address | None], None] | None = None
        self.unsent = 0
        self._receiver = receiver
        self._waiting: dict[Address, deque[Transmit]] = {}
        self._closed = False
        relay.receiver = self
        outer = relay.client.server.family
        header = CHANNEL_HEADER_BYTES if relay.transport is ServerTransport.UDP else 0
        most = min(MAX_BYTES[outer] - header, MAX_BYTES[self.family])
        sure = min(mtu_bytes or BASE_BYTES, most)
        receiver.link_opened(link, LinkTraits(TransportKind.TURN, sure, most))

    @property
    def relayed(self) -> Address | None:
        """Where peers find us."""
        return self.relay.relayed

    @property
    def family(self) -> Family:
        """The IP version of the relay."""
        relayed = self.relay.client.relayed
        return relayed.family if relayed is not None else Family.IPV4

    def state(self) -> RelayState:
        """Everything of the relay, for people."""
        return self.relay.state()

    async def permit(self, host: str) -> None:
        """Lets a host's packets in. Raises TurnError."""
        await self.relay.permit(host)

    def carries(self, link: int) -> bool:
        """There is one link."""
        return link == self.link

    def send(self, transmit: Transmit) -> bool:
        """Hands a burst over. False: it was not taken; `link_writable` follows."""
        peer = transmit.flow.remote
        if peer is None or self._closed:
            self.unsent += transmit.packets
            return True
        taken = self.relay.send_burst(transmit.data, transmit.segment_bytes, peer)
        if taken is None:
            self._wait_for_channel(peer, transmit)
        return taken is not False

    def send_stun(self, data: bytes, remote: Address) -> None:
        """Sends a STUN message to a peer through the relay; one that cannot leave is dropped."""
        self.send(Transmit(Flow(self.link, remote), data, len(data), 1))

    def _wait_for_channel(self, peer: Address, transmit: Transmit) -> None:
        waiting = self._waiting.get(peer)
        if waiting is None:
            if len(self._waiting) >= MAX_WAITING_PEERS:
                self.unsent += transmit.packets
                return
            waiting = self._waiting[peer] = deque()
        while waiting and sum(len(each.data) for each in waiting) + len(transmit.data) > MAX_WAITING_BYTES:
            self.unsent += waiting.popleft().packets
        waiting.append(transmit)
        if len(waiting) == 1:
            try:
                self.relay.bind_soon(peer)
            except TurnError:
                self._give_up(peer)

    def _give_up(self, peer: Address) -> None:
        self.unsent += sum(each.packets for each in self._waiting.pop(peer, ()))

    # from the relay

    def relay_received(
        self, peer: Address, data: bytes, segment_bytes: int, received_at_s: float | None
    ) -> None:
        """Datagrams of a peer."""
        if not data:
            return
        if data[0] > STUN_LAST:
            self._receiver.packets_received(data, Flow(self.link, peer), segment_bytes, received_at_s)
        elif self.stun is not None:
            at_s = received_at_s if received_at_s is not None else asyncio.get_running_loop().time()
            for start in range(0, len(data), segment_bytes):
                self.stun(data[start : start + segment_bytes], peer, at_s)

    def relay_event(self, event: Event) -> None:
        """Channels that are bound or refused, and what becomes of the relay."""
        match event:
            case Bound(peer, _):
                for transmit in self._waiting.pop(peer, ()):
                    self.send(transmit)
            case Refused(peer, _):
                self._give_up(peer)
            case Allocated(relayed) if event.again:
                if self.moved is not None:
                    self.moved(relayed)
            case Ended() if not self._closed:
                self._lost()
            case _:
                pass

    def relay_writable(self) -> None:
        """The relay takes bursts again."""
        self._receiver.link_writable(self.link)

    def _lost(self) -> None:
        self._closed = True
        for peer in list(self._waiting):
            self._give_up(peer)
        self._receiver.link_lost(self.link)
        if self.moved is not None:
            self.moved(None)

    async def close(self) -> None:
        """Gives the relay back."""
        if not self._closed:
            self._lost()
        await self.relay.release()
