"""Ten thousand sessions at once: one process answers them all, another one is all the peers.

Each peer is an endpoint with a key of its own, known to the answering side; all share one socket. Every session
echoes once when it is up and once more when all are, so "live" is said of those that answered then.
"""

import asyncio
import hashlib
import heapq
import signal
from collections import deque
from collections.abc import Iterable
from multiprocessing import get_context
from multiprocessing.connection import Connection as Pipe
from typing import Final

from netstack.core.endpoint import Endpoint
from netstack.core.identity import Identity, KnownPeer
from netstack.core.session_table import PARK_AFTER_S
from netstack.errors import NetError
from netstack.model.address import Address
from netstack.model.bench import BenchError, BenchResult
from netstack.model.session import UDP_TRAITS, DialFailed, Flow, MessageReceived, TransportKind
from netstack.net.protocol import BatchEndpoint
from netstack.net.system import SystemNet
from netstack.service.connection import Connection
from netstack.service.peer_book import PeerBook
from netstack.service.process_usage import process_usage
from netstack.service.sessions import Sessions
from netstack.tasks import TaskScope

HOST: Final = "127.0.0.1"
AT_ONCE: Final = 48  # dials under way: below the number from which cookies are asked for
LOOK_AGAIN_S: Final = 0.05
ECHOES_AT_ONCE: Final = 256
QUIET_LOOKS: Final = 400  # without an echo, before those that are missing are given up
TICK_S: Final = 0.01
LIMIT_S: Final = 300.0
END_S: Final = 5.0
PSK: Final = hashlib.sha256(b"many sessions").digest()
_ECHO = b"echo"


class Crowd(PeerBook):
    """Knows everybody who has the key that all share, and forgets what handshakes leave."""

    def get(self, key: bytes) -> KnownPeer | None:
        """Whoever asks."""
        return KnownPeer(key, PSK)

    def keep(self, peer: KnownPeer) -> None:
        """Nothing is kept."""


class Peers:
    """All the peers. `up` and `echoed` count what has happened."""

    def __init__(self, net: SystemNet, count: int, far_key: bytes, far: Address) -> None:
        self._net = net
        self._flow = Flow(0, far)
        self._far = KnownPeer(far_key, PSK)
        self._socket: BatchEndpoint | None = None
        self._by_id: dict[int, tuple[int, Endpoint]] = {}
        self._dialling: dict[int, Endpoint] = {}
        self._waiting = deque(range(count))
        self._due: list[tuple[float, int]] = []  # a heap; what has become wrong is skipped
        self._due_s: dict[int, float] = {}
        self.news = asyncio.Event()
        self.numbers: dict[int, int] = {}  # of endpoints: their sessions
        self.endpoints: list[Endpoint] = []
        self.echoed: set[int] = set()
        self.failed = 0

    async def open(self) -> None:
        """Binds the socket that all share. Raises NetError."""
        self._socket = await self._net.open_batch(self, local=Address(HOST, 0))

    def dial(self) -> None:
        """Begins as many as may be under way; sends again what was not answered."""
        now = self._net.now()
        while len(self._dialling) < AT_ONCE and self._waiting:
            index = self._waiting.popleft()
            secret = hashlib.sha256(index.to_bytes(4, "big")).digest()
            endpoint = Endpoint(
                Identity(secret), self._net.random_bytes, lookup=lambda _: self._far, remember=lambda _: None
            )
            endpoint.add_link(0, UDP_TRAITS)
            self.endpoints.append(endpoint)
            number = endpoint.dial(self._flow, now, peer=self._far)
            while number in self._by_id:
                endpoint.cancel(number)
                number = endpoint.dial(self._flow, now, peer=self._far)
            self._by_id[number] = index, endpoint
            self._dialling[index] = endpoint
            self.numbers[index] = number
            self._drive(index, endpoint, now)

    def echo(self, indices: Iterable[int]) -> None:
        """Asks for an echo on each of these sessions."""
        now = self._net.now()
        for index in indices:
            endpoint, number = self.endpoints[index], self.numbers[index]
            session = endpoint.sessions.get(number)
            if session is not None and not session.closed:
                session.send_message(_ECHO)
                endpoint.wake(number, now)
                self._drive(index, endpoint, now)

    async def keep_time(self) -> None:
        """Drives sessions whose time has come; what comes in drives the others."""
        while True:
            await asyncio.sleep(TICK_S)
            now = self._net.now()
            while self._due and self._due[0][0] <= now:
                due_s, index = heapq.heappop(self._due)
                if self._due_s.get(index) == due_s:
                    del self._due_s[index]
                    self._drive(index, self.endpoints[index], now)

    def _drive(self, index: int, endpoint: Endpoint, now: float) -> None:
        while (happened := endpoint.poll_event(now)) is not None:
            match happened[1]:
                case DialFailed():
                    self.failed += 1
                    self._dialling.pop(index, None)
                case MessageReceived():
                    self.echoed.add(index)
        session = endpoint.sessions.get(self.numbers[index])
        if session is not None and session.established:
            self._dialling.pop(index, None)
        while (transmit := endpoint.poll_transmit(now)) is not None:
            if self._socket is not None:
                self._socket.send_burst(transmit.data, transmit.segment_bytes, self._flow.remote or self._at)
        due_s = endpoint.deadline(now)
        if due_s is None:
            self._due_s.pop(index, None)
        elif due_s != self._due_s.get(index):
            self._due_s[index] = due_s
            heapq.heappush(self._due, (due_s, index))
        self.news.set()

    @property
    def _at(self) -> Address:
        return Address(HOST, 0)

    @property
    def dialling(self) -> int:
        """Dials under way."""
        return len(self._dialling)

    def batch_received(
        self, data: memoryview, segment_bytes: int, remote: Address, received_at_s: float, kernel_stamp: bool
    ) -> None:
        """Each packet goes to the peer whose receiver id it names."""
        now = self._net.now()
        for at in range(0, len(data), segment_bytes):
            packet = data[at : at + segment_bytes]
            start = 2 if packet[0] >= 0xD0 else 1
            found = self._by_id.get(int.from_bytes(packet[start : start + 3], "big"))
            if found is not None:
                index, endpoint = found
                endpoint.receive(packet, self._flow, now)
                self._drive(index, endpoint, now)

    def writable(self) -> None:
        """What was refused is sent again by the sessions."""

    def datagram_failed(self, error: NetError, remote: Address | None) -> None:
        """Sessions find out by themselves."""

    def close(self) -> None:
        """Releases the socket."""
        if self._socket is not None:
            self._socket.close()


