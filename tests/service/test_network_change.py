"""What counts as another network, on a network that is changed by hand."""

import asyncio

import pytest

from netstack.model.address import Family
from netstack.net.protocol import Gateway, Interface, LinkKind
from netstack.service import network_change as module
from netstack.service.network_change import NetworkWatch

WIFI = Interface("wlan0", LinkKind.WIFI, ("192.168.1.10", "2001:db8::1", "fe80::1%2"))
OTHER = Interface("eth0", LinkKind.CABLE, ("10.0.0.5",))
VPN = Interface("tun0", LinkKind.VPN, ("10.8.0.2",))
ROUTE = Gateway("192.168.1.1", "wlan0", Family.IPV4)


class Net:
    def __init__(self):
        self.there, self.routes, self.slept_s = (WIFI,), (ROUTE,), 0.0

    def now(self):
        return asyncio.get_running_loop().time()

    def wall_time(self):
        return 1e9 + self.now() + self.slept_s

    async def interfaces(self):
        return self.there

    async def gateways(self):
        return self.routes

    async def stirred(self, timeout_s):
        await asyncio.sleep(timeout_s)


async def seen(change, monkeypatch):
    monkeypatch.setattr(module, "LOOK_EVERY_S", 0.0)
    net = Net()
    watch = NetworkWatch(net)
    await watch.begin()
    watching = asyncio.ensure_future(watch.change())  # noqa: TID251
    await asyncio.sleep(0.01)
    change(net)
    try:
        return await asyncio.wait_for(asyncio.shield(watching), 0.05)
    except TimeoutError:
        return None
    finally:
        watching.cancel()


def changes(**values):
    return lambda net: vars(net).update(values)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (changes(there=(WIFI, VPN)), "VPN was turned on"),
        (changes(routes=()), "went away"),
        (changes(there=(WIFI, OTHER), routes=(Gateway("10.0.0.1", "eth0", Family.IPV4),)), "it is eth0 now"),
        (changes(there=(Interface("wlan0", LinkKind.WIFI, ("192.168.7.3",)),)), "address changed"),
        (changes(slept_s=60.0), "slept"),
    ],
)
async def test_it_is_told_in_a_sentence(change, words, monkeypatch):
    assert words in await seen(change, monkeypatch)


@pytest.mark.parametrize(
    "change",
    [
        changes(there=(Interface("wlan0", LinkKind.WIFI, ("192.168.1.10", "2001:db8::99")),)),
        changes(there=(WIFI, OTHER)),
        changes(slept_s=1.0),
    ],
)
async def test_what_leaves_the_way_out_as_it_is_changes_nothing(change, monkeypatch):
    assert await seen(change, monkeypatch) is None
