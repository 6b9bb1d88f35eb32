"""Watches which networks this computer is in, and which of them cost money."""

import ipaddress
from collections.abc import Callable, Sequence
from typing import Final

from netstack.core.metered import costs, is_metered
from netstack.model.network_cost import NetworkCost
from netstack.net.protocol import Gateway, Interface, LinkKind, Net

LOOK_EVERY_S: Final = 30.0
_NONE = frozenset({LinkKind.LOOPBACK, LinkKind.VIRTUAL})


class MeteredNetworks:
    """`changed` gets the networks whenever something about them is new. `run` it as a task."""

    def __init__(self, net: Net, changed: Callable[[tuple[NetworkCost, ...]], None]) -> None:
        self._net = net
        self._changed = changed
        self._chosen: tuple[str, ...] = ()
        self._system: dict[str, bool] = {}
        self.networks: tuple[NetworkCost, ...] = ()

    def choose(self, entries: Sequence[str]) -> None:
        """The user's list, from now on."""
        self._chosen = tuple(entries)
        self._show(self.networks)

    def is_metered(self, host: str) -> bool:
        """Whether what leaves from this address of ours costs money; empty: from wherever the system sends it."""
        return is_metered(self.networks, host)

    async def run(self) -> None:
        """Looks whenever the network stirs, and from time to time."""
        while True:
            await self.look()
            await self._net.stirred(LOOK_EVERY_S)

    async def look(self) -> None:
        """Once."""
        interfaces, gateways = await self._net.interfaces(), await self._net.gateways()
        self._system = await self._net.metered()
        self._show(tuple(_network(each, gateways) for each in interfaces if each.kind not in _NONE))

    def _show(self, networks: tuple[NetworkCost, ...]) -> None:
        judged = costs(networks, self._chosen, self._system)
        if judged != self.networks:
            self.networks = judged
            self._changed(judged)


def _network(interface: Interface, gateways: Sequence[Gateway]) -> NetworkCost:
    """By its first range; link-local ones are everywhere the same."""
    ranges = [each for each in interface.networks if not ipaddress.ip_network(each).is_link_local]
    return NetworkCost(
        interface.name,
        ranges[0] if ranges else interface.name,
        tuple(host.partition("%")[0] for host in interface.hosts),
        leads=any(gateway.is_on(interface) for gateway in gateways),
    )
