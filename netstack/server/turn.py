"""A TURN server (RFC 8656) over UDP and TCP, relaying UDP; it never relays into its own network."""

from collections.abc import Callable

from netstack.errors import DecodeError
from netstack.model.address import Address, Family
from netstack.server.machine import (
    CloseRelay,
    OpenRelay,
    Server,
    StreamClose,
    StreamSend,
    Transmit,
)
from netstack.server.rate import SourceRate
from netstack.server.stun import StunServer
from netstack.server.turn_allocation import Allocation, Client
from netstack.server.turn_budget import Budget, TurnLimits
from netstack.server.turn_connections import Connection
from netstack.server.turn_credentials import Credentials
from netstack.server.turn_data import PeerData
from netstack.server.turn_peers import PeerPolicy
from netstack.server.turn_refusal import REASONS, Refusal, not_understood
from netstack.server.turn_table import Reservation, Table
from netstack.wire import stun, turn
from netstack.wire import stun_attributes as attr
from netstack.wire.stun import MessageClass, Method, StunMessage
from netstack.wire.stun_attributes import Attribute

SOFTWARE = "Peerscope"
TOKEN_BYTES = 8
OPENING_S = 10.0  # a relay socket is bound within it


class TurnServer(Server):
    """Allocates relayed addresses to users and carries their datagrams.

    `random_bytes` gives entropy. `told` replaces the host that clients are told for their relayed address
    (behind a 1:1 NAT, or to be wrong in a test). `alternate` sends everybody elsewhere (300). `errors` makes
    a method fail on request: method -> code. `binding` answers STUN's own requests on the same sockets, with
    all that it can; without it they get a plain answer. The counters never go down; `gauges()` does.
    """

    streams = True
    stream_idle_s = None

    def __init__(
        self,
        addresses: tuple[Address, ...],
        credentials: Credentials,
        random_bytes: Callable[[int], bytes],
        *,
        limits: TurnLimits | None = None,
        peers: PeerPolicy | None = None,
        families: tuple[Family, ...] = (Family.IPV4,),
        told: str | None = None,
        alternate: Address | None = None,
        errors: dict[int, int] | None = None,
        rate: SourceRate | None = None,
        binding: StunServer | None = None,
    ) -> None:
        super().__init__()
        self.addresses = addresses
        self._binding = binding
        self.limits = limits or TurnLimits()
        self.errors = dict(errors or {})
        self.allocated = self.refused = self.malformed = self.limited = 0
        self._credentials = credentials
        self._random_bytes = random_bytes
        self._families = families
        self._told = told
        self._alternate = alternate
        self._rate = rate or SourceRate(per_network_per_s=100, in_all_per_s=5000)
        self._budget = Budget(self.limits)
        self._table = Table()
        self.peers = peers or PeerPolicy(own=(address.host for address in addresses))
        self._data = PeerData(
            self._table,
            self.peers,
            self._budget,
            random_bytes,
            to_client=lambda data, client: self._send(data, client, droppable=True),
            to_peer=self._actions.append,
        )
        self._opening: dict[int, tuple[StunMessage, bytes, float]] = {}
        self._streams: dict[int, Connection] = {}
        self._next_relay = 0
        self._due_at: float | None = None

    @property
    def relayed_bytes(self) -> int:
        """Payload that passed, both ways."""
        return self._budget.relayed_bytes

    @property
    def dropped(self) -> int:
        """Peers' data that had no permission, no channel, or no room."""
        return self._data.dropped

    def gauges(self) -> dict[str, tuple[float, float]]:
        """What is used, and its limit; reserved ports count as allocations."""
        return {
            "allocations": (len(self._table), self.limits.allocations),
            "allocations_of_busiest_user": (self._table.busiest, self.limits.allocations_per_user),
            "streams": (len(self._streams), self.max_streams),
            **self._budget.gauges(),
        }

    def deadline(self) -> float | None:
        """When an allocation, a reservation or an idle connection may end; looked for once then, not each time."""
        return self._due_at

    def _due(self, at: float) -> None:
        if self._due_at is None or at < self._due_at:
            self._due_at = at

    def handle_timeout(self, now: float) -> None:
        """Ends allocations and reservations whose time is over, and idle connections without one."""
        for allocation in [a for a in self._table if a.expires_at <= now]:
            self._delete(allocation, now)
        for token in [t for t, r in self._table.reservations.items() if r.expires_at <= now]:
            self._actions.append(CloseRelay(self._table.reservations.pop(token).relay_id))
        bare = {i: c.idle_at for i, c in self._streams.items() if self._table.of_client(c.client) is None}
        for stream_id in [i for i, idle_at in bare.items() if idle_at <= now]:
            del bare[stream_id]
            self._end_stream(stream_id, now)
        self._due_at = min((*self._table.expiries(), *bare.values()), default=None)

    def receive(self, data: bytes, remote: Address, local: Address, now: float) -> None:
        """A datagram of a client."""
        self._take(data, Client(remote, local), now)

    def stream_opened(self, stream_id: int, remote: Address, local: Address, now: float) -> None:
        """A client's connection."""
        connection = self._streams[stream_id] = Connection(Client(remote, local, stream_id), now)
        self._due(connection.idle_at)

    def stream_received(self, stream_id: int, data: bytes, now: float) -> None:
        """Bytes of a client's connection; it is ended when they are neither STUN nor ChannelData."""
        connection = self._streams.get(stream_id)
        if connection is None:
            return
        connection.heard_at = now
        self._due(connection.idle_at)
        try:
            for frame in connection.frames.feed(data):
                self._take(frame, connection.client, now)
        except DecodeError:
            self.malformed += 1
            self._end_stream(stream_id, now)

    def stream_closed(self, stream_id: int, now: float) -> None:
        """A connection that ends takes its allocation along."""
        connection = self._streams.pop(stream_id, None)
        allocation = self._table.of_client(connection.client) if connection else None
        if allocation is not None:
            self._delete(allocation, now)

    def _end_stream(self, stream_id: int, now: float) -> None:
        self.stream_closed(stream_id, now)
        self._actions.append(StreamClose(stream_id))

    def relay_opened(self, relay_id: int, local: Address, now: float) -> None:
        """The relay socket of an allocation is bound: the client gets its answer."""
        allocation = self._table.of_relay(relay_id)
        request, key, lifetime_s = self._opening.pop(relay_id, (None, b"", 0.0))
        reserved = request is not None and request.get(attr.EVEN_PORT) is True
        if allocation is None or request is None:  # the client has gone meanwhile
            self._actions += [CloseRelay(relay_id), CloseRelay(relay_id + 1)]
            return
        if reserved:
            allocation.token = self._random_bytes(TOKEN_BYTES)
            self._table.reservations[allocation.token] = Reservation(
                relay_id + 1,
                Address(local.host, local.port + 1),
                allocation.username,
                now + self.limits.reservation_s,
            )
            self._due(now + self.limits.reservation_s)
        self._begin(allocation, local, request, key, lifetime_s, now)

    def _begin(
        self,
        allocation: Allocation,
        local: Address,
        request: StunMessage,
        key: bytes,
        lifetime_s: float,
        now: float,
    ) -> None:
        self._table.relayed(allocation, Address(self._told or local.host, local.port))
        allocation.expires_at = self._budget.grant(allocation, min(now + lifetime_s, allocation.ends_at), now)
        self._due(allocation.expires_at)
        self.allocated += 1
        self._answer_allocate(allocation, request, key, now)

    def relay_refused(self, relay_id: int, now: float) -> None:
        """No relay socket could be bound."""
        request, key, _ = self._opening.pop(relay_id, (None, b"", 0.0))
        allocation = self._table.of_relay(relay_id)
        if allocation is not None:
            self._delete(allocation, now)
            if request is not None:
                self._refuse(request, allocation.client, 508, key=key)

    def relay_received(self, relay_id: int, data: bytes, remote: Address, now: float) -> None:
        """A peer's datagram: to the client where a permission lets it in, else dropped."""
        self._data.from_peer(relay_id, data, remote, now)

    def relay_failed(
        self, relay_id: int, remote: Address, icmp_type: int, icmp_code: int, now: float
    ) -> None:
        """An ICMP error for a peer is passed on."""
        self._data.failed(relay_id, remote, attr.Icmp(icmp_type, icmp_code), now)

    def _take(self, data: bytes, client: Client, now: float) -> None:
        if turn.is_channel_data(data):
            try:
                self._data.in_channel(data, client, now)
            except DecodeError:
                self.malformed += 1
            return
        try:
            message = stun.decode(data)
        except DecodeError:
            if not self._bind(data, client, now):
                self.malformed += 1
            return
        if message.method == Method.BINDING and self._bind(data, client, now):
            return
        if message.message_class is MessageClass.INDICATION:
            if message.method == Method.SEND:
                self._data.in_indication(message, client, now)
            return
        if message.message_class is not MessageClass.REQUEST:
            return
        if client.remote.port == 0 or not self._rate.allow(client.remote.host, now):
            self.limited += 1
            return
        key: bytes | None = None
        try:
            if unknown := not_understood(message):
                raise Refusal(420, attr.UNKNOWN_ATTRIBUTES(unknown))
            if message.method == Method.BINDING:
                self._answer(message, client, None, attr.XOR_MAPPED_ADDRESS(client.remote))
                return
            username, key = self._credentials.authenticate(data, message, client.remote, now)
            self._serve(message, client, username, key, now)
        except Refusal as refusal:
            self._refuse(message, client, refusal.code, *refusal.attributes, key=key)

    def _bind(self, data: bytes, client: Client, now: float) -> bool:
        """Leaves a datagram to the STUN server that shares the sockets, where there is one."""
        if self._binding is None or client.stream_id is not None:
            return False
        self._binding.receive(data, client.remote, client.local, now)
        while (transmit := self._binding.poll_transmit()) is not None:
            self._transmits.append(transmit)
        return True

    def _serve(self, message: StunMessage, client: Client, username: str, key: bytes, now: float) -> None:
        if code := self.errors.get(message.method):
            raise Refusal(code)
        allocation = self._table.of_client(client)
        if message.method == Method.ALLOCATE:
            self._allocate(message, client, allocation, username, key, now)
            return
        if allocation is None or allocation.relayed is None:
            raise Refusal(437)
        if allocation.username != username:
            raise Refusal(441)
        if message.method == Method.REFRESH:
            self._refresh(message, allocation, key, now)
        elif message.method == Method.CREATE_PERMISSION:
            self._create_permission(message, allocation, key, now)
        elif message.method == Method.CHANNEL_BIND:
            self._channel_bind(message, allocation, key, now)
        else:
            raise Refusal(400)

    def _allocate(
        self,
        message: StunMessage,
        client: Client,
        known: Allocation | None,
        username: str,
        key: bytes,
        now: float,
    ) -> None:
        if known is not None:
            if known.transaction_id != message.transaction_id:
                raise Refusal(437)
            if known.relayed is not None:  # the answer was lost
                self._answer_allocate(known, message, key, now)
            return
        if self._alternate is not None:
            raise Refusal(300, attr.ALTERNATE_SERVER(self._alternate))
        transport = message.get(attr.REQUESTED_TRANSPORT)
        if transport is None:
            raise Refusal(400)
        if transport != turn.UDP_PROTOCOL:
            raise Refusal(442)
        token, even = message.get(attr.RESERVATION_TOKEN), message.get(attr.EVEN_PORT)
        asked = message.get(attr.REQUESTED_ADDRESS_FAMILY)
        if token is not None and (even is not None or asked is not None):
            raise Refusal(400)
        family = asked or Family.IPV4
        if token is None and family not in self._families:
            raise Refusal(440)
        if self._table.of_user(username) >= self.limits.allocations_per_user:
            raise Refusal(486)
        if code := self._budget.refusal(username, now):
            raise Refusal(code)
        lifetime_s = self.limits.lifetime_s(message.get(attr.LIFETIME))
        if token is not None:
            held = self._table.reservations.get(token)
            if held is None or held.username != username:
                raise Refusal(508)
            del self._table.reservations[token]
            allocation = self._new(client, held.relay_id, username, message, now)
            self._begin(allocation, held.local, message, key, lifetime_s, now)
            return
        if len(self._table) + (1 if even else 0) >= self.limits.allocations:
            raise Refusal(508)
        relay_id = self._next_relay
        self._next_relay += 2  # the next one is the reserved port's
        self._new(client, relay_id, username, message, now)
        self._opening[relay_id] = (message, key, lifetime_s)
        self._actions.append(OpenRelay(relay_id, family, even=even is not None, reserve=bool(even)))

    def _new(
        self, client: Client, relay_id: int, username: str, message: StunMessage, now: float
    ) -> Allocation:
        allocation = Allocation(
            client, relay_id, username, message.transaction_id, self._budget.bucket(now), now
        )
        allocation.expires_at = now + OPENING_S
        self._due(allocation.expires_at)
        allocation.ends_at = now + 60 * self.limits.minutes_per_allocation
        self._table.add(allocation)
        return allocation

    def _answer_allocate(self, allocation: Allocation, request: StunMessage, key: bytes, now: float) -> None:
        if allocation.relayed is not None:
            token = () if allocation.token is None else (attr.RESERVATION_TOKEN(allocation.token),)
            self._answer(
                request,
                allocation.client,
                key,
                attr.XOR_RELAYED_ADDRESS(allocation.relayed),
                attr.LIFETIME(max(0, round(allocation.expires_at - now))),
                attr.XOR_MAPPED_ADDRESS(allocation.client.remote),
                *token,
            )

    def _refresh(self, message: StunMessage, allocation: Allocation, key: bytes, now: float) -> None:
        family = message.get(attr.REQUESTED_ADDRESS_FAMILY)
        if family is not None and allocation.relayed is not None and family is not allocation.relayed.family:
            raise Refusal(443)
        if message.get(attr.LIFETIME) == 0:
            self._delete(allocation, now)
            self._answer(message, allocation.client, key, attr.LIFETIME(0))
            return
        until = min(now + self.limits.lifetime_s(message.get(attr.LIFETIME)), allocation.ends_at)
        allocation.expires_at = self._budget.grant(allocation, until, now)
        self._due(allocation.expires_at)
        self._answer(
            message, allocation.client, key, attr.LIFETIME(max(0, round(allocation.expires_at - now)))
        )

    def _create_permission(
        self, message: StunMessage, allocation: Allocation, key: bytes, now: float
    ) -> None:
        peers = message.get_all(attr.XOR_PEER_ADDRESS)
        if not peers:
            raise Refusal(400)
        for peer in peers:
            self._data.check_peer(peer, allocation)
        for peer in peers:
            if not allocation.permit(peer.host, now + self.limits.permission_s, now):
                raise Refusal(508)
        self._answer(message, allocation.client, key)

    def _channel_bind(self, message: StunMessage, allocation: Allocation, key: bytes, now: float) -> None:
        number, peer = message.get(attr.CHANNEL_NUMBER), message.get(attr.XOR_PEER_ADDRESS)
        if number is None or peer is None or not turn.MIN_CHANNEL <= number <= turn.MAX_CHANNEL:
            raise Refusal(400)
        self._data.check_peer(peer, allocation)
        if not allocation.bind(number, peer, now + self.limits.channel_s, now):
            raise Refusal(400)
        if not allocation.permit(peer.host, now + self.limits.permission_s, now):
            raise Refusal(508)
        self._answer(message, allocation.client, key)

    def _delete(self, allocation: Allocation, now: float) -> None:
        if not self._table.remove(allocation):
            return
        self._budget.ended(allocation, now)
        if allocation.relay_id not in self._opening:
            self._actions.append(CloseRelay(allocation.relay_id))

    def _answer(
        self, request: StunMessage, client: Client, key: bytes | None, *attributes: Attribute
    ) -> None:
        answer = stun.success(request, *attributes, attr.SOFTWARE(SOFTWARE))
        self._send(stun.encode(answer, integrity_key=key, integrity=stun.integrity_of(key)), client)

    def _refuse(
        self,
        request: StunMessage,
        client: Client,
        code: int,
        *attributes: Attribute,
        key: bytes | None = None,
    ) -> None:
        self.refused += 1
        answer = stun.failure(request, code, REASONS.get(code, "Error"), *attributes)
        self._send(stun.encode(answer, integrity_key=key, integrity=stun.integrity_of(key)), client)

    def _send(self, data: bytes, client: Client, *, droppable: bool = False) -> None:
        if client.stream_id is None:
            self._transmits.append(Transmit(data, client.remote, client.local))
        else:
            self._actions.append(StreamSend(client.stream_id, data, droppable))
