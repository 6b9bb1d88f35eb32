"""Connects a pair with aioice, unmodified, on lab hosts: the second opinion of somebody else's ICE."""

import asyncio
import contextlib
import random
import threading
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import ifaddr

from netstack.lab.host import Host
from netstack.lab.lab import Lab
from netstack.lab.loop import current_host, on
from netstack.lab.scenario import STUN_PORT, TURN_PASSWORD, TURN_PORT, TURN_USERNAME, Scenario
from netstack.model.lab import PairOutcome

if TYPE_CHECKING:
    from aioice import Connection

METHOD = "aioice"
HELLO_S = 0.1
TALK_S = 0.25
LIMIT_S = 15.0
SIGNALLING_S = 0.05
AFTER_EVENTS_S = 20.0


_real_get_adapters = ifaddr.get_adapters
_adapters_lock = threading.Lock()
_adapters_users = 0


def _get_adapters(*args: Any, **kwargs: Any) -> Any:
    host = current_host.get()
    if host is None:
        return _real_get_adapters(*args, **kwargs)
    return [
        ifaddr.Adapter(
            interface.name,
            interface.name,
            [
                ifaddr.IP((address, 0, 0) if ":" in address else address, 24, interface.name)
                for address in interface.hosts
            ],
            index=index,
        )
        for index, interface in enumerate(host.interfaces, 2)
        if interface.up
    ]


@contextlib.contextmanager
def lab_adapters() -> Iterator[None]:
    """While it lasts, `ifaddr` tells a program on a lab host that host's interfaces; may be nested."""
    global _adapters_users  # noqa: PLW0603 - what it replaces is global, too
    with _adapters_lock:
        _adapters_users += 1
        ifaddr.get_adapters = _get_adapters
    try:
        yield
    finally:
        with _adapters_lock:
            _adapters_users -= 1
            if not _adapters_users:
                ifaddr.get_adapters = _real_get_adapters


@contextlib.contextmanager
def _repeatable(seed: int) -> Iterator[None]:
    """While it lasts, the random numbers that aioice's timers draw come from the seed."""
    before = random.getstate()
    random.seed(seed)
    try:
        yield
    finally:
        random.setstate(before)


class _Side:
    """One end: gathers, gets the other's offer, connects, and talks."""

    def __init__(self, host: Host, connection: "Connection") -> None:
        self.host = host
        self.connection = connection
        self.offer: asyncio.Future[tuple[str, str, list[Any]]] = asyncio.get_running_loop().create_future()
        self.first_s: float | None = None
        self.last_s = 0.0
        self.silence_s = 0.0

    async def connect(
        self, other: "_Side", signalling_s: float, talk_until_s: float, late_s: float = 0.0
    ) -> None:
        """Runs until each side has heard the other and the talk is over. Raises ConnectionError.

        `late_s`: so long after its offer it begins with checks.
        """
        connection, world = self.connection, self.host.world
        await connection.gather_candidates()
        # In an order of our own: aioice collects them from a set of tasks.
        candidates = sorted(connection.local_candidates, key=lambda c: (-c.priority, c.host, c.port))
        offer = (connection.local_username, connection.local_password, candidates)
        world.at(world.now() + signalling_s, _deliver, (other.offer, offer))
        connection.remote_username, connection.remote_password, candidates = await self.offer
        for candidate in candidates:
            await connection.add_remote_candidate(candidate)
        await connection.add_remote_candidate(None)
        await asyncio.sleep(late_s)
        await connection.connect()
        while self.first_s is None or other.first_s is None or world.now() < talk_until_s:
            await self._say_hello()
            if self.first_s is not None and other.first_s is not None:
                await asyncio.sleep(TALK_S)

    async def _say_hello(self) -> None:
        world = self.host.world
        await self.connection.send(b"hello")
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(HELLO_S):
                await self.connection.recv()
                now_s = world.now()
                if self.first_s is None:
                    self.first_s = now_s
                else:
                    self.silence_s = max(self.silence_s, now_s - self.last_s)
                self.last_s = now_s

    def path(self) -> str:
        """What was nominated: "relay" where either end of it is one, else "direct"."""
        nominated = self.connection._nominated.get(1)  # noqa: SLF001 - it tells nobody else
        if nominated is None:
            return ""
        kinds = {nominated.local_candidate.type, nominated.remote_candidate.type}
        return "relay" if "relay" in kinds else "direct"