async def measure_many(count: int) -> tuple[BenchResult, ...]:
    """Memory of a session and handshakes a second, of `count` live at once. Raises BenchError, NetError."""
    context = get_context("spawn")
    ours, theirs = context.Pipe()
    process = context.Process(target=_answer, args=(theirs,), daemon=True)
    process.start()
    theirs.close()
    try:
        host, port, key = await asyncio.to_thread(ours.recv)
        peers = Peers(SystemNet(), count, key, Address(host, port))
        await peers.open()
        try:
            async with asyncio.timeout(LIMIT_S), TaskScope("peers") as tasks:
                tasks.start(peers.keep_time(), "time")
                return await _run(peers, count, ours)
        finally:
            peers.close()
    except TimeoutError as error:
        raise BenchError(BenchError.Reason.SILENT) from error
    except EOFError as error:
        raise BenchError(BenchError.Reason.DIED) from error
    finally:
        if process.is_alive():
            ours.send(False)
        ours.close()
        await asyncio.to_thread(process.join, END_S)
        if process.is_alive():
            process.kill()
            await asyncio.to_thread(process.join)
        process.close()


async def _run(peers: Peers, count: int, pipe: Pipe) -> tuple[BenchResult, ...]:
    before_cpu_s, before_bytes, _ = await _used(pipe)
    peers.dial()
    while len(peers.endpoints) < count or peers.dialling:
        await _news(peers)
        peers.dial()
    up_cpu_s, _, _ = await _used(pipe)
    await _all_echo(peers)
    await asyncio.sleep(PARK_AFTER_S + 1.0)
    parked_bytes = (await _used(pipe))[1]
    await _all_echo(peers)
    live = len(peers.echoed)
    _, after_bytes, sessions = await _used(pipe)
    cpu_s = up_cpu_s - before_cpu_s
    measured = live and after_bytes and before_bytes
    each_bytes = (after_bytes - before_bytes) / live if measured else None
    parked_each_bytes = (parked_bytes - before_bytes) / live if measured else None

    def result(metric: str, value: float | None, unit: str, n: int) -> BenchResult:
        return BenchResult(transport=TransportKind.UDP.value, metric=metric, value=value, unit=unit, n=n)

    return (
        result("sessions", live, "1", sessions),
        result("session_bytes", each_bytes, "B", live),
        result("parked_session_bytes", parked_each_bytes, "B", live),
        result("sessions_opened_per_s", (count - peers.failed) / cpu_s if cpu_s else None, "1/s", count),
    )


async def _all_echo(peers: Peers) -> None:
    """Every session echoes, a few hundred at once; what is lost on the way is sent again by its timers."""
    peers.echoed.clear()
    asked, quiet_looks, before = 0, 0, 0
    while len(peers.echoed) < len(peers.endpoints) and quiet_looks < QUIET_LOOKS:
        room = min(ECHOES_AT_ONCE - (asked - len(peers.echoed)), len(peers.endpoints) - asked)
        if room > 0:
            peers.echo(range(asked, asked + room))
            asked += room
        await _news(peers)
        quiet_looks = 0 if len(peers.echoed) > before else quiet_looks + 1
        before = len(peers.echoed)


async def _news(peers: Peers) -> None:
    peers.news.clear()
    try:
        async with asyncio.timeout(LOOK_AGAIN_S):
            await peers.news.wait()
    except TimeoutError:
        return


async def _used(pipe: Pipe) -> tuple[float, int, int]:
    pipe.send(True)
    cpu_s, rss_bytes, sessions = await asyncio.to_thread(pipe.recv)
    return cpu_s, rss_bytes or 0, sessions


def _answer(pipe: Pipe) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    asyncio.run(_serve(pipe))


async def _serve(pipe: Pipe) -> None:
    net = SystemNet()

    def accepted(connection: Connection) -> None:
        def answer(message: MessageReceived) -> None:
            connection.post(message.data, message.priority, message.mode)

        connection.on_message = answer

    sessions = Sessions(net, Identity(net.random_bytes(32)), Crowd(), accepted)
    at = await sessions.open_udp(local=Address(HOST, 0))
    pipe.send((at.host, at.port, sessions.endpoint.identity.public))
    try:
        while await asyncio.to_thread(pipe.recv):
            used = process_usage()
            pipe.send((used.cpu_s, used.rss_bytes, len(sessions.endpoint.sessions)))
    except (EOFError, OSError):
        pass
    await sessions.close()
