"""A laptop gets another address in the middle of a talk: the session goes on, over namespaces with real NATs."""

import asyncio
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import pairwise
from typing import NamedTuple

import pytest

from netstack.core.identity import Identity
from netstack.core.rendezvous_uri import RendezvousUri
from netstack.core.session_code import SessionCode
from netstack.model.address import Address
from netstack.model.meeting import Role, Way
from netstack.model.session import MessageReceived, Mode
from netstack.net.system import SystemNet
from netstack.rendezvous.websocket import WebSocketDriver
from netstack.service.attempt import Attempt
from netstack.service.peer_book import PeerBook
from netstack.service.peers import Peers
from netstack.service.rendezvous_host import RendezvousHost
from tests.kernel.bed import SERVERS, SPARE, Bed
from tests.kernel.namespaces import Host

pytestmark = [pytest.mark.kernel, pytest.mark.timeout(120)]

SERVER = Address(SPARE, 21_083)
TALK_S = 15.0
CHANGE_S = 4.0
WORD_S = 0.1
LINGER_S = 2.0
"""The other side may have begun a moment later."""


class Talk(NamedTuple):
    """How one side fared."""

    kept: bool
    words: int
    silence_s: float
    heard_at_the_end: bool


@contextmanager
def mailboxes(bed: Bed) -> Iterator[None]:
    loops: list[tuple[asyncio.AbstractEventLoop, asyncio.Event]] = []

    async def run() -> None:
        done = asyncio.Event()
        server = RendezvousHost(SERVER)
        await server.open()
        loops.append((asyncio.get_running_loop(), done))
        try:
            await done.wait()
        finally:
            await server.close()

    with Host("change-mailboxes", beside=bed.internet) as machine:
        serving = machine.begin(run(), timeout_s=100)
        while not loops:
            time.sleep(0.01)
        yield
        loop, done = loops[0]
        loop.call_soon_threadsafe(done.set)
        serving.result()


async def _talk(role: Role, code: SessionCode, number: int) -> Talk:
    net = SystemNet()

    def drivers() -> list[WebSocketDriver]:
        return [WebSocketDriver(RendezvousUri(Way.WEBSOCKET, SERVER.host, SERVER.port))]

    here = Peers(net, Identity(bytes((number,)) * 32), PeerBook(), name=role.value, stun=SERVERS)
    heard: list[float] = []

    def take(_: MessageReceived) -> None:
        heard.append(net.now())

    try:
        met = await here.meet(role, code, drivers(), Attempt(), make_drivers=drivers)
        met.connection.on_message = take
        began_s = net.now()
        while net.now() - began_s < TALK_S and not met.connection.closed:
            met.connection.post(b".", mode=Mode.ORDERED)
            await asyncio.sleep(WORD_S)
        kept = not met.connection.closed
        silence_s = max((later - earlier for earlier, later in pairwise(heard)), default=TALK_S)
        at_the_end = bool(heard) and net.now() - heard[-1] < 1.0
        await asyncio.sleep(LINGER_S)
        return Talk(kept, len(heard), silence_s, at_the_end)
    finally:
        await here.close()


@pytest.mark.parametrize("line", ["addr add 198.51.100.7/32 dev lo", "link add news type bridge"])
def test_the_kernel_tells_at_once_what_has_changed(line: str) -> None:
    async def wait() -> None:
        listening.set()
        await SystemNet().stirred(60)

    listening = threading.Event()
    with Host("news") as host, Host("news-hands", beside=host) as hands:
        told = host.begin(wait(), timeout_s=20)
        listening.wait(10)
        time.sleep(0.05)
        hands.ip(line)
        told.result()


@pytest.mark.parametrize(
    ("one", "two"),
    [
        # what is reached does not change
        pytest.param("full-cone", "open", marks=pytest.mark.slow),
        (
            "port-restricted-nopreserve",
            "port-restricted",
        ),  # another port, and no packet gets in: a mailbox helps
    ],
)
def test_another_address_does_not_end_the_session(bed: Bed, one: str, two: str) -> None:
    bed.a.set(one)
    bed.b.set(two)
    code = SessionCode.make(SystemNet().random_bytes)
    try:
        with mailboxes(bed), Host("change-hands", beside=bed.a.client) as hands:
            talks = [
                bed.a.client.begin(_talk(Role.HOST, code, 1), timeout_s=100),
                bed.b.client.begin(_talk(Role.GUEST, code, 2), timeout_s=100),
            ]
            time.sleep(CHANGE_S)
            gateway = f"10.0.{bed.a.number}.1"
            hands.ip(
                "addr flush dev eth0",
                f"addr add 10.0.{bed.a.number}.77/24 dev eth0",
                f"route add default via {gateway}",
            )
            bed.a.home.forget()
            anna, ben = (talk.result() for talk in talks)
    finally:
        bed.a._routed = None  # the bed gives the client its own address again
    print(f"{one} x {two}: silence {anna.silence_s:.2f} s and {ben.silence_s:.2f} s, {anna.words} words")
    for talk in (anna, ben):
        assert talk.kept
        assert talk.heard_at_the_end
