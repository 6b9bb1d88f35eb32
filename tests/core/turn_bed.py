"""A TURN client and the pure server on one manual clock, with a slow and lossy line between them."""

import heapq
import random
from collections.abc import Callable

from netstack.core.turn_client import TurnClient
from netstack.core.turn_events import Event, SocketNeeded, TurnOptions
from netstack.model.address import Address
from netstack.model.turn import TurnCredentials
from netstack.server.machine import CloseRelay, OpenRelay, RelaySend, StreamClose, StreamSend
from netstack.server.turn import TurnServer
from netstack.server.turn_credentials import Credentials
from netstack.server.turn_peers import PeerPolicy

SERVER = Address("203.0.113.10", 3478)
PEER = Address("192.0.2.9", 7777)
FIRST_PORT = 40_000
USER = TurnCredentials("u", "p")


def turn_server(at: Address = SERVER, **more) -> TurnServer:
    credentials = more.pop("credentials", None) or Credentials("lab", {"u": "p", "v": "q"}, b"k" * 32)
    more.setdefault("peers", PeerPolicy())
    return TurnServer((at,), credentials, random.Random(7).randbytes, **more)


class Bed:
    """`sent` is what left the relays, `events` what the client told; a new socket is opened for the client."""

    def __init__(
        self, *servers: TurnServer, delay_s=0.01, loss=0.0, seed=0, stream=False, user=USER, **options
    ):
        self.servers = {server.addresses[0]: server for server in servers or (turn_server(),)}
        self.random = random.Random(seed)
        self.now = 1000.0
        self.delay_s, self.loss, self.stream = delay_s, loss, stream
        self.port = FIRST_PORT
        self.sent: list[tuple[bytes, Address, bool]] = []
        self.events: list[tuple[float, Event]] = []
        self.requests = 0
        self.down = False
        self.refuse_sockets = False
        self.on_server_data: Callable[[bytes], bytes | None] = lambda data: data
        self._due: list[tuple[float, int, Callable[[], None]]] = []
        self._serial = 0
        self._ids: dict[int, tuple[TurnServer, int]] = {}
        self._sending = False
        self.client = TurnClient(
            next(iter(self.servers)),
            (lambda: user) if user else None,
            self.random.randbytes,
            stream=stream,
            options=TurnOptions(**options),
        )
        self._connect()

    @property
    def server(self) -> TurnServer:
        return self.servers[self.client.server]

    @property
    def here(self) -> Address:
        return Address("198.51.100.7", self.port)

    def allocated(self):
        self.client.allocate(self.now)
        self.run(1.0)
        assert self.client.relayed is not None
        return self

    def told(self, kind) -> list:
        return [event for _, event in self.events if isinstance(event, kind)]

    def at(self, delay_s: float, what: Callable[[], None]) -> None:
        self._serial += 1
        heapq.heappush(self._due, (self.now + delay_s, self._serial, what))

    def run(self, for_s: float) -> None:
        """Lets everything happen that is due within `for_s`."""
        end = self.now + for_s
        steps = 0
        while True:
            self._pump()
            deadline = self.client.deadline()
            times = [t for t in (deadline, self._due[0][0] if self._due else None) if t is not None]
            times += [d for s in self.servers.values() if (d := s.deadline()) is not None]
            next_s = min(times, default=end)
            if next_s > end:
                break
            steps += 1
            assert steps < 200_000, "it spins"
            self.now = max(self.now, next_s)
            for server in self.servers.values():
                if (due := server.deadline()) is not None and due <= self.now:
                    server.handle_timeout(self.now)
            while self._due and self._due[0][0] <= self.now:
                heapq.heappop(self._due)[2]()
            if deadline is not None and deadline <= self.now:
                self.client.handle_timeout(self.now)
            if next_s == end and not self._due:
                break
        self.now = end
        self._pump()

    def from_peer(self, data: bytes, peer: Address = PEER) -> None:
        """A datagram comes to the newest relay."""
        server = self.server
        [relay_id] = [
            r for r, a in {a.relay_id: a for a in server._table}.items() if a.relayed == self.client.relayed
        ]
        server.relay_received(relay_id, data, peer, self.now)
        self._pump()

    def cut(self) -> None:
        """The server forgets everything, as when it is started again."""
        old = self.server
        fresh = turn_server(old.addresses[0])
        self.servers[old.addresses[0]] = fresh

    def _connect(self) -> None:
        if self.stream and self.client.server in self.servers:
            self.server.stream_opened(self.port, self.here, self.client.server, self.now)

    def _lost(self) -> bool:
        return not self.stream and self.random.random() < self.loss

    def _pump(self) -> None:
        while (data := self.client.poll_transmit()) is not None:
            self.requests += data[0] < 0x40
            if not (self._lost() or self.down):
                self.at(
                    self.delay_s,
                    lambda data=data, port=self.port, to=self.client.server: self._arrive(data, port, to),
                )
        for server in self.servers.values():
            self._pump_server(server)
        while (event := self.client.poll_event()) is not None:
            self.events.append((self.now, event))
            if isinstance(event, SocketNeeded):
                self.at(0.0, lambda event=event: self._reopen(event.server))

    def _reopen(self, server: Address) -> None:
        from netstack.model.turn import TurnError

        if self.refuse_sockets:
            self.client.unreachable(TurnError(TurnError.Reason.REFUSED), self.now)
            return
        self.port += 1
        self.client.reopened(server, self.now)
        self._connect()

    def _arrive(self, data: bytes, port: int, to: Address) -> None:
        server = self.servers.get(to)
        if server is None or self.down:
            return
        if self.stream:
            server.stream_received(port, data, self.now)
        else:
            server.receive(data, Address("198.51.100.7", port), to, self.now)

    def _pump_server(self, server: TurnServer) -> None:
        while (transmit := server.poll_transmit()) is not None:
            self._back(transmit.data, transmit.remote.port)
        while (action := server.poll_action()) is not None:
            match action:
                case OpenRelay():
                    relayed = Address(server.addresses[0].host, 50_000 + action.relay_id)
                    server.relay_opened(action.relay_id, relayed, self.now)
                    self._pump_server(server)
                case RelaySend():
                    self.sent.append((action.data, action.remote, action.dont_fragment))
                case StreamSend():
                    self._back(action.data, action.stream_id)
                case StreamClose() | CloseRelay():
                    pass

    def _back(self, data: bytes, port: int) -> None:
        if self._lost() or self.down:
            return
        changed = self.on_server_data(data)
        if changed is not None:
            self.at(self.delay_s, lambda: self._deliver(changed, port))

    def _deliver(self, data: bytes, port: int) -> None:
        if port == self.port:
            self.client.receive(data, self.now)