def _deliver(news: tuple[asyncio.Future[Any], Any]) -> None:
    future, offer = news
    if not future.done():
        future.set_result(offer)


def _servers(lab: Lab, person: str, *, relay: bool) -> dict[str, Any]:
    """The first STUN server and the first relay, which is asked over TCP where UDP does not get out."""
    stun = next(server for server in lab.scenario.server if server.kind == "stun")
    options: dict[str, Any] = {"stun_server": (stun.hosts[0], STUN_PORT)}
    turn = next((server for server in lab.scenario.server if server.kind == "turn"), None)
    if relay and turn is not None:
        options |= {
            "turn_server": (turn.hosts[0], TURN_PORT),
            "turn_username": TURN_USERNAME,
            "turn_password": TURN_PASSWORD,
            "turn_transport": "udp" if lab.udp_gets_out(person) else "tcp",
        }
    return options


async def _end_gathering(others: set["asyncio.Task[Any]"]) -> None:
    """Interrupted while it gathers, aioice leaves its requests to servers running for a minute."""
    names = {"server_reflexive_candidate", "relayed_candidate"}
    left = [
        task
        for task in asyncio.all_tasks() - others
        if getattr(task.get_coro(), "__name__", "") in names and task is not asyncio.current_task()
    ]
    for task in left:
        task.cancel()
    if left:
        await asyncio.wait(left)


async def connect_with_aioice(
    lab: Lab,
    *,
    relay: bool = True,
    signalling_s: float = SIGNALLING_S,
    talk_s: float = 0.0,
    limit_s: float = LIMIT_S,
    late_s: float = 0.0,
) -> PairOutcome:
    """Lets the scenario's pair connect; the first is controlling. An offer takes `signalling_s` to the other.

    The first begins with its checks `late_s` after it could. Without `relay` they may use STUN alone. They give up after `limit_s`. They go on talking until `talk_s` after they began; the longest silence is told.
    """
    from aioice import Connection  # noqa: PLC0415 - a machine that needs none does not load it

    a, b = (lab.hosts[name] for name in lab.scenario.pair)
    began_s = lab.world.now()
    others = asyncio.all_tasks()
    one, two = (
        _Side(host, Connection(ice_controlling=host is a, **_servers(lab, host.name, relay=relay)))
        for host in (a, b)
    )
    with lab_adapters(), _repeatable(lab.seed):
        ends: tuple[BaseException | None, ...]
        try:
            try:
                async with asyncio.timeout(limit_s + talk_s):
                    ends = await asyncio.gather(
                        on(a, one.connect(two, signalling_s, began_s + talk_s, late_s)),
                        on(b, two.connect(one, signalling_s, began_s + talk_s)),
                        return_exceptions=True,
                    )
            except TimeoutError as error:
                ends = (error,)
            for end in ends:
                if end is not None and not isinstance(end, ConnectionError | TimeoutError):
                    raise end
            paths = (one.path(), two.path())
        finally:
            await _end_gathering(others)
            await asyncio.gather(on(a, one.connection.close()), on(b, two.connection.close()))
    if one.first_s is None or two.first_s is None:
        return PairOutcome(method=METHOD, connected=False, direct=False)
    ended_s = began_s + talk_s
    silence_s = max(max(side.silence_s, ended_s - side.last_s) for side in (one, two))
    return PairOutcome(
        method=METHOD,
        connected=True,
        direct="relay" not in paths,
        first_byte_s=round(max(one.first_s, two.first_s) - began_s, 6),
        paths=paths,
        silence_s=round(silence_s, 6) if talk_s else None,
    )


def meet_with_aioice(scenario: Scenario, seed: int) -> PairOutcome:
    """What is possible for a scenario's pair: without a relay and, where that fails, with one.

    aioice takes whichever pair answers first, the relay's too, and never improves on it; so a relay that is
    there from the start would hide the direct way. The scenario's events happen while the two talk.
    """
    ends_s = max((event.at_s for event in scenario.event), default=0.0)
    talk_s = ends_s + AFTER_EVENTS_S if ends_s else 0.0

    async def meet(lab: Lab, *, relay: bool) -> PairOutcome:
        lab.begin_events()
        return await connect_with_aioice(lab, relay=relay, talk_s=talk_s)

    outcome = Lab(scenario, seed=seed).run(lambda lab: meet(lab, relay=False))
    if outcome.connected:
        return outcome
    return Lab(scenario, seed=seed).run(lambda lab: meet(lab, relay=True))
