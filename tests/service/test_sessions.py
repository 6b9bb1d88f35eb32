"""Real sessions over loopback: UDP and TCP, small and large, and every ending."""

import asyncio

import pytest

from netstack.core import handshake
from netstack.core.identity import Identity, KnownPeer
from netstack.errors import NetError
from netstack.model.address import Address
from netstack.model.session import CloseReason, Flow, LinkTraits, Mode, Priority, SessionError, TransportKind
from netstack.net.system import SystemNet
from netstack.service import tcp_dialling
from netstack.service.peer_book import PeerBook
from netstack.service.sessions import Sessions
from netstack.tasks import TaskScope

PSK = bytes(range(32))
ANY = Address("127.0.0.1", 0)


class Pair:
    """Ana and Ben know each other; Ben listens."""

    def __init__(self, transport):
        self.transport = transport
        self.accepted = asyncio.Queue()

    async def __aenter__(self):
        net = SystemNet()
        ana, ben = Identity(b"\1" * 32), Identity(b"\2" * 32)
        ours, theirs = PeerBook(), PeerBook()
        ours.keep(KnownPeer(ben.public, PSK))
        theirs.keep(KnownPeer(ana.public, PSK))
        self.ana, self.ben = Sessions(net, ana, ours), Sessions(net, ben, theirs, self.accepted.put_nowait)
        if self.transport is TransportKind.UDP:
            self.at = await self.ben.open_udp(local=ANY)
            await self.ana.open_udp(local=ANY)
        else:
            self.at = await self.ben.open_tcp(local=ANY)
        return self

    async def connect(self):
        key = self.ben.endpoint.identity.public
        ours = await self.ana.connect(self.at, peer_key=key, transport=self.transport)
        return ours, await self.accepted.get()

    async def __aexit__(self, *_):
        await self.ana.close()
        await self.ben.close()
        await self.ana.close()


both = pytest.mark.parametrize("transport", [TransportKind.UDP, TransportKind.TCP])


@both
async def test_talk(transport):
    async with Pair(transport) as pair:
        ours, theirs = await pair.connect()
        assert (await ours.established()).safety_digits == (await theirs.established()).safety_digits
        for size in (0, 5, 1200, 70_000, 3_000_000):
            await ours.send(b"q" * size, Priority.REALTIME)
            assert (await theirs.receive()).data == b"q" * size
            await theirs.send(b"a" * size, Priority.BULK, Mode.UNORDERED, wait=True)
            assert (await ours.receive()).data == b"a" * size


@both
async def test_a_first_meeting(transport):
    async with Pair(transport) as pair:
        pair.ben.invite(b"\7" * 32)
        ours = await pair.ana.connect(pair.at, psk=b"\7" * 32, transport=transport)
        theirs = await pair.accepted.get()
        await ours.send(b"pleased")
        assert (await theirs.receive()).data == b"pleased"


@both
async def test_good_bye_ends_every_waiter(transport):
    async with Pair(transport) as pair, TaskScope("waiters") as tasks:
        ours, theirs = await pair.connect()
        ends = []

        async def wait(connection):
            try:
                await connection.receive()
            except SessionError as error:
                ends.append(error.reason)

        waiting = [tasks.start(wait(each), "wait") for each in (ours, theirs)]
        await asyncio.sleep(0)
        theirs.close()
        await asyncio.gather(*waiting)
        assert ends == [SessionError.Reason.CLOSED] * 2
        with pytest.raises(SessionError):
            await ours.send(b"too late")


@both
async def test_who_does_not_read_stops_the_sender_and_loses_nothing(transport):
    async with Pair(transport) as pair:
        ours, theirs = await pair.connect()
        sent = 0

        async def send():
            nonlocal sent
            while True:
                await ours.send(sent.to_bytes(4, "big") * (1 << 16), Priority.BULK)
                sent += 1

        with pytest.raises(TimeoutError):
            await asyncio.wait_for(send(), 1.5)
        await asyncio.sleep(0.3)
        assert sum(len(message.data) for message in theirs._messages) < 8 << 20
        stuck = sent
        assert stuck < 250
        for number in range(stuck):
            assert (await theirs.receive()).data == number.to_bytes(4, "big") * (1 << 16)


async def test_wrong_code_and_nobody_there():
    async with Pair(TransportKind.UDP) as pair:
        pair.ben.invite(PSK)
        with pytest.raises(SessionError) as refused:
            await pair.ana.connect(pair.at, psk=bytes(32))
        assert refused.value.reason is SessionError.Reason.REFUSED
        with pytest.raises(SessionError) as stranger:
            await pair.ana.connect(pair.at, peer_key=b"\11" * 32)
        assert stranger.value.reason is SessionError.Reason.WRONG_KEY
        with pytest.raises(SessionError):
            await pair.ana.connect(pair.at, psk=PSK, transport=TransportKind.BLE)


async def test_a_cancelled_dial_leaves_nothing():
    async with Pair(TransportKind.UDP) as pair:
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(pair.ana.connect(Address("127.0.0.1", 9), psk=PSK), 0.2)
        assert pair.ana.endpoint.deadline(0.0) is None
        assert not pair.ana._connections


async def test_a_refused_tcp_connection_is_a_net_error():
    async with Pair(TransportKind.TCP) as pair:
        at = pair.at
        await pair.ben.close()
        with pytest.raises(NetError):
            await pair.ana.connect(at, psk=PSK, transport=TransportKind.TCP)


async def arrives(connection, data):
    async with asyncio.timeout(10.0):
        assert (await connection.receive()).data == data


