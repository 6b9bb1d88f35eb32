"""How fast are sessions here? One side asks, sends and measures; the other echoes, swallows and tells what it used.

The same two sides run as two processes over loopback and as two hosts of the lab.
"""

import asyncio
import statistics
import struct
from collections.abc import Awaitable, Callable
from typing import Final

import msgspec

from netstack.core.identity import Identity
from netstack.model.address import Address
from netstack.model.bench import BenchResult
from netstack.model.session import Flow, MessageReceived, Mode, Priority, SessionError, TransportKind
from netstack.net.protocol import Net
from netstack.service.bench_relay import BenchRelay
from netstack.service.connection import Connection
from netstack.service.peer_book import PeerBook
from netstack.service.process_usage import Usage, process_usage
from netstack.service.sessions import Sessions
from netstack.service.webrtc_introduction import Introducer, introduce
from netstack.transport.turn import TurnTransport
from netstack.transport.turn_dial import open_relay
from netstack.transport.webrtc import WebRtcTransport

ECHO, BULK, ASK = 0, 1, 2
ECHO_BYTES: Final = 64
BULK_BYTES: Final = 1 << 20
WARM_UP_ECHOES: Final = 100
WAIT_S: Final = 120.0
_TOLD: Final = struct.Struct(">BQdQ")


class Plan(msgspec.Struct, frozen=True, kw_only=True):
    """What to measure. `max_mtu_bytes` bounds the datagrams, so that programs can be compared.

    Over a relay both sides have one, at `relay`.
    """

    transport: TransportKind
    megabytes: int = 256
    exchanges: int = 1000
    connects: int = 20
    max_mtu_bytes: int = 1472
    psk: bytes = bytes(32)
    relay: BenchRelay | None = None


class Answerer:
    """The far side: echoes what begins with ECHO, swallows BULK, answers ASK with what it has had and used."""

    def __init__(self, net: Net, plan: Plan) -> None:
        self._net = net
        self._plan = plan
        self._introducer: Introducer | None = None
        self._sessions = Sessions(net, Identity(net.random_bytes(32)), PeerBook(), self._accepted)

    async def open(self, host: str) -> tuple[Address, bytes]:
        """Listens on a free port; returns where, and our key. Raises NetError."""
        self._sessions.invite(self._plan.psk)
        at = Address(host, 0)
        if self._plan.transport is TransportKind.WEBRTC:
            self._introducer = Introducer(self._net, self._sessions.add_transport(WebRtcTransport))
            at = await self._introducer.open(host)
        elif self._plan.transport is TransportKind.TURN:
            relayed = await _relayed(self._net, self._sessions, self._plan)
            at = relayed.relayed or at
            await relayed.permit(at.host)  # both relays are the same server's
        elif self._plan.transport is TransportKind.TCP:
            listening = await self._sessions.open_tcp(local=at)
            if listening is None:
                raise SessionError(SessionError.Reason.CLOSED)
            at = listening
        else:
            at = await self._sessions.open_udp(local=at, max_mtu_bytes=self._plan.max_mtu_bytes)
        return at, self._sessions.endpoint.identity.public

    def _accepted(self, connection: Connection) -> None:
        got_bytes = 0

        def answer(message: MessageReceived) -> None:
            nonlocal got_bytes
            got_bytes += len(message.data)
            match message.data[:1]:
                case b"\0":
                    connection.post(message.data, message.priority, message.mode)
                case b"\2":
                    used = process_usage()
                    told = _TOLD.pack(ASK, got_bytes, used.cpu_s, used.rss_bytes or 0)
                    connection.post(told, message.priority, message.mode)

        connection.on_message = answer

    async def close(self) -> None:
        """Ends every session. May be called twice."""
        if self._introducer is not None:
            await self._introducer.close()
        await self._sessions.close()


class _Told(msgspec.Struct, frozen=True):
    got_bytes: int
    usage: Usage


async def measure(
    net: Net,
    at: Address,
    peer_key: bytes,
    plan: Plan,
    *,
    here: str,
    tell: Callable[[str], None] = lambda _: None,
) -> tuple[BenchResult, ...]:
    """Runs the plan against an `Answerer`; `tell` hears what is being done. Raises NetError, SessionError."""
    sessions = Sessions(net, Identity(net.random_bytes(32)), PeerBook())
    results: list[BenchResult] = []

    def found(metric: str, value: float | None, unit: str, n: int) -> None:
        results.append(
            BenchResult(transport=plan.transport.value, metric=metric, value=value, unit=unit, n=n)
        )

    try:
        if plan.transport is TransportKind.UDP:
            await sessions.open_udp(local=Address(here, 0), max_mtu_bytes=plan.max_mtu_bytes)
        dial = await _dialling(net, sessions, at, plan)
        connection = await dial(None, plan.psk)
        tell("connections")
        times_s = []
        for _ in range(plan.connects):
            connection.close()
            start_s = net.now()
            connection = await dial(peer_key, None)
            times_s.append(net.now() - start_s)
        found("connect_p50_s", _quantile(times_s, 0.5), "s", len(times_s))
        if plan.transport is TransportKind.TCP:
            connection = await _reconnections(net, sessions, connection, at, peer_key, plan, found)
        tell("echoes")
        await _echoes(net, connection, WARM_UP_ECHOES)
        times_s = await _echoes(net, connection, plan.exchanges)
        found("rtt_p50_s", _quantile(times_s, 0.5), "s", len(times_s))
        found("rtt_p99_s", _quantile(times_s, 0.99), "s", len(times_s))
        tell("throughput")
        await _bulk(net, connection, plan, found)
    finally:
        await sessions.close()
    return tuple(results)


