"""A scenario's pair connects by Peerscope's own engine: relay first, then direct.

Tries start from a given key, as the code exchange has its own tests; notes between the two take `SIGNALLING_S`.
"""

import asyncio
from functools import partial
from typing import Final

from netstack.core.identity import Identity
from netstack.core.stun_uri import parse_stun_uri
from netstack.core.turn_uri import parse_turn_uri
from netstack.errors import PeerscopeError
from netstack.lab.lab import Lab
from netstack.lab.scenario import Scenario
from netstack.model.lab import PairOutcome
from netstack.model.session import MessageReceived, Mode, SessionError, TransportKind
from netstack.model.turn import TurnCredentials
from netstack.radio.peer_channel import PeerChannel
from netstack.service.connection import Connection
from netstack.service.coordinator import Coordinator
from netstack.service.gathering import Relay
from netstack.service.known_ways import known_ways
from netstack.service.path_upkeep import PathUpkeep
from netstack.service.path_watch import PathWatch
from netstack.service.peer_book import PeerBook
from netstack.service.session_notes import SessionNotes
from netstack.service.sessions import Sessions
from netstack.service.traversal import Reached, Traversal
from netstack.tasks import TaskScope
from netstack.transport.ble import BleTransport

METHOD: Final = "peerscope"
NOTE: Final = "Connected by Peerscope's own engine, from a given key: relay first, then direct."
SIGNALLING_S: Final = 0.05
LIMIT_S: Final = 60.0
IMPROVE_S: Final = 3.0
MAILBOX: Final = "000000"
TALK_EVERY_S: Final = 0.25
AFTER_EVENTS_S: Final = 20.0
KEY: Final = bytes(range(32))


class _Notes:
    """Sealed notes would travel like this: in order, after a delay."""

    def __init__(self) -> None:
        self.peer: _Notes | None = None
        self._inbox: asyncio.Queue[bytes | None] = asyncio.Queue()

    def send(self, payload: bytes) -> None:
        peer = self.peer
        if peer is not None:
            asyncio.get_running_loop().call_later(SIGNALLING_S, peer._inbox.put_nowait, payload)  # noqa: SLF001

    async def receive(self) -> bytes | None:
        return await self._inbox.get()


class _AirNotes(_Notes):
    """Where there is no network they go by Bluetooth."""

    def __init__(self, channel: PeerChannel) -> None:
        super().__init__()
        channel.notes = self._inbox.put_nowait
        self._channel = channel
        self._out: asyncio.Queue[bytes] = asyncio.Queue()

    def send(self, payload: bytes) -> None:
        self._out.put_nowait(payload)

    async def carry(self) -> None:
        """Sends one after the other until cancelled."""
        while True:
            await self._channel.send_note(await self._out.get())


class Side:
    """One of the two."""

    def __init__(self, lab: Lab, name: str, *, guest: bool) -> None:
        self.accepted: asyncio.Queue[Connection] = asyncio.Queue()
        self.notes: _Notes | _AirNotes = _Notes()
        self.reached: list[Reached] = []
        self.silence_s = 0.0
        net = self._net = lab.net(name)
        self._watch = PathWatch(net, lambda _: None)
        self.coordinator = Coordinator(net, self._watch, lambda _: None)
        self.sessions = Sessions(net, Identity(net.random_bytes(32)), PeerBook(), self.accepted.put_nowait)
        near = None
        radio = lab.radio(name)
        if radio is not None:
            channel = PeerChannel(radio, MAILBOX, host=not guest)
            near = self.sessions.add_transport(partial(BleTransport, channel))
            if not lab.hosts[name].interfaces:
                self.notes = _AirNotes(channel)
        self.traversal = Traversal(
            net,
            self.sessions,
            self.notes,
            KEY,
            guest=guest,
            near=near,
            servers=tuple(map(parse_stun_uri, lab.stun_servers)),
            relays=tuple(
                Relay(parse_turn_uri(each.url), TurnCredentials(each.username, each.password))
                for each in lab.turn_servers
            ),
        )

    async def connect(self) -> Connection:
        """Connects; where it is is in `reached`."""
        connection, reached = await self.traversal.connect(self.accepted)
        self.reached.append(reached)
        return connection

    async def keep_up(self, connection: Connection, *, follow: bool) -> None:
        """Moves to better ways; each is in `reached`. `follow`: also when the network changes, with a coordinator."""
        if follow:
            self.coordinator.coordinate(
                connection,
                self._watch.watch(connection, "peer"),
                "peer",
                ways=lambda: known_ways(self.traversal, self.sessions),
                local=self.sessions.local_host,
            )
        await PathUpkeep(
            self.traversal, connection, self.reached[-1], moved=self.reached.append, watch_network=follow
        ).run()

    async def talk(self, connection: Connection) -> None:
        """A word every quarter of a second, and how long the other's stayed away; until it is cancelled."""
        heard_s = self._net.now()

        def heard(_: MessageReceived) -> None:
            nonlocal heard_s
            self.silence_s = max(self.silence_s, self._net.now() - heard_s)
            heard_s = self._net.now()

        connection.on_message = heard
        try:
            while not connection.closed:
                connection.post(b".", mode=Mode.ORDERED)
                await asyncio.sleep(TALK_EVERY_S)
        except SessionError:
            pass
        finally:
            self.silence_s = max(self.silence_s, self._net.now() - heard_s)

    async def close(self) -> None:
        """Ends everything."""
        await self.coordinator.close()
        await self._watch.close()
        await self.traversal.close()
        await self.sessions.close()