@pytest.mark.parametrize("who", ["ana", "ben"])
async def test_a_cut_tcp_connection_is_dialled_again_and_the_session_goes_on(who):
    async with Pair(TransportKind.TCP) as pair:
        ours, theirs = await pair.connect()
        await ours.send(b"before")
        await arrives(theirs, b"before")
        for turn in range(2):
            tcp = getattr(pair, who)._tcp
            [link] = tcp._links
            tcp.drop(link)
            await ours.send(b"there %d" % turn)
            await theirs.send(b"back %d" % turn)
            await arrives(theirs, b"there %d" % turn)
            await arrives(ours, b"back %d" % turn)
        assert not ours.closed
        assert pair.accepted.empty()


async def test_a_session_waits_for_a_server_that_comes_back():
    async with Pair(TransportKind.TCP) as pair:
        ours, theirs = await pair.connect()
        pair.ben._tcp._listeners[0].close()
        [link] = pair.ana._tcp._links
        pair.ana._tcp.drop(link)
        await ours.send(b"while nobody listens")
        await asyncio.sleep(0.2)
        assert not pair.ana._tcp._links
        await pair.ben._tcp.listen(pair.at)
        await arrives(theirs, b"while nobody listens")


async def test_who_is_gone_for_good_is_not_dialled_for_ever(monkeypatch):
    monkeypatch.setattr(tcp_dialling, "PAUSES_S", (0.0, 0.01, 0.01))
    async with Pair(TransportKind.TCP) as pair:
        ours, _ = await pair.connect()
        at = pair.at
        await pair.ben.close()
        with pytest.raises(SessionError):  # it said good-bye
            await asyncio.wait_for(ours.receive(), 5.0)
        assert not pair.ana._dialling._dialled
        with pytest.raises(NetError):
            await pair.ana.connect(at, psk=PSK, transport=TransportKind.TCP)


async def test_the_next_session_takes_the_connection_that_is_open():
    async with Pair(TransportKind.TCP) as pair:
        first, _ = await pair.connect()
        first.close()
        second, theirs = await pair.connect()
        await second.send(b"over the same")
        await arrives(theirs, b"over the same")
        assert len(pair.ben._tcp._links) == 1
        reused, saved_s = pair.ana.reused_streams()
        assert reused == 1
        assert saved_s > 0
        key = pair.ben.endpoint.identity.public
        await pair.ana.connect(pair.at, peer_key=key, transport=TransportKind.TCP, reuse=False)
        assert len(pair.ben._tcp._links) == 2


async def test_an_open_connection_where_nobody_answers_is_replaced(monkeypatch):
    monkeypatch.setattr(handshake, "GIVE_UP_S", 0.2)
    async with Pair(TransportKind.TCP) as pair:
        first, _ = await pair.connect()
        [stale] = pair.ana._tcp._links
        # Half open: what is written goes nowhere.
        monkeypatch.setattr(pair.ana._tcp._links[stale].stream, "write", lambda _: None)
        first.session.abort(CloseReason.DONE)
        second, theirs = await pair.connect()
        await second.send(b"over a new one")
        await arrives(theirs, b"over a new one")
        assert stale not in pair.ana._tcp._links


async def test_a_name_is_looked_up():
    async with Pair(TransportKind.TCP) as pair:
        key = pair.ben.endpoint.identity.public
        at = Address("localhost", pair.at.port)
        ours = await pair.ana.connect(at, peer_key=key, transport=TransportKind.TCP)
        await ours.send(b"hello")
        await arrives(await pair.accepted.get(), b"hello")


async def test_garbage_on_a_stream_ends_it():
    async with Pair(TransportKind.TCP) as pair:
        reader, writer = await asyncio.open_connection(*pair.at)
        writer.write(b"GET / HTTP/1.1\r\n\r\n")
        assert await reader.read() == b""
        writer.close()
        await writer.wait_closed()
        await asyncio.sleep(0)
        assert not pair.ben._tcp._links


async def test_peers_are_written_down(tmp_path):
    net = SystemNet()
    book = PeerBook(tmp_path)
    host = Sessions(net, Identity(b"\2" * 32), book)
    guest = Sessions(net, Identity(b"\1" * 32), PeerBook())
    at = await host.open_udp(local=ANY)
    await guest.open_udp(local=ANY)
    host.invite(PSK)
    await guest.connect(at, psk=PSK)
    await guest.close()
    await host.close()
    key = guest.endpoint.identity.public
    assert PeerBook(tmp_path).get(key) == book.get(key)
    assert book.get(key).psk != PSK


class Wire:
    """A transport of one link that hands its bursts to another one's receiver."""

    kind = TransportKind.WEBRTC

    def __init__(self, receiver, new_link):
        self.receiver, self.link, self.far = receiver, new_link(), None
        receiver.link_opened(self.link, LinkTraits(self.kind, 1200, 1200))

    def carries(self, link):
        return link == self.link

    def send(self, transmit):
        far = self.far
        data, segment_bytes = bytes(transmit.data), transmit.segment_bytes
        asyncio.get_running_loop().call_soon(
            lambda: far.receiver.packets_received(data, Flow(far.link), segment_bytes, None)
        )
        return True

    async def close(self):
        self.receiver.link_lost(self.link)


async def test_a_transport_of_any_other_kind_carries_sessions():
    net, accepted = SystemNet(), asyncio.Queue()
    ana = Sessions(net, Identity(b"\1" * 32), PeerBook())
    ben = Sessions(net, Identity(b"\2" * 32), PeerBook(), accepted.put_nowait)
    try:
        here, there = ana.add_transport(Wire), ben.add_transport(Wire)
        here.far, there.far = there, here
        ben.invite(PSK)
        ours = await ana.connect_over(Flow(here.link), psk=PSK)
        theirs = await accepted.get()
        await ours.send(b"q" * 10_000)
        assert (await theirs.receive()).data == b"q" * 10_000
    finally:
        await ana.close()
        await ben.close()