async def _reconnections(
    net: Net,
    sessions: Sessions,
    connection: Connection,
    at: Address,
    peer_key: bytes,
    plan: Plan,
    found: Callable[[str, float | None, str, int], None],
) -> Connection:
    """The same over the TCP connection that is still there from the session before."""
    times_s = []
    for _ in range(plan.connects):
        connection.close()
        start_s = net.now()
        connection = await sessions.connect(at, peer_key=peer_key, transport=plan.transport)
        times_s.append(net.now() - start_s)
    found("connect_reused_p50_s", _quantile(times_s, 0.5), "s", len(times_s))
    reused, saved_s = sessions.reused_streams()
    found("connect_saved_s", saved_s / reused if reused else None, "s", reused)
    return connection


async def _relayed(net: Net, sessions: Sessions, plan: Plan) -> TurnTransport:
    """A relay of our own, for our sessions. Raises TurnError."""
    relay = plan.relay
    if relay is None:
        raise SessionError(SessionError.Reason.CLOSED, "there is no relay")
    return sessions.add_relay(await open_relay(net, relay.uri, lambda: relay.user))


async def _dialling_relayed(
    net: Net, sessions: Sessions, at: Address, plan: Plan
) -> Callable[[bytes | None, bytes | None], Awaitable[Connection]]:
    flow = Flow((await _relayed(net, sessions, plan)).link, at)
    return lambda key, psk: sessions.connect_over(flow, peer_key=key, psk=psk)


async def _dialling(
    net: Net, sessions: Sessions, at: Address, plan: Plan
) -> Callable[[bytes | None, bytes | None], Awaitable[Connection]]:
    """What connects by the plan's transport, with a known peer's key or a first meeting's."""
    if plan.transport is TransportKind.TURN:
        return await _dialling_relayed(net, sessions, at, plan)
    if plan.transport is not TransportKind.WEBRTC:
        return lambda key, psk: sessions.connect(
            at, peer_key=key, psk=psk, transport=plan.transport, reuse=False
        )
    transport = sessions.add_transport(WebRtcTransport)

    async def dial(key: bytes | None, psk: bytes | None) -> Connection:
        before = transport.links
        link = await introduce(net, transport, at)
        connection = await sessions.connect_over(Flow(link), peer_key=key, psk=psk)
        for each in before:
            transport.drop(each)
        return connection

    return dial


async def _bulk(
    net: Net, connection: Connection, plan: Plan, found: Callable[[str, float | None, str, int], None]
) -> None:
    session = connection.session
    if session is None:
        raise SessionError(SessionError.Reason.CLOSED)
    stats, path = session.stats, session.paths.table[session.paths.main]
    payload, link, fragments = stats.sent_payload_bytes, stats.link_bytes, stats.sent_fragments
    before, ours_before = await _ask(connection), process_usage()
    block = bytes((BULK,)) + bytes(BULK_BYTES - 1)
    start_s = net.now()
    for _ in range(plan.megabytes):
        await connection.send(block, Priority.BULK, Mode.ORDERED)
    after = await _ask(
        connection
    )  # behind the bulk in the same lane: it is answered when all of that has come
    took_s, ours = net.now() - start_s, process_usage()
    got_bytes = after.got_bytes - before.got_bytes
    payload, link = stats.sent_payload_bytes - payload, stats.link_bytes - link
    fragments = stats.sent_fragments - fragments
    found("throughput_bps", got_bytes * 8 / took_s, "bit/s", plan.megabytes)
    found("datagram_bytes", path.mtu_bytes, "B", path.sent_packets)
    found("sealed_overhead_bytes", path.mtu_bytes - path.payload_bytes, "B", fragments)
    found("fragment_efficiency", payload / link if link else None, "1", fragments)
    lost = path.control.lost_packets if path.control else 0
    found("lost_packets", lost, "1", path.sent_packets)
    found("sender_cpu_s", ours.cpu_s - ours_before.cpu_s, "s", 1)
    found("receiver_cpu_s", after.usage.cpu_s - before.usage.cpu_s, "s", 1)
    found("rss_bytes", after.usage.rss_bytes, "B", 1)


async def _ask(connection: Connection) -> _Told:
    told = (await _asked(connection, bytes((ASK,)), Priority.BULK, Mode.ORDERED)).data
    _, got_bytes, cpu_s, rss_bytes = _TOLD.unpack(told)
    return _Told(got_bytes, Usage(cpu_s, rss_bytes or None))


async def _asked(connection: Connection, question: bytes, priority: Priority, mode: Mode) -> MessageReceived:
    await connection.send(question, priority, mode)
    async with asyncio.timeout(WAIT_S):
        return await connection.receive()


async def _echoes(net: Net, connection: Connection, count: int) -> list[float]:
    """Each echo is answered by the next question in the turn that brought it; reliably, so that loss shows as time."""
    times_s: list[float] = []
    done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
    question = bytes((ECHO,)) + bytes(ECHO_BYTES - 1)
    asked_s = 0.0

    def ask() -> None:
        nonlocal asked_s
        asked_s = net.now()
        connection.post(question, Priority.REALTIME, Mode.UNORDERED)

    def answered(_: MessageReceived) -> None:
        times_s.append(net.now() - asked_s)
        if len(times_s) < count:
            ask()
        elif not done.done():
            done.set_result(None)

    connection.on_message = answered
    try:
        if count:
            ask()
            async with asyncio.timeout(WAIT_S):
                await done
    finally:
        connection.on_message = None
    return times_s


def _quantile(values: list[float], share: float) -> float | None:
    if not values:
        return None
    if share == 0.5:
        return statistics.median(values)
    return sorted(values)[min(int(len(values) * share), len(values) - 1)]
