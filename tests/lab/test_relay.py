"""Sessions over TURN relays in the lab: both sides without UDP, real MTUs, a server that is started again."""

import asyncio
from random import Random

import pytest

from netstack.core.identity import Identity, KnownPeer
from netstack.core.turn_uri import parse_turn_uri
from netstack.lab.duel import duel
from netstack.lab.lab import Lab
from netstack.lab.scenario import TURN_PASSWORD, TURN_USERNAME
from netstack.lab.servers import server_hosts
from netstack.model.address import Address
from netstack.model.session import Mode, Priority, TransportKind
from netstack.model.turn import RelayPhase, ServerTransport, TurnCredentials
from netstack.service.peer_book import PeerBook
from netstack.service.sessions import Sessions
from netstack.transport.turn_dial import open_relay

PSK = bytes(range(32))
RELAY = parse_turn_uri("turn:relay.example")
USER = TurnCredentials(TURN_USERNAME, TURN_PASSWORD)


def world(a: str, b: str, seed: int = 1) -> Lab:
    return Lab(duel(a, b, Random(seed)), seed=seed)


class Two:
    """Anna and Ben, who know each other, each with sessions and perhaps a relay."""

    def __init__(self, lab: Lab) -> None:
        self.lab = lab
        self.nets = [lab.net("anna"), lab.net("ben")]
        anna, ben = Identity(b"\1" * 32), Identity(b"\2" * 32)
        ours, theirs = PeerBook(), PeerBook()
        ours.keep(KnownPeer(ben.public, PSK))
        theirs.keep(KnownPeer(anna.public, PSK))
        self.accepted: asyncio.Queue = asyncio.Queue()
        self.anna = Sessions(self.nets[0], anna, ours)
        self.ben = Sessions(self.nets[1], ben, theirs, self.accepted.put_nowait)

    async def relay(self, who: Sessions):
        net = self.nets[who is self.ben]
        return who.add_relay(await open_relay(net, RELAY, lambda: USER))

    async def connect(self, at: Address):
        key = self.ben.endpoint.identity.public
        ours = await self.anna.connect(at, peer_key=key, transport=TransportKind.TURN)
        return ours, await self.accepted.get()

    async def close(self) -> None:
        await self.anna.close()
        await self.ben.close()


async def restart(lab: Lab) -> None:
    for host in lab.servers["relay"]:
        await host.close()
    await asyncio.sleep(0.5)
    [part] = [part for part in lab.scenario.server if part.name == "relay"]
    lab.servers["relay"] = server_hosts(part, lab.net("relay"))
    for host in lab.servers["relay"]:
        await host.open()


def test_two_whose_udp_is_blocked_meet_on_one_server() -> None:
    async def meet(lab: Lab) -> None:
        two = Two(lab)
        ours, theirs = await two.relay(two.anna), await two.relay(two.ben)
        assert ours.relay.transport is theirs.relay.transport is ServerTransport.TCP
        await theirs.permit(ours.relayed.host)
        anna, ben = await two.connect(theirs.relayed)
        for size in (5, 70_000, 500_000):
            await anna.send(b"q" * size, Priority.REALTIME, wait=True)
            assert (await ben.receive()).data == b"q" * size
            await ben.send(b"a" * size, Priority.BULK, Mode.UNORDERED, wait=True)
            assert (await anna.receive()).data == b"a" * size
        state = ours.state()
        assert [channel.peer for channel in state.channels] == [str(theirs.relayed)]
        assert state.sent_bytes > 575_000
        assert state.received_bytes > 575_000
        await two.close()
        assert ours.state().phase is RelayPhase.RELEASED
        [server] = [s for s in lab.servers["relay"] if s._relay_hosts]
        assert not server._relays

    world("udp-blocked", "udp-blocked").run(meet)


@pytest.mark.parametrize(("kind", "most"), [("symmetric", 1468), ("udp-blocked", 1472)])
def test_what_the_session_is_told_of_the_mtu_is_what_passes(kind: str, most: int) -> None:
    async def measure(lab: Lab) -> None:
        two = Two(lab)
        ours, theirs = await two.relay(two.anna), await two.relay(two.ben)
        traits = two.anna.endpoint._links[ours.link]
        assert (traits.mtu_bytes, traits.max_mtu_bytes) == (1200, most)
        await theirs.permit(ours.relayed.host)
        await ours.relay.bind(theirs.relayed)
        came = []
        theirs.relay_received = lambda _peer, data, *_: came.append(len(data))
        for size in (1200, most, most + 1):
            ours.relay.send(bytes(size), theirs.relayed)
            await asyncio.sleep(1)
        # The lab's relays hand it over inside the server: only the ways to it count, and a stream has no MTU.
        assert came == ([1200, most] if kind == "symmetric" else [1200, most, most + 1])
        await two.close()

    world(kind, kind).run(measure)


@pytest.mark.parametrize("kind", ["udp-blocked", "symmetric"])
def test_a_server_that_is_started_again_is_recovered_from_and_the_session_goes_on(kind: str) -> None:
    async def meet(lab: Lab) -> None:
        two = Two(lab)
        ours = await two.relay(two.anna)
        at = await two.ben.open_udp()
        here = Address(lab.hosts["ben"].interfaces[0].hosts[0], at.port)
        anna, ben = await two.connect(here)
        await anna.send(b"before", wait=True)
        before = ours.relayed
        moved = []
        ours.moved = moved.append
        await restart(lab)
        async with asyncio.timeout(20):
            await anna.send(b"after", wait=True)
            await ben.send(b"and back", wait=True)
        assert [(await ben.receive()).data for _ in range(2)] == [b"before", b"after"]
        assert (await anna.receive()).data == b"and back"
        assert moved == [ours.relayed]
        assert ours.relayed != before or ours.state().recoveries == 1
        await two.close()

    world(kind, "open").run(meet)
