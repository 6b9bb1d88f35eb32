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
from netstack.model.session import TransportKind
from netstack.model.turn import TurnCredentials
from netstack.radio.peer_channel import PeerChannel
from netstack.service.connection import Connection
from netstack.service.gathering import Relay
from netstack.service.path_upkeep import PathUpkeep
from netstack.service.peer_book import PeerBook
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


class _Side:
    """One of the two."""

    def __init__(self, lab: Lab, name: str, *, guest: bool) -> None:
        self.accepted: asyncio.Queue[Connection] = asyncio.Queue()
        self.notes: _Notes | _AirNotes = _Notes()
        self.reached: list[Reached] = []
        net = lab.net(name)
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

    async def keep_up(self, connection: Connection) -> None:
        """Moves to better ways; each is in `reached`."""
        await PathUpkeep(
            self.traversal, connection, self.reached[-1], moved=self.reached.append, watch_network=False
        ).run()

    async def close(self) -> None:
        """Ends everything."""
        await self.traversal.close()
        await self.sessions.close()


async def connect(lab: Lab, *, late_s: float = 0.0, improve_s: float = IMPROVE_S) -> PairOutcome:
    """One try, in the running lab. The first of the pair begins `late_s` after the other."""
    anna, ben = (_Side(lab, name, guest=number == 1) for number, name in enumerate(lab.scenario.pair))
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
                await joined.send(b"?")
                await hosted.receive()
                await hosted.send(b"!")
                await joined.receive()
                first_s = lab.world.now() - began_s
                for side, connection in ((anna, hosted), (ben, joined)):
                    tasks.start(side.keep_up(connection), "upkeep")
                await asyncio.sleep(improve_s)
        except TimeoutError:
            return PairOutcome(method=METHOD, connected=False, direct=False)
        finally:
            await tasks.close()
            await anna.close()
            await ben.close()
    reached = ben.reached[-1]
    path = "relay" if reached.kind == "relay" else "direct"
    if reached.transport is TransportKind.BLE:
        path = "bluetooth"
    return PairOutcome(
        method=METHOD,
        connected=True,
        direct=path != "relay",
        first_byte_s=round(first_s, 6),
        paths=(path, path),
    )


async def _quietly(side: _Side, late_s: float = 0.0) -> Connection | None:
    await asyncio.sleep(late_s)
    try:
        return await side.connect()
    except PeerscopeError:
        return None


def meet(scenario: Scenario, seed: int) -> PairOutcome:
    """One try in a world of its own, in virtual time."""
    return Lab(scenario, seed=seed).run(connect)
