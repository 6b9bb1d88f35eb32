"""Tells when the network under a measurement changes: another way out, other addresses on it, a VPN, or sleep."""

from typing import Final

from netstack.model.address import Scope, scope
from netstack.net.protocol import Gateway, LinkKind, Net

LOOK_EVERY_S: Final = 1.0
SLEPT_S: Final = 5.0

Ways = tuple[tuple[Gateway, ...], frozenset[str], frozenset[str]]


async def ways_out(net: Net) -> Ways:
    """Default gateways, the IPv4 addresses of the interfaces that lead to them, and the names of VPNs.

    IPv6 addresses are left out: systems make new ones by themselves (RFC 8981).
    """
    gateways, interfaces = await net.gateways(), await net.interfaces()
    leading = [each for each in interfaces if any(gateway.is_on(each) for gateway in gateways)]
    hosts = frozenset(host for each in leading for host in each.hosts if ":" not in host)
    vpns = frozenset(each.name for each in interfaces if each.kind is LinkKind.VPN)
    return gateways, frozenset(host for host in hosts if scope(host) is not Scope.LINK_LOCAL), vpns


class NetworkWatch:
    """Remembers the network at `begin`."""

    def __init__(self, net: Net) -> None:
        self._net = net
        self._before: Ways = ((), frozenset(), frozenset())
        self._ahead_s = 0.0

    async def begin(self) -> None:
        """What it is like now is what it is compared with."""
        self._before, self._ahead_s = await ways_out(self._net), self._net.wall_time() - self._net.now()

    async def look(self) -> str:
        """What has changed since, in a sentence; empty where nothing has. A wall clock that ran ahead means sleep."""
        if self._net.wall_time() - self._net.now() - self._ahead_s > SLEPT_S:
            return "This computer slept in the middle of it."
        after = await ways_out(self._net)
        return "" if after == self._before else _difference(self._before, after)

    async def change(self) -> str:
        """Returns the sentence once something has changed; never otherwise."""
        while True:
            if change := await self.look():
                return change
            await self._net.stirred(LOOK_EVERY_S)


async def network_change(net: Net) -> str:
    """Returns, in a sentence, when the network changes from what it is now; never otherwise."""
    watch = NetworkWatch(net)
    await watch.begin()
    return await watch.change()


def _difference(before: Ways, after: Ways) -> str:
    if after[2] != before[2]:
        names = ", ".join(sorted(after[2] ^ before[2]))
        return f"A VPN was turned {'on' if after[2] > before[2] else 'off'} in the middle of it ({names})."
    if not after[0]:
        return "The way to the internet went away in the middle of it."
    if after[0] != before[0]:
        return f"The way to the internet changed in the middle of it: it is {after[0][0].interface} now."
    return "This computer's address changed in the middle of it."
