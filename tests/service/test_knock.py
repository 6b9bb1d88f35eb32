"""Knocks in the lab: ports that are reachable from outside, that are not, and peers who ask too much."""

import asyncio
from random import Random

import pytest

from netstack.core.identity import Identity
from netstack.lab.duel import duel
from netstack.lab.lab import Lab
from netstack.model.address import Address
from netstack.model.knock import KnockState
from netstack.model.port_mapping import Carried
from netstack.model.session import TransportKind
from netstack.service.connection import Connection
from netstack.service.knock import MOST_PER_MINUTE, KnockDesk
from netstack.service.peer_book import PeerBook
from netstack.service.sessions import Sessions
from netstack.tasks import TaskScope
from netstack.wire.chat import KnockOutcome, decode, encode

PUBLIC = "198.51.100.2"
BEHIND = "203.0.113.101"
PSK = bytes(32)


class Side:
    def __init__(self, lab: Lab, name: str) -> None:
        self.net = lab.net(name)
        self.accepted: asyncio.Queue[Connection] = asyncio.Queue()
        self.sessions = Sessions(
            self.net, Identity(self.net.random_bytes(32)), PeerBook(), self.accepted.put_nowait
        )
        self.said: list[object] = []
        self.desk: KnockDesk
        self.other: Side

    def sit(self, connection: Connection) -> None:
        self.desk = KnockDesk(self.net, connection, self.post)

    def post(self, note) -> None:
        self.said.append(note)
        self.other.desk.take(decode(encode(note)))


async def met(lab: Lab) -> tuple[Side, Side]:
    """Anna's session with Ben, who is open; the knocks' notes go from desk to desk."""
    anna, ben = Side(lab, "anna"), Side(lab, "ben")
    anna.other, ben.other = ben, anna
    at = await ben.sessions.open_udp(local=Address("192.0.2.2", 5000))
    await anna.sessions.open_udp()
    ben.sessions.invite(PSK)
    anna.sit(await anna.sessions.connect(at, psk=PSK, transport=TransportKind.UDP))
    ben.sit(await ben.accepted.get())
    return anna, ben


def run(kind: str, work):
    async def main(lab: Lab):
        anna, ben = await met(lab)
        try:
            return await work(anna, ben)
        finally:
            for side in (anna, ben):
                await side.desk.close()
                await side.sessions.close()

    return Lab(duel(kind, "open", Random(1))).run(main)


@pytest.mark.parametrize("carried", list(Carried))
def test_an_open_computer_is_reachable_and_one_behind_a_router_is_not(carried) -> None:
    opened = run("open", lambda anna, _: anna.desk.ask(carried, 7777, PUBLIC))
    assert opened.state is KnockState.REACHABLE
    closed = run("port-restricted", lambda anna, _: anna.desk.ask(carried, 7777, BEHIND))
    assert closed.state is KnockState.CLOSED
    assert "forward the port" in closed.text


def test_a_program_that_holds_the_port_is_seen_over_tcp_and_hides_a_udp_knock() -> None:
    async def work(anna: Side, _: Side):
        class Game:
            def datagram_received(self, *_): ...

            def datagram_failed(self, *_): ...

        game = await anna.net.open_datagram(Game(), local=Address("0.0.0.0", 7777))
        server = await anna.net.listen_stream(lambda stream: stream.abort(), local=Address("0.0.0.0", 7777))
        try:
            return [await anna.desk.ask(carried, 7777, PUBLIC) for carried in (Carried.UDP, Carried.TCP)]
        finally:
            game.close()
            server.close()

    udp, tcp = run("open", work)
    assert (udp.state, tcp.state) == (KnockState.UNKNOWN, KnockState.REACHABLE)
    assert "stop it for the moment" in udp.text


def test_the_port_is_free_again_whatever_came_of_it() -> None:
    async def work(anna: Side, _: Side):
        for _ in range(2):
            await anna.desk.ask(Carried.TCP, 7777, PUBLIC)
        (await anna.net.listen_stream(lambda _: None, local=Address("0.0.0.0", 7777))).close()

    run("open", work)


def test_nobody_knocks_too_often_at_private_places_or_unwillingly() -> None:
    async def work(anna: Side, ben: Side):
        private = await anna.desk.ask(Carried.TCP, 7777, "10.0.0.1")
        assert ben.said == []
        reports = [await anna.desk.ask(Carried.TCP, 7777, PUBLIC) for _ in range(MOST_PER_MINUTE + 1)]
        await asyncio.sleep(61)
        ben.desk.willing = False
        unwilling = await anna.desk.ask(Carried.TCP, 7777, PUBLIC)
        anna.desk.willing = False
        told = len(anna.said)
        hidden = await anna.desk.ask(Carried.TCP, 7777, PUBLIC)
        assert len(anna.said) == told
        assert "hidden" in hidden.text
        return private, reports, unwilling, ben.said

    private, reports, unwilling, said = run("open", work)
    assert private.state is KnockState.UNKNOWN
    assert [each.state for each in reports] == [KnockState.REACHABLE] * MOST_PER_MINUTE + [KnockState.UNKNOWN]
    assert unwilling.state is KnockState.UNKNOWN
    assert [each.outcome for each in said[-2:]] == [KnockOutcome.DECLINED] * 2


def test_a_peer_that_never_answers_is_waited_for_and_no_longer() -> None:
    async def work(anna: Side, ben: Side):
        ben.post = ben.desk._post = lambda _: None
        began_s = anna.net.now()
        report = await anna.desk.ask(Carried.UDP, 7777, BEHIND)
        return report, anna.net.now() - began_s

    report, took_s = run("port-restricted", work)
    assert report.state is KnockState.UNKNOWN
    assert took_s < 8


def test_the_end_of_the_session_ends_the_wait() -> None:
    async def work(anna: Side, ben: Side):
        ben.post = ben.desk._post = lambda _: None
        async with TaskScope("test") as tasks:
            asking = tasks.start(_outcome(anna.desk.ask(Carried.UDP, 7777, BEHIND)), "ask")
            await asyncio.sleep(0.1)
            await anna.desk.close()
            return await asking

    assert run("port-restricted", work) == "SessionError"


async def _outcome(asking) -> str:
    try:
        await asking
    except Exception as error:
        return type(error).__name__
    return "none"
