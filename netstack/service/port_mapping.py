"""Can the router open a port for us? Finds what it speaks, maps our own bound ports, renews and removes them."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from pathlib import Path
from typing import Protocol

import msgspec

from netstack.core.port_mapping import Grant, Standing, Wish, check_wan
from netstack.core.port_mapping_lease import Change, Lease
from netstack.errors import NetError
from netstack.model.address import Address
from netstack.model.port_mapping import (
    Carried,
    MappingGateway,
    MappingProtocol,
    PortMapping,
    PortMappingError,
    Spoken,
)
from netstack.net.protocol import DatagramReceiver, Net
from netstack.service.port_mapping_datagram import GatewaySocket, NatPmpClient, PcpClient
from netstack.service.port_mapping_gateway import facing
from netstack.service.port_mapping_records import Record, Records
from netstack.service.port_mapping_upnp import UpnpClient
from netstack.tasks import TaskScope
from netstack.wire.pcp import NONCE_BYTES

PULSE_S = 60.0
DETECT_S = 3.0
CLOSE_S = 3.0
MAX_MAPPINGS = 16
_R = PortMappingError.Reason
_OUTSIDE = {_R.GATEWAY_OFFLINE, _R.NOT_PUBLIC}  # says more than the refusals that follow from it


class Bound(Protocol):
    """A socket of ours: a `DatagramEndpoint` or a `Listener`."""

    @property
    def local(self) -> Address:
        """Where it is bound."""


class MappingClient(Protocol):
    """One language. Every call raises PortMappingError."""

    @property
    def protocol(self) -> MappingProtocol:
        """Which one."""

    async def stand(self) -> Standing:
        """Whether the gateway lives, and its outside address where it tells."""

    async def map(self, wish: Wish) -> Grant:
        """Makes or renews a mapping."""

    async def unmap(self, wish: Wish) -> None:
        """Removes a mapping of ours."""

    async def lost(self, wish: Wish) -> bool:
        """Whether the mapping must be made anew."""


class OpenMapping:
    """A mapping that is kept until it is closed. `mapping` is None once it is lost, and `failure` says why."""

    def __init__(self, client: MappingClient, wish: Wish, lease: Lease, mapping: PortMapping) -> None:
        self.client = client
        self.wish = wish
        self.lease = lease
        self.mapping: PortMapping | None = mapping
        self.failure: PortMappingError | None = None


class PortMappingService:
    """The port mappings of one host on its default IPv4 gateway.

    Nothing is mapped before `allow(True)`. `on_change` is called after each mapping came, moved, was lost or ended.
    """

    def __init__(
        self, net: Net, *, records: Path | None = None, on_change: Callable[[], None] | None = None
    ) -> None:
        self._net = net
        self._records = Records(records)
        self._on_change = on_change or (lambda: None)
        self._allowed = False
        self._tasks = TaskScope("port mapping")
        self._sockets: list[GatewaySocket] = []
        self._clients: list[MappingClient] = []
        self._open: list[OpenMapping] = []
        self._keepers: dict[int, asyncio.Task[None]] = {}
        self._detecting = asyncio.Lock()
        self.gateway: MappingGateway | None = None

    @property
    def mappings(self) -> tuple[PortMapping, ...]:
        """What is open now."""
        return tuple(held.mapping for held in self._open if held.mapping is not None)

    def allow(self, allowed: bool) -> None:
        """The user's consent to ports being opened on the router, or its end (for new ones)."""
        self._allowed = allowed

    async def start(self) -> None:
        """Removes what an earlier run of ours left on this gateway; asks nothing where it left nothing."""
        wall_s = self._net.wall_time()
        left = self._records.read(wall_s)
        if not left:
            return
        with suppress(PortMappingError):
            gateway = await self.detect()
            for record in left:
                if (record.gateway, record.internal.host) == (gateway.host, gateway.own_host):
                    await self._remove_leftover(record)

    async def _remove_leftover(self, record: Record) -> None:
        if await self._in_use(record):
            return
        for client in self._clients:
            if client.protocol is record.protocol:
                wish = Wish(record.carried, record.internal, record.external_port, record.nonce)
                with suppress(PortMappingError):
                    await client.unmap(wish)
                    self._records.remove(record.nonce, self._net.wall_time())

    async def _in_use(self, record: Record) -> bool:
        """Another Peerscope on this computer may hold the port, and its mapping."""
        try:
            if record.carried is Carried.UDP:
                (await self._net.open_datagram(_Deaf(), local=record.internal)).close()
            else:
                (await self._net.listen_stream(lambda stream: stream.abort(), local=record.internal)).close()
        except NetError:
            return True
        return False

    async def detect(self, *, timeout_s: float = DETECT_S) -> MappingGateway:
        """Asks the default gateway, in all three languages at once, what it speaks; maps nothing.

        Raises PortMappingError where there is no gateway.
        """
        async with self._detecting:
            host, own_host = await facing(self._net)
            if not self._open:
                self._close_sockets()
            socket = GatewaySocket(self._net, host, own_host)
            try:
                await socket.open()
            except NetError as error:
                raise PortMappingError(_R.NO_GATEWAY, error.sentence) from error
            self._sockets.append(socket)
            pcp, nat_pmp = PcpClient(self._net, socket, own_host), NatPmpClient(self._net, socket)
            answers = await asyncio.gather(
                self._ask(pcp.protocol, pcp, pcp.stand(timeout_s=timeout_s)),
                self._ask(nat_pmp.protocol, nat_pmp, nat_pmp.stand(timeout_s=timeout_s)),
                self._ask_upnp(host, own_host, timeout_s),
            )
            self._clients = [client for client, _, _ in answers if client is not None]
            wans = [wan for _, wan, _ in answers if wan is not None]
            self.gateway = MappingGateway(
                host, own_host, wans[0] if wans else None, tuple(spoken for _, _, spoken in answers)
            )
            return self.gateway

    async def holder(self, carried: Carried, port: int) -> Address | None:
        """To whom the gateway forwards an outside port; None: it lists none. Only UPnP tells.

        Raises PortMappingError.
        """
        if not self._clients:
            await self.detect()
        for client in self._clients:
            if isinstance(client, UpnpClient):
                return await client.holder(carried, port)
        raise PortMappingError(_R.NOT_SUPPORTED)

    async def _ask(
        self, protocol: MappingProtocol, client: MappingClient, standing: Awaitable[Standing]
    ) -> tuple[MappingClient | None, str | None, Spoken]:
        try:
            wan = (await standing).wan
        except PortMappingError as error:
            spoken = Spoken(protocol, error.sentence)
            none = error.reason in {_R.NOT_SUPPORTED, _R.SILENT}
            return (None if none else client), None, spoken
        return client, wan, Spoken(protocol)

    async def _ask_upnp(
        self, host: str, own_host: str, timeout_s: float
    ) -> tuple[MappingClient | None, str | None, Spoken]:
        try:
            client = await UpnpClient.find(self._net, host, own_host, timeout_s=timeout_s)
        except PortMappingError as error:
            return None, None, Spoken(MappingProtocol.UPNP, error.sentence)
        answer = await self._ask(client.protocol, client, client.stand())
        return answer[0], answer[1], msgspec.structs.replace(answer[2], detail=client.name)

    async def open(self, bound: Bound, carried: Carried = Carried.UDP) -> OpenMapping:
        """Maps the port that `bound` holds, in the best language that grants it, and keeps the mapping.

        Raises PortMappingError.
        """
        if not self._allowed:
            raise PortMappingError(_R.NOT_ALLOWED)
        if len(self._open) >= MAX_MAPPINGS:
            raise PortMappingError(_R.NO_RESOURCES, f"at most {MAX_MAPPINGS} of ours")
        gateway = self.gateway if self.gateway and self._clients else await self.detect()
        refusals = [PortMappingError(_R.NOT_SUPPORTED)] if not self._clients else []
        for client in self._clients:
            nonce = self._net.random_bytes(NONCE_BYTES)
            internal = Address(gateway.own_host, bound.local.port)
            wish = Wish(carried, internal, bound.local.port, nonce)
            try:
                held = await self._map(client, wish)
            except PortMappingError as error:
                refusals.append(error)
                continue
            self._open.append(held)
            self._keepers[id(held)] = self._tasks.start(self._keep(held), f"keep {carried} {internal.port}")
            self._on_change()
            return held
        raise next((refusal for refusal in refusals if refusal.reason in _OUTSIDE), refusals[0])

    async def _map(self, client: MappingClient, wish: Wish) -> OpenMapping:
        self._record(client, wish)  # before it is asked for: the answer may be lost, or we
        try:
            grant = await client.map(wish)
        except PortMappingError:
            await self._unmap(client, wish)
            raise
        wish = self._granted(client, wish, grant)
        try:
            check_wan(grant.external_host)
        except PortMappingError:
            await self._unmap(client, wish)
            raise
        now = self._net.now()
        return OpenMapping(client, wish, Lease(grant, now), _mapping(client, wish, grant))

    def _granted(self, client: MappingClient, wish: Wish, grant: Grant) -> Wish:
        """The next wish is what was granted, so that a renewal keeps it."""
        granted = msgspec.structs.replace(wish, external_port=grant.external_port)
        if granted != wish:
            self._record(client, granted)
        return granted

    def _record(self, client: MappingClient, wish: Wish) -> None:
        wall_s = self._net.wall_time()
        gateway = self.gateway.host if self.gateway else ""
        record = Record(
            client.protocol,
            gateway,
            wish.carried,
            wish.internal,
            wish.external_port,
            wish.nonce,
            wall_s + wish.lifetime_s,
        )
        self._records.put(record, wall_s)

    async def _unmap(self, client: MappingClient, wish: Wish) -> None:
        with suppress(PortMappingError, TimeoutError):
            async with asyncio.timeout(CLOSE_S):
                await client.unmap(wish)
                self._records.remove(wish.nonce, self._net.wall_time())

    async def _keep(self, held: OpenMapping) -> None:
        """Renews at half of the lease, and looks once a minute whether the gateway still has it."""
        while True:
            now = self._net.now()
            await asyncio.sleep(max(0.0, min(held.lease.deadline() - now, PULSE_S)))
            if self._net.now() < held.lease.deadline():
                with suppress(PortMappingError):  # silence proves nothing before the lease is over
                    if await held.client.lost(held.wish):
                        held.lease.forgotten(self._net.now())
            elif not await self._renew(held):
                return

    async def _renew(self, held: OpenMapping) -> bool:
        """False when the mapping is over."""
        try:
            grant = await held.client.map(held.wish)
            check_wan(grant.external_host)
        except PortMappingError as error:
            if held.lease.failed(self._net.now()):
                return True
            held.mapping, held.failure = None, PortMappingError(_R.LOST, error.sentence)
            self._records.remove(held.wish.nonce, self._net.wall_time())
            self._on_change()
            return False
        change = held.lease.granted(grant, self._net.now())
        held.wish = self._granted(held.client, held.wish, grant)
        self._record(held.client, held.wish)
        held.mapping = _mapping(held.client, held.wish, grant)
        if change is Change.MOVED:
            self._on_change()
        return True

    async def close_mapping(self, held: OpenMapping) -> None:
        """Removes one mapping from the gateway, within 3 s. May be called twice."""
        if held not in self._open:
            return
        self._open.remove(held)
        keeper = self._keepers.pop(id(held))
        keeper.cancel()
        await asyncio.wait((keeper,))
        if held.mapping is not None:
            held.mapping = None
            await self._unmap(held.client, held.wish)
            self._on_change()

    async def close(self) -> None:
        """Removes every mapping, all at once. May be called twice."""
        await asyncio.gather(*(self.close_mapping(held) for held in tuple(self._open)))
        await self._tasks.close()
        self._close_sockets()

    def _close_sockets(self) -> None:
        for socket in self._sockets:
            socket.close()
        self._sockets.clear()
        self._clients = []


class _Deaf(DatagramReceiver):
    """Takes a port for a moment, to see whether it is free."""

    def datagram_received(self, data: bytes, remote: Address, received_at_s: float) -> None:
        """Nothing is awaited."""

    def datagram_failed(self, error: NetError, remote: Address | None) -> None:
        """Nothing was sent."""


def _mapping(client: MappingClient, wish: Wish, grant: Grant) -> PortMapping:
    external = Address(grant.external_host or "", grant.external_port)
    return PortMapping(client.protocol, wish.carried, wish.internal, external, grant.lifetime_s)
