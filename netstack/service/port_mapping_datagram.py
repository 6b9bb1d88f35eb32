"""PCP and NAT-PMP: the gateway is asked in datagrams, on one socket, one question at a time for each kind."""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from typing import TypeVar

import msgspec

from netstack.core.port_mapping import (
    Grant,
    Standing,
    Wish,
    nat_pmp_ask_wan,
    nat_pmp_map,
    pcp_announce,
    pcp_map,
    read_nat_pmp_map,
    read_nat_pmp_wan,
    read_pcp_announce,
    read_pcp_map,
)
from netstack.core.port_mapping_lease import EpochWatch
from netstack.errors import NetError
from netstack.model.address import Address
from netstack.model.port_mapping import MappingProtocol, PortMappingError
from netstack.net.protocol import DatagramEndpoint, Net
from netstack.wire import pcp

T = TypeVar("T")

SENDS_S = (0.0, 0.25, 0.75, 1.75)
ANSWER_S = 3.0

Reader = Callable[[bytes], T | None]


class GatewaySocket:
    """A socket toward the gateway's port 5351 (a `DatagramReceiver`); bytes from elsewhere are dropped."""

    def __init__(self, net: Net, gateway: str, own_host: str) -> None:
        self._net = net
        self._gateway = Address(gateway, pcp.SERVER_PORT)
        self._own = Address(own_host, 0)
        self._endpoint: DatagramEndpoint | None = None
        self._asked: list[tuple[Reader[object], asyncio.Future[object]]] = []
        self.dropped = 0

    async def open(self) -> None:
        """Binds. Raises NetError."""
        self._endpoint = await self._net.open_datagram(self, local=self._own)

    def close(self) -> None:
        """Releases the socket; who still waits gets nothing any more."""
        if self._endpoint is not None:
            self._endpoint.close()
        for _, future in self._asked:
            future.cancel()

    async def ask(self, data: bytes, read: Reader[T], *, timeout_s: float = ANSWER_S) -> T:
        """Sends until `read` accepts an answer. Raises PortMappingError: refused, or silent for `timeout_s`."""
        future: asyncio.Future[T] = asyncio.get_running_loop().create_future()
        entry = (read, future)
        self._asked.append(entry)  # type: ignore[arg-type]
        began = self._net.now()
        try:
            for until_s in (*(s for s in SENDS_S[1:] if s < timeout_s), timeout_s):
                if self._endpoint is not None:
                    with suppress(NetError):  # the next try may find a route again
                        self._endpoint.send(data, self._gateway)
                await asyncio.wait((future,), timeout=max(0.0, began + until_s - self._net.now()))
                if future.done():
                    return future.result()
            raise PortMappingError(PortMappingError.Reason.SILENT)
        finally:
            self._asked.remove(entry)  # type: ignore[arg-type]

    def datagram_received(self, data: bytes, remote: Address, received_at_s: float) -> None:
        """Finds the question that an answer of the gateway belongs to."""
        if remote != self._gateway:
            self.dropped += 1
            return
        for read, future in self._asked:
            try:
                answer = read(data)
            except PortMappingError as error:
                if not future.done():
                    future.set_exception(error)
                continue
            if answer is not None and not future.done():
                future.set_result(answer)
                return
        self.dropped += 1

    def datagram_failed(self, error: NetError, remote: Address | None) -> None:
        """ICMP: nothing listens on the gateway's port."""
        for _, future in self._asked:
            if error.reason is NetError.Reason.REFUSED and not future.done():
                silent = PortMappingError(PortMappingError.Reason.SILENT, "its port is closed")
                future.set_exception(silent)


class PcpClient:
    """Mappings by PCP (RFC 6887)."""

    protocol = MappingProtocol.PCP

    def __init__(self, net: Net, socket: GatewaySocket, own_host: str) -> None:
        self._net = net
        self._socket = socket
        self._own_host = own_host
        self._uptime = _Uptime(pcp=True)

    async def stand(self, *, timeout_s: float = ANSWER_S) -> Standing:
        """Asks whether it lives."""
        data = pcp_announce(self._own_host)
        standing = await self._socket.ask(data, read_pcp_announce, timeout_s=timeout_s)
        self._uptime.note(standing.epoch_s, self._net.now())
        return standing

    async def map(self, wish: Wish) -> Grant:
        """Makes or renews a mapping."""
        grant = await self._socket.ask(pcp_map(wish), lambda data: read_pcp_map(data, wish))
        self._uptime.granted(wish, grant.epoch_s, self._net.now())
        return grant

    async def unmap(self, wish: Wish) -> None:
        """Removes a mapping."""
        self._uptime.forget(wish)
        await self._socket.ask(pcp_map(wish, delete=True), lambda data: read_pcp_map(data, wish, delete=True))

    async def lost(self, wish: Wish) -> bool:
        """Whether the gateway has started anew since it granted the mapping."""
        await self.stand()
        return self._uptime.lost(wish)


class NatPmpClient:
    """Mappings by NAT-PMP (RFC 6886)."""

    protocol = MappingProtocol.NAT_PMP

    def __init__(self, net: Net, socket: GatewaySocket) -> None:
        self._net = net
        self._socket = socket
        self._uptime = _Uptime(pcp=False)
        self._wan: str | None = None
        self._one_at_a_time = asyncio.Lock()  # a refusal does not say which port it refuses

    async def stand(self, *, timeout_s: float = ANSWER_S) -> Standing:
        """Asks for the outside address."""
        standing = await self._socket.ask(nat_pmp_ask_wan(), read_nat_pmp_wan, timeout_s=timeout_s)
        self._uptime.note(standing.epoch_s, self._net.now())
        return standing

    async def map(self, wish: Wish) -> Grant:
        """Makes or renews a mapping; the outside address is asked for beside it."""
        async with self._one_at_a_time:
            grant = await self._socket.ask(nat_pmp_map(wish), lambda data: read_nat_pmp_map(data, wish))
        self._uptime.granted(wish, grant.epoch_s, self._net.now())
        self._wan = (await self.stand()).wan
        return msgspec.structs.replace(grant, external_host=self._wan)

    async def unmap(self, wish: Wish) -> None:
        """Removes a mapping."""
        self._uptime.forget(wish)
        async with self._one_at_a_time:
            await self._socket.ask(
                nat_pmp_map(wish, delete=True), lambda data: read_nat_pmp_map(data, wish, delete=True)
            )

    async def lost(self, wish: Wish) -> bool:
        """Whether the gateway has started anew since it granted the mapping, or has another outside address."""
        return (await self.stand()).wan != self._wan or self._uptime.lost(wish)


class _Uptime:
    """Which mappings a gateway granted before it last started anew."""

    def __init__(self, *, pcp: bool) -> None:
        self._watch = EpochWatch(pcp=pcp)
        self._starts = 0
        self._granted: dict[bytes, int] = {}

    def note(self, epoch_s: int | None, now: float) -> None:
        if epoch_s is not None and self._watch.lost_state(epoch_s, now):
            self._starts += 1

    def granted(self, wish: Wish, epoch_s: int | None, now: float) -> None:
        self.note(epoch_s, now)
        self._granted[wish.nonce] = self._starts

    def forget(self, wish: Wish) -> None:
        self._granted.pop(wish.nonce, None)

    def lost(self, wish: Wish) -> bool:
        return self._granted.get(wish.nonce, self._starts) != self._starts
