"""Sessions of this computer: listens, dials known addresses, and turns the machines' needs into sockets and timers."""

import asyncio
import contextlib
import itertools
from collections.abc import Callable
from typing import Final, TypeVar

from netstack.core.endpoint import Endpoint
from netstack.core.entrance import Entrance
from netstack.core.fast_path import FastPath
from netstack.core.identity import Identity, KnownPeer
from netstack.core.mtu_search import MtuCache
from netstack.core.rate_limits import RateLimits, Suspect
from netstack.core.session_sender import Transmit
from netstack.errors import NetError
from netstack.model.address import Address, Family
from netstack.model.session import Flow, LinkTraits, Mode, Priority, SessionError, TransportKind
from netstack.net.protocol import Net
from netstack.service.connection import Connection
from netstack.service.peer_book import PeerBook
from netstack.service.tcp_dialling import TcpDialling
from netstack.tasks import TaskScope
from netstack.transport.protocol import PacketReceiver, Transport
from netstack.transport.tcp import TcpTransport
from netstack.transport.turn import TurnTransport
from netstack.transport.turn_relay import Relay
from netstack.transport.udp import UdpTransport

BURSTS_PER_TURN: Final = 8
AT_ONCE_BYTES: Final = 1000  # less than this came alone, and is answered in the turn that it came in
TIDY_EVERY_S: Final = 5.0
UNUSED_LINK_S: Final = 15.0
STORE_AFTER_S: Final = 0.5
FURTHER_INTERFACES: Final = 2

Carrier = TypeVar("Carrier", bound=Transport)