async def connect(
    lab: Lab, *, late_s: float = 0.0, improve_s: float = IMPROVE_S, talk_s: float = 0.0
) -> PairOutcome:
    """One try, in the running lab. The first of the pair begins `late_s` after the other.

    They go on talking until `talk_s` after they began, with a coordinator each; the longest silence is told.
    """
    anna, ben = (Side(lab, name, guest=number == 1) for number, name in enumerate(lab.scenario.pair))
    anna.notes.peer, ben.notes.peer = ben.notes, anna.notes
    began_s = lab.world.now()
    async with TaskScope("meet") as tasks:
        try:
            async with asyncio.timeout(LIMIT_S):
                for side in (anna, ben):
                    if isinstance(side.notes, _AirNotes):
                        tasks.start(side.notes.carry(), "notes")
                hosting = tasks.start(_quietly(anna, late_s), "host")
                joined = await _quietly(ben)
                hosted = await hosting if joined is not None else None
                if joined is None or hosted is None:
                    return PairOutcome(method=METHOD, connected=False, direct=False)
                for connection in (hosted, joined):
                    await SessionNotes.of(connection).heard.wait()
                first_s = lab.world.now() - began_s
                both = (anna, hosted), (ben, joined)
                for side, connection in both:
                    tasks.start(side.keep_up(connection, follow=talk_s > 0), "upkeep")
                await asyncio.sleep(improve_s)
            reached = ben.reached[-1]
            for side, connection in both if talk_s else ():
                tasks.start(side.talk(connection), "talk")
            await asyncio.sleep(max(0.0, began_s + talk_s - lab.world.now()))
        except TimeoutError:
            return PairOutcome(method=METHOD, connected=False, direct=False)
        finally:
            await tasks.close()
            await anna.close()
            await ben.close()
    path = "relay" if reached.kind == "relay" else "direct"
    if reached.transport is TransportKind.BLE:
        path = "bluetooth"
    return PairOutcome(
        method=METHOD,
        connected=True,
        direct=path != "relay",
        first_byte_s=round(first_s, 6),
        paths=(path, path),
        silence_s=round(max(anna.silence_s, ben.silence_s), 6) if talk_s else None,
    )


async def _quietly(side: Side, late_s: float = 0.0) -> Connection | None:
    await asyncio.sleep(late_s)
    try:
        return await side.connect()
    except PeerscopeError:
        return None


def talk_s_of(scenario: Scenario) -> float:
    """How long two talk so that they live through all that happens; 0 where nothing does."""
    return max((event.at_s + AFTER_EVENTS_S for event in scenario.event), default=0.0)


def meet(scenario: Scenario, seed: int) -> PairOutcome:
    """One try in a world of its own, in virtual time. The scenario's events happen while the two talk."""

    async def work(lab: Lab) -> PairOutcome:
        lab.begin_events()
        return await connect(lab, talk_s=talk_s_of(scenario))

    return Lab(scenario, seed=seed).run(work)
