"""Sealed packets through a TURN relay: one allocation is one link, and every peer has a channel."""

import asyncio
from collections.abc import Callable
from typing import Final

from netstack.core.session_sender import Transmit
from netstack.core.turn_events import Allocated, Ended, Event
from netstack.model.address import Address, Family
from netstack.model.session import Flow, LinkTraits, TransportKind
from netstack.model.turn import RelayState, ServerTransport, TurnError
from netstack.transport.protocol import PacketReceiver
from netstack.transport.turn_relay import Relay

STUN_LAST: Final = 0x03
CHANNEL_HEADER_BYTES: Final = 4
BASE_BYTES: Final = 1200
MAX_BYTES: Final = {Family.IPV4: 1472, Family.IPV6: 1452}


class TurnTransport:
    """Takes an open relay over. A peer's first packets leave in Send indications, right behind the request for its channel.

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
            try:
                self.relay.send_ahead(transmit.data, transmit.segment_bytes, peer)
            except TurnError:
                self.unsent += transmit.packets
        return taken is not False

    def send_stun(self, data: bytes, remote: Address) -> None:
        """Sends a STUN message to a peer through the relay; one that cannot leave is dropped."""
        self.send(Transmit(Flow(self.link, remote), data, len(data), 1))

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
        """What becomes of the relay."""
        match event:
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
        self._receiver.link_lost(self.link)
        if self.moved is not None:
            self.moved(None)

    async def close(self) -> None:
        """Gives the relay back."""
        if not self._closed:
            self._lost()
        await self.relay.release()
