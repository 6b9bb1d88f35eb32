"""Peers' data through a TURN server: what may go where (RFC 8656 sections 11 and 12), counted and within the budget.

Two relays of one server may talk: their data is handed over in here, and no packet to an own address ever leaves.
"""

from collections.abc import Callable

from netstack.model.address import Address
from netstack.server.machine import RelaySend
from netstack.server.turn_allocation import Allocation, Client
from netstack.server.turn_budget import Budget
from netstack.server.turn_peers import PeerPolicy
from netstack.server.turn_refusal import Refusal, not_understood
from netstack.server.turn_table import Table
from netstack.wire import stun, turn
from netstack.wire import stun_attributes as attr
from netstack.wire.stun import MessageClass, Method, StunMessage
from netstack.wire.stun_attributes import Attribute


class PeerData:
    """`to_client` sends to a client what may be dropped on a full connection, `to_peer` from a relay's socket."""

    def __init__(
        self,
        table: Table,
        peers: PeerPolicy,
        budget: Budget,
        random_bytes: Callable[[int], bytes],
        *,
        to_client: Callable[[bytes, Client], None],
        to_peer: Callable[[RelaySend], None],
    ) -> None:
        self.dropped = 0
        self._table = table
        self._peers = peers
        self._budget = budget
        self._random_bytes = random_bytes
        self._to_client = to_client
        self._to_peer = to_peer

    def check_peer(self, peer: Address, allocation: Allocation) -> None:
        """Whether a permission or a channel may name it; port 0 stands for its host. Raises Refusal."""
        if allocation.relayed is not None and peer.family is not allocation.relayed.family:
            raise Refusal(443)
        own = self._table.has_host(peer.host) if peer.port == 0 else self._table.of_address(peer) is not None
        if not self._peers.permits(peer.host) and not own:
            raise Refusal(403)

    def in_channel(self, data: bytes, client: Client, now: float) -> None:
        """A client's ChannelData. Raises DecodeError."""
        frame = turn.decode_channel_data(data)
        allocation = self._table.of_client(client)
        peer = allocation.peer_of(frame.channel, now) if allocation else None
        if allocation is None or peer is None:
            self.dropped += 1
        else:
            self._out(allocation, frame.data, peer, now)

    def in_indication(self, message: StunMessage, client: Client, now: float) -> None:
        """A client's Send indication."""
        allocation = self._table.of_client(client)
        peer, data = message.get(attr.XOR_PEER_ADDRESS), message.get(attr.DATA)
        if allocation is None or peer is None or data is None or not_understood(message):
            self.dropped += 1
            return
        self._out(allocation, data, peer, now, dont_fragment=message.get(attr.DONT_FRAGMENT) is not None)

    def from_peer(self, relay_id: int, data: bytes, remote: Address, now: float) -> None:
        """A peer's datagram: to the client where a permission lets it in."""
        allocation = self._table.of_relay(relay_id)
        if (
            allocation is None
            or not allocation.permits(remote.host, now)
            or not self._budget.spend(allocation, len(data), now)
        ):
            self.dropped += 1
            return
        number = allocation.channel_of(remote, now)
        client = allocation.client
        if number is not None:
            out = turn.encode_channel_data(number, data, padded=client.stream_id is not None)
        else:
            out = self._indication(remote, attr.DATA(data))
        self._to_client(out, client)

    def failed(self, relay_id: int, remote: Address, icmp: attr.Icmp, now: float) -> None:
        """An ICMP error for a peer is passed on (RFC 8656 section 11.5)."""
        allocation = self._table.of_relay(relay_id)
        if allocation is not None and allocation.permits(remote.host, now):
            self._to_client(self._indication(remote, attr.ICMP(icmp)), allocation.client)

    def _out(
        self, allocation: Allocation, data: bytes, peer: Address, now: float, *, dont_fragment: bool = False
    ) -> None:
        if not allocation.permits(peer.host, now) or not self._budget.spend(allocation, len(data), now):
            self.dropped += 1
            return
        neighbour = self._table.of_address(peer)
        if neighbour is not None and allocation.relayed is not None:
            self.from_peer(neighbour.relay_id, data, allocation.relayed, now)
        elif self._table.has_host(peer.host) and not self._peers.permits(peer.host):
            self.dropped += 1  # one of our own ports, but no relay
        else:
            self._to_peer(RelaySend(allocation.relay_id, data, peer, dont_fragment))

    def _indication(self, peer: Address, content: Attribute) -> bytes:
        attributes = (attr.XOR_PEER_ADDRESS(peer), content)
        return stun.encode(
            StunMessage(Method.DATA, MessageClass.INDICATION, self._random_bytes(12), attributes)
        )
