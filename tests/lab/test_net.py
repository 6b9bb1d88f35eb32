import asyncio
import ssl

import pytest

from netstack.errors import NetError
from netstack.lab.net import LabNet
from netstack.model.address import Address
from netstack.net.protocol import Net
from tests.lab.certificates import contexts
from tests.lab.town import Town

FAR = Address("192.0.2.7", 443)


def as_net(net: Net) -> Net:
    return net


async def test_the_clock_is_the_loops_and_the_date_is_fixed() -> None:
    net = as_net(LabNet(Town().host("me", "192.0.2.1")))
    began_s = net.wall_time()
    await asyncio.sleep(90)
    assert net.now() == asyncio.get_running_loop().time() == pytest.approx(90)
    assert net.wall_time() - began_s == pytest.approx(90)
    assert began_s == 1_700_000_000


async def test_entropy_comes_from_the_seed() -> None:
    draws = [LabNet(Town(seed=seed).host("me", "192.0.2.1")).random_bytes(16) for seed in (1, 1, 2)]
    assert draws[0] == draws[1] != draws[2]
    town = Town(seed=1)
    assert LabNet(town.host("a", "192.0.2.1")).random_bytes(8) != LabNet(
        town.host("b", "192.0.2.2")
    ).random_bytes(8)


async def test_names() -> None:
    town = Town()
    town.world.names["stun.example"] = ("203.0.113.10", "2001:db8:ff::10")
    net = LabNet(town.host("me", "192.0.2.1"))
    assert await net.resolve("STUN.example.") == ("203.0.113.10", "2001:db8:ff::10")
    assert await net.resolve("2001:DB8::1") == ("2001:db8::1",)
    with pytest.raises(NetError) as caught:
        await net.resolve("nowhere.example")
    assert caught.value.reason is NetError.Reason.UNKNOWN_HOST


async def test_tls_over_a_lab_stream() -> None:
    server_tls, client_tls = contexts("relay.example")
    town = Town()
    me, far = LabNet(town.host("me", "192.0.2.1")), LabNet(town.host("far", FAR.host))
    accepted: asyncio.Queue = asyncio.Queue()
    await far.listen_stream(accepted.put_nowait, local=FAR, tls=server_tls)
    async with asyncio.timeout(30):
        ours = await me.open_stream(FAR, timeout_s=5, tls=client_tls, tls_name="relay.example")
        theirs = await accepted.get()
        ours.write(b"secret" * 20_000)
        await ours.drain()
        got = b""
        while len(got) < 120_000:
            got += await theirs.read(65_536)
        assert got == b"secret" * 20_000
        theirs.write(b"bye")
        theirs.close()
        assert await ours.read(10) == b"bye"
        assert await ours.read(10) == b""
        ours.close()
        await ours.wait_closed()
        await theirs.wait_closed()


async def test_a_certificate_of_somebody_else_is_refused() -> None:
    server_tls, _ = contexts("somebody.example")
    town = Town()
    me, far = LabNet(town.host("me", "192.0.2.1")), LabNet(town.host("far", FAR.host))
    await far.listen_stream(lambda stream: stream.abort(), local=FAR, tls=server_tls)
    with pytest.raises(NetError) as caught:
        await me.open_stream(FAR, timeout_s=5, tls=ssl.create_default_context(), tls_name="relay.example")
    assert caught.value.reason is NetError.Reason.TLS
    await asyncio.sleep(1)  # the server hears of it


async def test_a_server_that_never_shakes_hands_times_out() -> None:
    _, client_tls = contexts("relay.example")
    town = Town()
    me, far = LabNet(town.host("me", "192.0.2.1")), LabNet(town.host("far", FAR.host))
    silent = []
    await far.listen_stream(silent.append, local=FAR)
    with pytest.raises(NetError) as caught:
        await me.open_stream(FAR, timeout_s=5, tls=client_tls, tls_name="relay.example")
    assert caught.value.reason is NetError.Reason.TIMED_OUT
    for stream in silent:
        stream.abort()


async def test_cancelling_a_connection_leaves_nothing() -> None:
    town = Town()
    me = town.host("me", "192.0.2.1")
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.5):
            await LabNet(me).open_stream(Address("192.0.2.99", 1), timeout_s=60)
    await asyncio.sleep(0)
    assert not me._connections


async def test_who_writes_on_although_it_is_full_is_told_once() -> None:
    town = Town()
    me, far = LabNet(town.host("me", "192.0.2.1")), LabNet(town.host("far", FAR.host))
    theirs = []
    await far.listen_stream(theirs.append, local=FAR)
    ours = await me.open_stream(FAR, timeout_s=5)
    for _ in range(40):
        ours.write(bytes(100_000))
    ours.close()
    await asyncio.sleep(0.1)
    got = 0
    while data := await theirs[0].read(65_536):
        got += len(data)
    assert got == 4_000_000
    theirs[0].close()
    await ours.wait_closed()
    await theirs[0].wait_closed()
