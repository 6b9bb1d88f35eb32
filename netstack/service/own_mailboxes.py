"""Mailboxes kept by this program while it runs: two meet at one of them, and nobody else's server is needed."""

import logging
from collections.abc import Callable, Container, Sequence
from typing import Final

import msgspec

from netstack.errors import NetError
from netstack.model.address import Address, Family, Scope, scope
from netstack.model.peers import MailboxesState
from netstack.model.port_mapping import Carried, PortMappingError
from netstack.net.protocol import Gateway, Interface, LinkKind, Net
from netstack.service.port_mapping import OpenMapping, PortMappingService
from netstack.service.rendezvous_host import RendezvousHost

PORT: Final = 21_080
"""The same wherever it is free, for the firewall's and the router's sake."""
MAX_HOSTS: Final = 6
SELDOM: Final = frozenset({LinkKind.VIRTUAL, LinkKind.VPN})

log = logging.getLogger(__name__)


class _Bound(msgspec.Struct, frozen=True):
    local: Address


class OwnMailboxes:
    """`open` and `close` as often as one likes. `state` None: closed. `changed` is called after it has changed."""

    def __init__(self, net: Net, changed: Callable[[], None]) -> None:
        self.state: MailboxesState | None = None
        self._net = net
        self._changed = changed
        self._host: RendezvousHost | None = None
        self._mappings: PortMappingService | None = None
        self._mapped: OpenMapping | None = None

    @property
    def ways(self) -> tuple[str, ...]:
        """How we reach them ourselves."""
        return () if self._host is None else (f"ws://127.0.0.1:{self._host.local.port}",)

    async def open(self, mappings: PortMappingService | None) -> None:
        """Serves, and lets the router send what comes from outside; None: the user has not agreed to that.

        Raises NetError.
        """
        if self._host is not None:
            return
        for port in (PORT, 0):
            host = RendezvousHost(Address("0.0.0.0", port))  # noqa: S104
            try:
                await host.open()
            except NetError as error:
                if error.reason is not NetError.Reason.IN_USE or not port:
                    raise
                continue
            self._host = host
            places = own_hosts(await self._net.interfaces(), await self._net.gateways())
            bound = host.local.port
            self.state = MailboxesState(bound, tuple(f"ws://{Address(each, bound)}" for each in places))
            self._changed()
            await self._open_outside(bound, mappings)
            return

    async def _open_outside(self, port: int, mappings: PortMappingService | None) -> None:
        if mappings is None:
            return
        try:
            mapped = await mappings.open(_Bound(Address("0.0.0.0", port)), Carried.TCP)  # noqa: S104
        except PortMappingError as error:
            log.info("the router opens no port for the mailboxes: %s", error.sentence)
            return
        if self._host is None:  # closed meanwhile
            await mappings.close_mapping(mapped)
            return
        self._mappings, self._mapped = mappings, mapped
        if self.state is not None and mapped.mapping is not None:
            self.state = msgspec.structs.replace(self.state, outside=f"ws://{mapped.mapping.external}")
            self._changed()

    async def close(self) -> None:
        """Sends everybody away and takes the router's port back. May be called twice."""
        host, self._host = self._host, None
        mapped, self._mapped = self._mapped, None
        self.state = None
        if host is not None:
            await host.close()
            self._changed()
        if mapped is not None and self._mappings is not None:
            await self._mappings.close_mapping(mapped)


def own_hosts(
    interfaces: Sequence[Interface], gateways: Sequence[Gateway], families: Container[Family] = (Family.IPV4,)
) -> list[str]:
    """Our addresses, the one that others most likely reach first; loopback where there is no network."""
    found = [
        (not any(each.is_on(interface) for each in gateways), interface.kind in SELDOM, ":" in host, host)
        for interface in interfaces
        if interface.kind is not LinkKind.LOOPBACK
        for host in interface.hosts
        if Address(host, 0).family in families and scope(host) is not Scope.LINK_LOCAL
    ]
    return [host for *_, host in sorted(found, key=lambda each: each[:3])][:MAX_HOSTS] or ["127.0.0.1"]
