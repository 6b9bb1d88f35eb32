"""The failover drill: two people play over their best path, and something happens to it.

Anna has Wi-Fi and mobile data, Ben a relay; they punch, connect and send each other 60 messages of 100 B a second, ordered
and reliable, as a game would. Then the Wi-Fi dies, swallows data, loses one way, loses 30 %, or becomes slow, with a
backup that is open (over mobile data and the relay) or with one that is only known.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from functools import partial
from itertools import pairwise
from typing import Final, Self

from msgspec import structs

from netstack.core.identity import Identity
from netstack.core.stun_uri import parse_stun_uri
from netstack.core.turn_uri import parse_turn_uri
from netstack.lab.lab import Lab
from netstack.lab.link import Shape
from netstack.lab.scenario import load_scenario
from netstack.lab.workers import spread_beside
from netstack.model.coordinator import Decision, DrillCause, DrillResult
from netstack.model.session import UDP_TRAITS, Flow, MessageReceived, Mode, Priority, SessionError
from netstack.model.turn import TurnCredentials
from netstack.service.connection import Connection
from netstack.service.coordinator import Coordinator
from netstack.service.gathering import Relay
from netstack.service.known_ways import known_ways
from netstack.service.path_watch import PathWatch
from netstack.service.peer_book import PeerBook
from netstack.service.sessions import Sessions
from netstack.service.traversal import Traversal

MESSAGE_BYTES: Final = 100
MESSAGES_PER_S: Final = 60.0
SETTLE_S: Final = 6.0
BEFORE_S: Final = 3.0
AFTER_S: Final = 5.0
DRAIN_S: Final = 3.0
LATE_S: Final = 0.15
JUMP_S: Final = 0.4
MEET_S: Final = 20.0
MEET_LOOK_S: Final = 0.5
KEY: Final = bytes(range(32))
SCENARIO: Final = "failover"
WIFI: Final = "anna-anna-router"
PLAIN_BYTES: Final = 120
"""Of an IP packet: probes, pings and acknowledgements are smaller, messages larger."""


class _Notes:
    """Sealed notes would travel like this: in order, after a moment."""

    def __init__(self) -> None:
        self.peer: _Notes | None = None
        self._inbox: asyncio.Queue[bytes | None] = asyncio.Queue()

    def send(self, payload: bytes) -> None:
        if self.peer is not None:
            self.peer._inbox.put_nowait(payload)  # noqa: SLF001

    async def receive(self) -> bytes | None:
        return await self._inbox.get()


class Player:
    """One of the two: what it has sent and when what it got came."""

    def __init__(self, lab: Lab, name: str, *, guest: bool) -> None:
        self.net = net = lab.net(name)
        self.accepted: asyncio.Queue[Connection] = asyncio.Queue()
        self.notes = _Notes()
        self.sessions = Sessions(net, Identity(net.random_bytes(32)), PeerBook(), self.accepted.put_nowait)
        self.watch = PathWatch(net, lambda _: None)
        self.coordinator = Coordinator(net, self.watch, lambda _: None)
        self.traversal = Traversal(
            net,
            self.sessions,
            self.notes,
            KEY,
            guest=guest,
            servers=tuple(map(parse_stun_uri, lab.stun_servers)),
            relays=tuple(
                Relay(parse_turn_uri(each.url), TurnCredentials(each.username, each.password))
                for each in lab.turn_servers
            ),
        )
        self.connection: Connection | None = None
        self.sent: list[float] = []
        self.arrived: dict[int, list[float]] = {}

    async def connect(self) -> None:
        """Punches and connects."""
        self.connection, _ = await self.traversal.connect(self.accepted)
        self.connection.on_message = self._got

    def coordinate(self, *, warm: bool) -> None:
        """Lets the coordinator choose."""
        if self.connection is not None:
            number = self.watch.watch(self.connection, "peer")
            self.coordinator.coordinate(
                self.connection,
                number,
                "peer",
                ways=lambda: known_ways(self.traversal, self.sessions),
                warm=warm,
                local=self.sessions.local_host,
            )

    def say(self) -> None:
        """One message of the game."""
        if self.connection is not None and not self.connection.closed:
            data = len(self.sent).to_bytes(4, "big") + bytes(MESSAGE_BYTES - 4)
            self.sent.append(self.net.now())
            self.connection.post(data, Priority.REALTIME, Mode.ORDERED)

    def _got(self, message: MessageReceived) -> None:
        number = int.from_bytes(message.data[:4], "big")
        self.arrived.setdefault(number, []).append(self.net.now())

    def missing_from(self, other: "Player") -> int:
        """Messages of the other that never came."""
        return len(other.sent) - len(self.arrived)

    async def close(self) -> None:
        """Ends everything."""
        await self.coordinator.close()
        await self.watch.close()
        await self.traversal.close()
        await self.sessions.close()


class Players:
    """Anna and Ben, connected. They part at the end of `meet`."""

    def __init__(self, anna: Player, ben: Player) -> None:
        self.anna = anna
        self.ben = ben
        self.both = anna, ben

    @classmethod
    @asynccontextmanager
    async def meet(cls, lab: Lab) -> AsyncIterator[Self]:
        """Raises PeerscopeError when they cannot."""
        ben, anna = Player(lab, "ben", guest=False), Player(lab, "anna", guest=True)
        anna.notes.peer, ben.notes.peer = ben.notes, anna.notes
        try:
            await asyncio.gather(ben.connect(), anna.connect())
            yield cls(anna, ben)
        finally:
            await anna.close()
            await ben.close()

    def coordinate(self, *, warm: bool) -> None:
        """Lets both coordinators choose from now on."""
        for player in self.both:
            player.coordinate(warm=warm)


async def drill(lab: Lab, cause: DrillCause, *, warm: bool) -> DrillResult:
    """One cause in the running lab, which must be the failover scenario. Raises PeerscopeError when they cannot meet."""
    async with Players.meet(lab) as players:
        path_id = await ride_wifi(lab, players.anna)
        players.coordinate(warm=warm)
        await play(players, SETTLE_S)
        if not warm:
            _keep_only(players.anna, path_id)
            await play(players, BEFORE_S)
        before = [len(player.sent) for player in players.both]
        decided = [len(player.coordinator.state.decisions) for player in players.both]
        struck_s = players.anna.net.now()
        _strike(lab, cause)
        try:
            await play(players, AFTER_S)
            await asyncio.sleep(DRAIN_S)
        finally:
            lab.reset_link(WIFI)
        moves = [
            player.coordinator.state.decisions[: len(player.coordinator.state.decisions) - count]
            for player, count in zip(players.both, decided, strict=True)
        ]
        return _result(cause, warm, players.both, before, struck_s, moves)


async def ride_wifi(lab: Lab, anna: Player) -> int:
    """Puts everything on the direct path over Wi-Fi, and returns its id."""
    if anna.connection is None or anna.connection.session is None:
        raise SessionError(SessionError.Reason.CLOSED)
    wifi = anna.sessions.udp_transports()[0].link
    ben_at = next(box.wan for box in lab.scenario.box if box.name == "ben-router")
    async with asyncio.timeout(MEET_S):
        while True:
            direct = [
                each for each in anna.traversal.answered if (each.link, each.remote.host) == (wifi, ben_at)
            ]
            for path in anna.connection.session.paths.table.values():
                if path.in_use and any(path.flow == Flow(pair.link, pair.remote) for pair in direct):
                    anna.connection.use_path(path.id)
                    return path.id
            for pair in direct[:1]:
                anna.connection.add_path(Flow(wifi, pair.remote), UDP_TRAITS, anna.net.now())
            await asyncio.sleep(MEET_LOOK_S)


def _keep_only(player: Player, path_id: int) -> None:
    if player.connection is not None and player.connection.session is not None:
        for path in list(player.connection.session.paths.table.values()):
            if path.id != path_id and path.in_use:
                player.connection.close_path(path.id)


def _strike(lab: Lab, cause: DrillCause) -> None:
    link = lab.world.links[WIFI]
    there, back = link.shapes
    match cause:
        case DrillCause.DEAD:
            link.cut()
        case DrillCause.DATA_BLACKHOLE:
            link.reshape(*(_swallowing(shape) for shape in link.shapes))
        case DrillCause.ONE_WAY_LOSS:
            link.reshape(structs.replace(there, cut=True), back)
        case DrillCause.LOSS_30:
            link.reshape(structs.replace(there, loss=0.3), structs.replace(back, loss=0.3))
        case DrillCause.LATENCY_JUMP:
            link.reshape(*(structs.replace(each, delay_s=each.delay_s + JUMP_S) for each in link.shapes))


def _swallowing(shape: Shape) -> Shape:
    """Messages vanish without a word; probes, pings and acknowledgements pass."""
    return structs.replace(shape, mtu_bytes=PLAIN_BYTES, icmp_too_big=False)


async def play(players: Players, seconds: float, *, messages_per_s: float = MESSAGES_PER_S) -> None:
    """Both talk for a while."""
    loop = asyncio.get_running_loop()
    began_s = loop.time()
    for turn in range(round(seconds * messages_per_s)):
        for player in players.both:
            player.say()
        await asyncio.sleep(max(0.0, began_s + (turn + 1) / messages_per_s - loop.time()))


def _result(
    cause: DrillCause,
    warm: bool,
    players: Sequence[Player],
    before: Sequence[int],
    struck_s: float,
    moves: Sequence[Sequence[Decision]],
) -> DrillResult:
    blackout_s, lost, duplicated, late, sent = 0.0, 0, 0, 0, 0
    for sender, receiver, first in ((players[0], players[1], before[0]), (players[1], players[0], before[1])):
        times = sorted(times_s[0] for times_s in receiver.arrived.values())
        since = [max((at for at in times if at < struck_s), default=struck_s)]
        since += [at for at in times if at >= struck_s]
        blackout_s = max([blackout_s, *(b - a for a, b in pairwise(since))])
        sent += len(sender.sent) - first
        for number, sent_s in enumerate(sender.sent):
            got = receiver.arrived.get(number, [])
            duplicated += max(0, len(got) - 1)
            if number >= first:
                lost += not got
                late += bool(got) and got[0] - sent_s > LATE_S
    return DrillResult(
        cause=cause,
        warm=warm,
        blackout_s=round(blackout_s, 6),
        lost=lost,
        duplicated=duplicated,
        late=late,
        n=sent,
        switches=sum(len({move.at_s for move in each}) for each in moves),
    )


def run_drill(
    *, seed: int = 0, done: Callable[[DrillResult], None] = lambda _: None
) -> tuple[DrillResult, ...]:
    """Every cause, warm and cold, each in a world of its own, in virtual time."""
    results = []
    for job in _jobs(seed):
        results.append(_one(job))
        done(results[-1])
    return tuple(results)


async def drill_beside(
    done: Callable[[DrillResult], None] = lambda _: None, *, seed: int = 0
) -> tuple[DrillResult, ...]:
    """The same in a child process, while the running loop goes on. Cancelling ends it. Raises WorkerError."""
    return tuple(await spread_beside(_one, _jobs(seed), 1, done))


Job = tuple[DrillCause, bool, int]


def _jobs(seed: int) -> list[Job]:
    return [(cause, warm, seed) for cause in DrillCause for warm in (True, False)]


def _one(job: Job) -> DrillResult:
    cause, warm, seed = job
    return Lab(load_scenario(SCENARIO), seed=seed).run(partial(drill, cause=cause, warm=warm))
