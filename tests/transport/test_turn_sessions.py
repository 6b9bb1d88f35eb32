"""Sessions over relays of coturn: both sides relayed, and a server that dies under a session."""

import asyncio

import pytest

from netstack.core.identity import Identity, KnownPeer
from netstack.core.turn_uri import TurnUri
from netstack.model.address import Address
from netstack.model.session import Mode, Priority, TransportKind
from netstack.model.turn import ServerTransport
from netstack.net.system import SystemNet
from netstack.service.peer_book import PeerBook
from netstack.service.sessions import Sessions
from netstack.transport.turn_dial import open_relay
from tests.coturn import USER, coturn, needs_coturn

pytestmark = needs_coturn
PSK = bytes(range(32))
UDP, TCP, _ = ServerTransport


class Pair:
    def __init__(self, server, transport):
        self.server, self.transport = server, transport
        self.accepted = asyncio.Queue()

    async def __aenter__(self):
        self.net = SystemNet()
        ana, ben = Identity(b"\1" * 32), Identity(b"\2" * 32)
        ours, theirs = PeerBook(), PeerBook()
        ours.keep(KnownPeer(ben.public, PSK))
        theirs.keep(KnownPeer(ana.public, PSK))
        self.ana = Sessions(self.net, ana, ours)
        self.ben = Sessions(self.net, ben, theirs, self.accepted.put_nowait)
        return self

    async def relay(self, who):
        uri = TurnUri("127.0.0.1", transport=self.transport)
        return who.add_relay(await open_relay(self.net, uri, lambda: USER, servers=(self.server.udp,)))

    async def connect(self, at):
        key = self.ben.endpoint.identity.public
        ours = await self.ana.connect(at, peer_key=key, transport=TransportKind.TURN)
        return ours, await self.accepted.get()

    async def __aexit__(self, *_):
        await self.ana.close()
        await self.ben.close()


@pytest.mark.parametrize("transport", [UDP, TCP])
async def test_both_sides_relayed(transport):
    with coturn() as server:
        async with Pair(server, transport) as pair:
            ours, theirs = await pair.relay(pair.ana), await pair.relay(pair.ben)
            await theirs.permit(ours.relayed.host)
            ana, ben = await pair.connect(theirs.relayed)
            for size in (0, 5, 1200, 70_000, 3_000_000):
                await ana.send(b"q" * size, Priority.REALTIME)
                assert (await ben.receive()).data == b"q" * size
                await ben.send(b"a" * size, Priority.BULK, Mode.UNORDERED, wait=True)
                assert (await ana.receive()).data == b"a" * size
            assert ours.state().received_bytes > 3_000_000


@pytest.mark.parametrize("transport", [UDP, TCP])
async def test_a_server_killed_and_started_again_mid_session(transport):
    with coturn() as server:
        async with Pair(server, transport) as pair:
            ours = await pair.relay(pair.ana)
            at = await pair.ben.open_udp(local=Address("127.0.0.1", 0))
            ana, ben = await pair.connect(at)
            await ana.send(b"before", wait=True)
            server.kill()
            again = server.restart()
            try:
                async with asyncio.timeout(20):
                    await ana.send(b"after", wait=True)
                    await ben.send(b"and back", wait=True)
                    assert (await ana.receive()).data == b"and back"
                assert [(await ben.receive()).data for _ in range(2)] == [b"before", b"after"]
                assert ours.state().recoveries == 1
            finally:
                await pair.__aexit__()
                again.stop()
