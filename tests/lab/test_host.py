import asyncio

import pytest

from netstack.errors import NetError
from netstack.lab.nat import NatBehaviour
from netstack.lab.net import LabNet
from netstack.model.address import Address, Family
from netstack.net.protocol import LinkKind
from tests.lab.town import INSIDE, LAN, Inbox, Town, bind

FAR = Address("192.0.2.7", 9000)


async def test_ports_are_taken_once_and_freed() -> None:
    town = Town()
    host = town.host("me", "192.0.2.1")
    _, first = await bind(host, Address("192.0.2.1", 5000))
    for local in (Address("192.0.2.1", 5000), Address("0.0.0.0", 5000)):
        with pytest.raises(NetError) as caught:
            await bind(host, local)
        assert caught.value.reason is NetError.Reason.IN_USE
    first.close()
    first.close()
    _, everywhere = await bind(host, Address("0.0.0.0", 5000))
    with pytest.raises(NetError):
        await bind(host, Address("192.0.2.1", 5000))
    everywhere.close()
    with pytest.raises(NetError) as caught:
        await bind(host, Address("192.0.2.99", 0))
    assert caught.value.reason is NetError.Reason.NO_ADDRESS
    with pytest.raises(NetError) as caught:
        first.send(b"x", FAR)
    assert caught.value.reason is NetError.Reason.CLOSED


async def test_fresh_ports_are_ephemeral_and_differ() -> None:
    host = Town().host("me", "192.0.2.1")
    ports = [(await bind(host))[1].local.port for _ in range(200)]
    assert len(set(ports)) == 200
    assert min(ports) >= 32_768


async def test_two_interfaces_the_smaller_metric_first_and_a_bound_address_decides() -> None:
    town = Town()
    home = town.box("home", NatBehaviour())
    tunnel = town.box("vpn", NatBehaviour(), wan="203.0.113.200", lan="10.8.0.1")
    me = town.host("me", INSIDE, behind=home, metric=100)
    town.attach(me, "10.8.0.2", behind=tunnel, metric=10, kind=LinkKind.VPN)
    far, _ = await bind(town.host("far", FAR.host), FAR)
    seen = []
    for local in (None, Address(INSIDE, 0), Address("10.8.0.2", 0)):
        _, end = await bind(me, local)
        end.send(b"x", FAR)
        seen.append((await far.one())[1].host)
    assert seen == ["203.0.113.200", "203.0.113.101", "203.0.113.200"]
    net = LabNet(me)
    assert [(i.name, i.kind) for i in await net.interfaces()] == [
        ("lo", LinkKind.LOOPBACK),
        ("eth0", LinkKind.CABLE),
        ("tun0", LinkKind.VPN),
    ]
    assert [gateway.host for gateway in await net.gateways()] == ["10.8.0.1", LAN]
    me.interfaces[1].up = False
    me.routes_changed()
    _, end = await bind(me)
    end.send(b"x", FAR)
    assert (await far.one())[1].host == "203.0.113.101"
    assert len(await net.interfaces()) == 2


async def test_no_route_is_said_at_once() -> None:
    town = Town()
    me = town.host("me", "192.0.2.1")
    _, end = await bind(me)
    with pytest.raises(NetError) as caught:
        end.send(b"x", Address("2001:db8::1", 1))
    assert caught.value.reason is NetError.Reason.UNREACHABLE
    me.interfaces[0].up = False
    me.routes_changed()
    with pytest.raises(NetError):
        end.send(b"x", FAR)


async def test_a_firewalled_host_hears_only_answers_and_refuses_nothing() -> None:
    town = Town()
    walled = town.host("walled", "192.0.2.1", firewall=True)
    inbox, end = await bind(walled, Address("192.0.2.1", 5000))
    far, far_end = await bind(town.host("far", FAR.host), FAR)
    far_end.send(b"unasked", Address("192.0.2.1", 5000))
    far_end.send(b"closed port", Address("192.0.2.1", 5001))
    assert await inbox.one() is None
    assert await far.refusal() is None
    end.send(b"hi", FAR)
    await far.one()
    far_end.send(b"ho", Address("192.0.2.1", 5000))
    assert (await inbox.one())[0] == b"ho"


async def test_loopback_and_own_address_stay_inside() -> None:
    town = Town()
    me = town.host("me", "192.0.2.1")
    inbox, _ = await bind(me, Address("0.0.0.0", 5000))
    other, end = await bind(me)
    for host in ("127.0.0.1", "192.0.2.1"):
        end.send(b"x", Address(host, 5000))
        assert (await inbox.one())[1].host == host
    end.send(b"x", Address("127.0.0.1", 5001))
    error, _ = await other.refusal()
    assert error.reason is NetError.Reason.REFUSED
    assert town.world.links["me-internet"].ports[0].counters.sent == 0


async def test_ipv6_between_hosts() -> None:
    town = Town()
    inbox, _ = await bind(town.host("far", "2001:db8:1::7"), Address("2001:db8:1::7", 9000))
    mine = Inbox()
    end = await LabNet(town.host("me", "2001:db8:2::1")).open_datagram(mine, family=Family.IPV6)
    assert end.local.host == "::"
    end.send(b"hi", Address("2001:db8:1::7", 9000))
    assert (await inbox.one())[1] == Address("2001:db8:2::1", end.local.port)


async def test_sending_too_much_is_refused() -> None:
    _, end = await bind(Town().host("me", "192.0.2.1"))
    with pytest.raises(NetError) as caught:
        end.send(bytes(65_508), FAR)
    assert caught.value.reason is NetError.Reason.TOO_BIG


async def test_callbacks_run_on_the_host_that_opened_the_socket() -> None:
    from netstack.lab.loop import current_host, on

    town = Town()
    me, far = town.host("me", "192.0.2.1"), town.host("far", FAR.host)
    seen = []

    class Watcher(Inbox):
        def datagram_received(self, data: bytes, remote: Address, received_at_s: float) -> None:
            seen.append(current_host.get())

    await on(far, LabNet(far).open_datagram(Watcher(), local=FAR))
    _, end = await on(me, bind(me))
    end.send(b"x", FAR)
    await asyncio.sleep(1)
    assert seen == [far]
