"""Two who have met: one calls, the other's window is only open."""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from random import Random

import pytest

from netstack.core.session_code import SessionCode
from netstack.lab.duel import duel
from netstack.lab.lab import Lab
from netstack.model.peers import Conversation, PeersState
from netstack.rendezvous.memory import MemoryDriver, MemoryHub
from netstack.service.path_watch import PathWatch
from netstack.service.peer_desk import PeerDesk
from netstack.tasks import TaskScope


async def _until(condition: Callable[[], object], limit_s: float = 30.0) -> None:
    async with asyncio.timeout(limit_s):
        while not condition():  # noqa: ASYNC110 - the desk tells the window, not us
            await asyncio.sleep(0.1)


def _open(desk: PeerDesk) -> list[Conversation]:
    return [each for each in desk.state.conversations if not each.ended]


def _run(tmp_path: Path, story: Callable[[PeerDesk, PeerDesk, TaskScope], Awaitable[None]]) -> None:
    async def work(lab: Lab) -> None:
        hub = MemoryHub()
        desks = [
            PeerDesk(
                lab.net(name),
                PathWatch(lab.net(name), lambda _: None),
                lambda _: None,
                folder=tmp_path / name,
                stun=lab.stun_servers,
                state=PeersState(ways=("lan",), name=name),
                drivers=lambda _: MemoryDriver(hub),
            )
            for name in ("anna", "ben")
        ]
        anna, ben = desks
        async with TaskScope("test") as tasks:
            try:
                for desk in desks:
                    await desk.start()
                codes: list[SessionCode] = []
                anna.invited = codes.append
                inviting = tasks.start(anna.invite(), "invite")
                await _until(lambda: codes)
                number = await ben.join(str(codes[0]))
                await inviting
                await ben.disconnect(number)
                await _until(lambda: not _open(anna) and not _open(ben))
                await story(anna, ben, tasks)
            finally:
                for desk in desks:
                    await desk.close()

    Lab(duel("port-restricted", "full-cone", Random(7)), seed=7).run(work)


@pytest.mark.parametrize("caller", [0, 1])
def test_one_calls_and_the_other_need_not_press_anything(tmp_path: Path, caller: int) -> None:
    async def story(anna: PeerDesk, ben: PeerDesk, tasks: TaskScope) -> None:
        calling, called = (anna, ben) if caller == 0 else (ben, anna)
        [known] = calling.state.known
        await asyncio.sleep(700)  # longer than a mailbox lasts
        assert not _open(called)  # nobody is connected by an open window alone
        async with asyncio.timeout(20):
            await calling.reconnect(known.peer)
        await _until(lambda: _open(called))
        assert _open(called)[0].name == calling.state.name
        assert _open(called)[0].digits == _open(calling)[0].digits
        await calling.send_text(_open(calling)[0].number, "hello")
        await _until(lambda: [line.text for line in _open(called)[0].lines] == ["hello"])

    _run(tmp_path, story)


def test_both_may_call_at_once(tmp_path: Path) -> None:
    async def story(anna: PeerDesk, ben: PeerDesk, tasks: TaskScope) -> None:
        calls = [
            tasks.start(desk.reconnect(desk.state.known[0].peer), desk.state.name) for desk in (anna, ben)
        ]
        async with asyncio.timeout(30):
            await asyncio.wait(calls)
        await asyncio.sleep(5)
        assert len(_open(anna)) == len(_open(ben)) == 1
        await anna.send_text(_open(anna)[0].number, "hello")
        await _until(lambda: "hello" in [line.text for line in _open(ben)[0].lines])

    _run(tmp_path, story)


def test_who_is_forgotten_or_does_not_want_to_be_reached_is_not_called(tmp_path: Path) -> None:
    async def story(anna: PeerDesk, ben: PeerDesk, tasks: TaskScope) -> None:
        anna.set_reachable(False)
        calling = tasks.start(ben.reconnect(ben.state.known[0].peer), "call")
        await asyncio.sleep(60)
        assert not calling.done()
        anna.set_reachable(True)
        async with asyncio.timeout(30):
            await calling
        await _until(lambda: _open(anna))

    _run(tmp_path, story)