class Sessions:
    """One endpoint on one network. `accepted` is called with every connection that somebody else began.

    Sending is done in turns of a few bursts, so the loop stays free; one timer serves every session.
    """

    def __init__(
        self,
        net: Net,
        identity: Identity,
        peers: PeerBook,
        accepted: Callable[[Connection], None] | None = None,
        *,
        limits: RateLimits | None = None,
        mtu_cache: MtuCache | None = None,
    ) -> None:
        self._net = net
        self._now = net.now
        self._peers = peers
        self._accepted = accepted
        self._links = itertools.count()
        self._transports: list[Transport] = []
        self._tcp: TcpTransport | None = None
        self._stream_accepted: Callable[[int], None] | None = None
        self._connections: dict[int, Connection] = {}
        self._dialling: TcpDialling | None = None
        self._tasks = TaskScope("sessions")
        self._pump_due = False
        self._pumping = False
        self._refused: Transmit | None = None  # by a full socket; nothing else leaves before it
        self._timer: asyncio.TimerHandle | None = None
        self._closed = False
        self._changed = asyncio.Event()
        self.endpoint = Endpoint(
            identity,
            net.random_bytes,
            lookup=peers.get,
            remember=self._remember,
            entrance=Entrance(limits or RateLimits(), net.now()),
            mtu_cache=mtu_cache,
        )
        # One of each for all connections.
        self._wake_session, self._hold_session, self._post_now = self._wake, self._hold, self._post
        self._tasks.start(self._store_peers(), "peers")

    async def open_udp(
        self,
        *,
        local: Address | None = None,
        family: Family = Family.IPV4,
        mtu_bytes: int | None = None,
        max_mtu_bytes: int | None = None,
        interface: str | None = None,
    ) -> Address:
        """Binds a UDP socket for sessions and returns where. Raises NetError.

        `mtu_bytes` is the packet size that surely passes, where the caller knows better than 1,200; `max_mtu_bytes` the
        largest to search for, where the way is known to be wider than Ethernet.
        """
        transport = UdpTransport(self._net, self, next(self._links))
        at = await transport.open(
            local=local,
            family=family,
            mtu_bytes=mtu_bytes,
            max_mtu_bytes=max_mtu_bytes,
            interface=interface,
        )
        self._transports.append(transport)
        return at

    async def open_everywhere(self) -> None:
        """A UDP socket for each IP version, and one on each further interface that leads out. Raises NetError."""
        await self.open_udp(local=Address("0.0.0.0", 0))  # noqa: S104
        with contextlib.suppress(NetError):  # no IPv6 here
            await self.open_udp(local=Address("::", 0))
        out = dict.fromkeys(
            each.interface for each in await self._net.gateways() if each.family is Family.IPV4
        )
        by_name = {each.name: each for each in await self._net.interfaces()}
        for name in list(out)[1 : 1 + FURTHER_INTERFACES]:
            host = (
                next((each for each in by_name[name].hosts if ":" not in each), None)
                if name in by_name
                else None
            )
            if host is not None:
                with contextlib.suppress(NetError):  # the kernel may forbid it
                    await self.open_udp(local=Address(host, 0), interface=name)

    async def open_tcp(self, *, local: Address | None = None) -> Address | None:
        """Makes TCP usable; listens on `local` where given and returns where. Raises NetError."""
        if self._tcp is None:
            self._tcp = TcpTransport(self._net, self, lambda: next(self._links))
            self._tcp.accepted = self._take_stream
            self._transports.append(self._tcp)
            self._dialling = TcpDialling(self._net, self._tcp, self._tasks)
            self._tasks.start(self._tidy(self._tcp), "tidy")
        return None if local is None else await self._tcp.listen(local)

    async def open_stream(self, remote: Address) -> int:
        """Connects by TCP and returns the link, which is dropped when no session uses it. Raises NetError."""
        await self.open_tcp()
        if self._tcp is None:
            raise NetError(NetError.Reason.CLOSED)
        return await self._tcp.connect(remote)

    def reused_streams(self) -> tuple[int, float]:
        """How often a TCP connection that was there already served, and the seconds that connecting would have taken."""
        return (0, 0.0) if self._tcp is None else (self._tcp.reused, self._tcp.saved_s)

    def on_stream(self, accepted: Callable[[int], None] | None) -> None:
        """Who hears of each TCP connection that comes in, from now on."""
        self._stream_accepted = accepted

    def stream_remote(self, link: int) -> Address | None:
        """Who is at the other end of a TCP connection; None when it is none."""
        return None if self._tcp is None else self._tcp.remote(link)

    def add_transport(self, make: Callable[[PacketReceiver, Callable[[], int]], Carrier]) -> Carrier:
        """Makes a transport of any other kind usable and returns it; it is closed with the sessions.

        `make` is given who takes its packets and what numbers its links.
        """
        transport = make(self, lambda: next(self._links))
        self._transports.append(transport)
        return transport

    def add_relay(self, relay: Relay, *, mtu_bytes: int | None = None) -> TurnTransport:
        """Makes an open relay usable; it is given back when the sessions close.

        `mtu_bytes` is the packet size that surely passes, where the caller knows better than 1,200.
        """
        transport = TurnTransport(relay, self, next(self._links), mtu_bytes=mtu_bytes)
        self._transports.append(transport)
        return transport

    def udp_transports(self) -> tuple[UdpTransport, ...]:
        """The open UDP sockets."""
        return tuple(each for each in self._transports if isinstance(each, UdpTransport))

    def local_host(self, link: int) -> str:
        """The address that a link is bound to; empty where the system chooses the interface, or the link is unknown."""
        for each in self._transports:
            if isinstance(each, UdpTransport) and each.carries(link):
                return each.host
        return ""

    def cap(
        self, bits_per_s: float | None, *, peer_key: bytes | None = None, kind: TransportKind | None = None
    ) -> None:
        """The user's cap, both ways, on a peer (None: each) and transport (None: any); None takes it away.

        Raises ValueError when it is not above 0.
        """
        self.endpoint.cap(peer_key, kind, bits_per_s, self._net.now())

    def limit(self, limits: RateLimits) -> None:
        """What may come in, from now on."""
        if self.endpoint.entrance is not None:
            self.endpoint.entrance.set_limits(limits, self._net.now())

    def suspects(self) -> tuple[Suspect, ...]:
        """Peers that brought far too much, and until when they get less."""
        entrance = self.endpoint.entrance
        return () if entrance is None else entrance.limiter.suspects(self._net.now())

    def refused(self) -> dict[str, int]:
        """Packets that were dropped at the entrance, by the limit that they went over."""
        entrance = self.endpoint.entrance
        return (
            {}
            if entrance is None
            else {over.value: count for over, count in entrance.limiter.dropped.items()}
        )

    def invite(self, psk: bytes) -> None:
        """Welcomes one first meeting with this key. Raises SessionError when too many are open."""
        self.endpoint.responder.invite(psk)

    async def connect(
        self,
        remote: Address,
        *,
        peer_key: bytes | None = None,
        psk: bytes | None = None,
        transport: TransportKind = TransportKind.UDP,
        reuse: bool = True,
    ) -> Connection:
        """A session with a known peer, or a first meeting with `psk`, at a known address, or a name.

        TCP takes a connection that is open already unless `reuse` is false, and dials again when it is lost.
        Raises NetError, SessionError.
        """
        self._known(peer_key)
        places = await self._places(remote)

        async def meet(flow: Flow) -> Connection:
            return await self.connect_over(flow, peer_key=peer_key, psk=psk)

        if transport is not TransportKind.TCP:
            return await meet(self._flow(places, transport))
        await self.open_tcp()
        if self._dialling is None:
            raise SessionError(SessionError.Reason.CLOSED)
        return await self._dialling.connect(places, meet, reuse=reuse)

    async def _places(self, remote: Address) -> tuple[Address, ...]:
        return tuple(Address(host, remote.port) for host in await self._net.resolve(remote.host))

    async def connect_over(
        self,
        flow: Flow,
        *,
        peer_key: bytes | None = None,
        psk: bytes | None = None,
        first: tuple[bytes, ...] = (),
    ) -> Connection:
        """A session with a known peer, or a first meeting with `psk`, on a link that is open. Raises SessionError.

        The messages `first` do not wait until it is up.
        """
        peer = self._known(peer_key)
        number = self.endpoint.dial(flow, self._net.now(), peer=peer, psk=psk, first=first)
        connection = self._connection(number)
        self._pump_soon()
        try:
            await connection.established()
        except BaseException:
            self.endpoint.cancel(number)
            self._connections.pop(number, None)
            raise
        return connection

    def _known(self, peer_key: bytes | None) -> KnownPeer | None:
        peer = None if peer_key is None else self._peers.get(peer_key)
        if peer_key is not None and peer is None:
            raise SessionError(SessionError.Reason.WRONG_KEY, "that peer was never met")
        return peer

    def _flow(self, places: tuple[Address, ...], transport: TransportKind) -> Flow:
        for each in self._transports:
            if isinstance(each, UdpTransport | TurnTransport) and each.kind is transport:
                for remote in places:
                    if each.family is remote.family:
                        return Flow(each.link, remote)
        raise SessionError(SessionError.Reason.CLOSED, f"{transport} is not open")

    def _connection(self, number: int) -> Connection:
        connection = Connection(number, self._wake_session, self._hold_session, self._post_now)
        self._connections[number] = connection
        return connection

    def _wake(self, number: int) -> None:
        """Something was asked: it leaves at once, not in the loop's next turn."""
        now = self._net.now()
        self.endpoint.wake(number, now)
        if not self._pumping and not self._closed:
            self._pump(now)

    def _hold(self, number: int, held: bool) -> None:
        self.endpoint.hold(number, held=held)
        self._pump_soon()

    def _take_stream(self, link: int) -> None:
        if self._stream_accepted is not None:
            self._stream_accepted(link)

    # From the transports.

    def link_opened(self, link: int, traits: LinkTraits) -> None:
        """A transport has a link."""
        self.endpoint.add_link(link, traits)

    def packets_received(
        self,
        data: bytes | memoryview,
        flow: Flow,
        segment_bytes: int,
        received_at_s: float | None,
        *,
        gap_bytes: int = 0,
    ) -> None:
        """A transport has packets."""
        if len(data) < AT_ONCE_BYTES and segment_bytes >= len(data):
            self.packet_received(data, flow, lambda: received_at_s)
            return
        self.endpoint.receive(
            data,
            flow,
            self._net.now(),
            segment_bytes=segment_bytes,
            gap_bytes=gap_bytes,
            received_at_s=received_at_s,
        )
        self._pump_soon()

    def packet_received(
        self, data: bytes | memoryview, flow: Flow, received_at: Callable[[], float | None]
    ) -> None:
        """A transport has a small packet: it is answered in the turn that it came in."""
        endpoint = self.endpoint
        now = self._now()
        if self._pumping:
            endpoint.receive(data, flow, now, received_at_s=received_at())
            self._pump_soon()
            return
        happened = endpoint.receive_small(data, flow, now, received_at)
        if self._closed:
            return
        if happened is not None:
            number, message, fast = happened
            if now >= fast.told_s:
                self._passed(number, fast, now)
            connection = self._connections.get(number)
            if connection is not None:
                if (on_message := connection.on_message) is not None and connection.apart is None:
                    on_message(message)
                else:
                    connection.message_came(message)
                if not fast.owes():
                    return
            endpoint.wake(number, now)
        self._pump(now)

    def _post(self, number: int, fast: FastPath, data: bytes, mode: Mode, priority: Priority) -> int | None:
        """The fast path of a message that nothing waits before: it has left. None: queue it."""
        if self._refused is not None:
            return None
        now = self._now()
        sent = fast.send(data, mode, priority, now)
        if sent is None:
            return None
        message_id, transmit = sent
        carry = fast.carry
        if carry is None:
            carry = fast.carry = self._carrier(transmit)
        if not carry(transmit):
            self._refused = transmit
        if now >= fast.told_s:
            self._passed(number, fast, now)
        return message_id

    def _carrier(self, transmit: Transmit) -> Callable[[Transmit], bool]:
        """Who sends it; it may have gone, and then what it is given is dropped there."""
        for transport in self._transports:
            if transport.carries(transmit.flow.link):
                return transport.send
        return self._carried

    def _passed(self, number: int, fast: FastPath, now: float) -> None:
        self.endpoint.passed(number, fast, now)
        if self.endpoint.sooner and not self._pumping:
            self._arm(now)

    def packet_refused(self, flow: Flow, size_bytes: int) -> None:
        """A packet was too large for the system."""
        self.endpoint.packet_refused(flow, size_bytes, self._net.now())

    def link_writable(self, link: int) -> None:
        """A socket was full and is not any more."""
        self._pump_soon()

    def link_lost(self, link: int) -> None:
        """A link is gone."""
        for number, path_id in self.endpoint.remove_link(link, self._net.now()):
            if self._dialling is not None and not self._closed:
                self._dialling.lost(number, path_id)
        self._pump_soon()

    # The pump.

    def _pump_soon(self) -> None:
        if not self._pump_due and not self._closed:
            self._pump_due = True
            asyncio.get_running_loop().call_soon(self._pump_later)

    def _pump_later(self) -> None:
        self._pump_due = False
        if not self._closed:
            self._pump(self._net.now())

    def _pump(self, now: float) -> None:
        """What happened is told first: it may be answered by the same packets."""
        self._pumping = True
        try:
            self._tell(now)
            if self._send():
                self._pump_soon()
            else:
                self._arm(now)
        finally:
            self._pumping = False

    def _tell(self, now: float) -> None:
        """Gives every connection its events."""
        while (happened := self.endpoint.poll_event(now)) is not None:
            number, event = happened
            connection = self._connections.get(number)
            if connection is None and (session := self.endpoint.sessions.get(number)) is not None:
                connection = self._connection(number)
                connection.session = session
                session.outlives_links = True  # who dialled us may dial again
                if self._accepted is not None:
                    self._accepted(connection)
            if connection is not None:
                if connection.session is None:
                    connection.session = self.endpoint.sessions.get(number)
                connection.happened(event)
                if connection.closed:
                    self._connections.pop(number, None)
                    if self._dialling is not None:
                        self._dialling.forget(number)

    def _send(self) -> bool:
        """Sends a few bursts; true when there is more. Each by the clock as it is then: probes are stamped with it."""
        departure = self.endpoint.departure
        for _ in range(BURSTS_PER_TURN):
            transmit = self._refused or self.endpoint.poll_transmit(self._net.now())
            if transmit is None:
                return False
            self._refused = None
            if departure.pending:
                departure.leaves(self._net.now())
            if not self._carried(transmit):
                self._refused = transmit
                return False
            if self.endpoint.rests:
                return False
        return True

    def _carried(self, transmit: Transmit) -> bool:
        """A transport has taken it, or there is none for it any more."""
        for transport in self._transports:
            if transport.carries(transmit.flow.link):
                return transport.send(transmit)
        return True

    def _arm(self, now: float) -> None:
        """One timer, never later than the next deadline; one that fires early just looks again."""
        if self._timer is not None and self.endpoint.rests:
            return
        due = self.endpoint.deadline(now)
        if due is None or self._closed or self._refused is not None:
            return
        if self._timer is not None:
            if self._timer.when() <= due and not self._timer.cancelled():
                return
            self._timer.cancel()
        self._timer = asyncio.get_running_loop().call_at(max(due, now), self._fired)

    def _fired(self) -> None:
        self._timer = None
        self._pump(self._net.now())

    def _remember(self, peer: KnownPeer) -> None:
        self._peers.keep(peer)
        self._changed.set()

    async def _store_peers(self) -> None:
        """Writes the peer book a moment after it has changed, in a thread."""
        while True:
            await self._changed.wait()
            await asyncio.sleep(STORE_AFTER_S)
            self._changed.clear()
            await asyncio.to_thread(self._peers.store)

    async def _tidy(self, tcp: TcpTransport) -> None:
        """Ends TCP connections that no session uses."""
        while True:
            await asyncio.sleep(TIDY_EVERY_S)
            used = self.endpoint.links_in_use()
            for link in tcp.opened_before(self._net.now() - UNUSED_LINK_S):
                if link not in used:
                    tcp.drop(link)

    async def close(self) -> None:
        """Says good-bye to every peer, then closes every socket. May be called twice."""
        if self._closed:
            return
        now = self._net.now()
        for number, session in list(self.endpoint.sessions.items()):
            session.close()
            self.endpoint.wake(number, now)
        for _ in range(2 * len(self.endpoint.sessions) + 1):
            if not self._send():
                break
        self._closed = True
        if self._timer is not None:
            self._timer.cancel()
        for connection in list(self._connections.values()):
            connection.end(SessionError(SessionError.Reason.CLOSED))
        self._connections.clear()
        async with contextlib.AsyncExitStack() as stack:  # every socket, also when this is cancelled
            for transport in self._transports:
                stack.push_async_callback(transport.close)
            await self._tasks.close()
            await asyncio.to_thread(self._peers.store)
