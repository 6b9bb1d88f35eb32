"""Both sides on one relay server that dies: they find each other anew, and nothing that was promised is lost."""

import asyncio
import time

import pytest

from netstack.core.identity import Identity
from netstack.core.session_code import SessionCode
from netstack.model.config import TurnServer
from netstack.model.meeting import Role
from netstack.model.session import TransportKind
from netstack.net.system import SystemNet
from netstack.rendezvous.memory import MemoryDriver, MemoryHub
from netstack.service.attempt import Attempt
from netstack.service.peer_book import PeerBook
from netstack.service.peers import Peers
from tests.coturn import coturn, needs_coturn

CODE = SessionCode("482915", ("amber", "walnut", "kayak"))


@needs_coturn
@pytest.mark.timeout(90)
async def test_two_on_one_restarted_server_go_on() -> None:
    hub = MemoryHub()

    def drivers() -> list[MemoryDriver]:
        return [MemoryDriver(hub)]

    with coturn() as server:
        turn = (TurnServer(f"turn:127.0.0.1:{server.udp.port}", "u", "p"),)
        people = [Peers(SystemNet(), Identity(bytes([n]) * 32), PeerBook(), turn=turn) for n in (1, 2)]
        try:
            ana, ben = await asyncio.gather(
                *(
                    each.meet(role, CODE, drivers(), Attempt(hidden=True), make_drivers=drivers)
                    for each, role in zip(people, (Role.HOST, Role.GUEST), strict=True)
                )
            )
            assert ana.reached.transport is TransportKind.TURN
            await ana.connection.send(b"before", wait=True)
            server.kill()
            again = server.restart()
            began_s = time.monotonic()
            try:
                async with asyncio.timeout(60):
                    await asyncio.gather(
                        ana.connection.send(b"after", wait=True), ben.connection.send(b"and back", wait=True)
                    )
                    assert (await ana.connection.receive()).data == b"and back"
                    assert [(await ben.connection.receive()).data for _ in range(2)] == [b"before", b"after"]
                print(f"both relays restarted: the session went on after {time.monotonic() - began_s:.1f} s")
            finally:
                for each in people:
                    await each.close()
                again.stop()
        finally:
            for each in people:
                await each.close()
