"""`LabNet`: one lab host's view of the network, as the whole stack takes it."""

import asyncio
import contextlib
import ipaddress
import ssl
from collections.abc import Callable

from netstack.errors import NetError
from netstack.lab import transports
from netstack.lab.host import Host
from netstack.lab.sockets import TcpListener, UdpSocket
from netstack.model.address import Address, Family
from netstack.net.plain_batch import PlainBatchEndpoint
from netstack.net.protocol import (
    BatchReceiver,
    DatagramReceiver,
    Gateway,
    HostFirewall,
    Interface,
    LinkKind,
    Stream,
    StreamReceiver,
)
from netstack.net.socket_errors import connecting, net_error
from netstack.net.system_pushed_stream import SystemPushedStream
from netstack.net.system_stream import SystemStream

EPOCH_S = 1_700_000_000.0
_LOOPBACK_MTU_BYTES = 65_536
_ANY = {Family.IPV4: "0.0.0.0", Family.IPV6: "::"}  # noqa: S104 - a virtual host


class LabNet:
    """`netstack.net.protocol.Net` on a lab host; nothing real is touched.

    Its wall clock starts at a fixed date, so that nothing in a report depends on the day.
    """

    def __init__(self, host: Host) -> None:
        self.host = host

    def now(self) -> float:
        """The running loop's clock."""
        return self.host.world.now()

    def wall_time(self) -> float:
        """Seconds since 1970: a fixed date and the time since the world began, by the host's own clock."""
        return EPOCH_S + self.host.world.now() - self.host.world.started_s + self.host.clock_off_s

    def random_bytes(self, count: int) -> bytes:
        """Seeded entropy."""
        return self.host.random.randbytes(count)

    async def open_datagram(
        self,
        receiver: DatagramReceiver,
        *,
        family: Family = Family.IPV4,
        local: Address | None = None,
        dont_fragment: bool = False,
        ttl: int | None = None,
    ) -> UdpSocket:
        """Binds a UDP socket of the host."""
        socket = self.host.bind(
            Address(_ANY[family], 0) if local is None else local,
            receiver.datagram_received,
            receiver.datagram_failed,
        )
        socket.df = dont_fragment
        if ttl is not None:
            socket.ttl = ttl
        return socket

    async def open_batch(
        self,
        receiver: BatchReceiver,
        *,
        family: Family = Family.IPV4,
        local: Address | None = None,
        ttl: int | None = None,
        interface: str | None = None,
    ) -> PlainBatchEndpoint:
        """A burst on a virtual network is its datagrams, one by one. `local` alone decides on the interface."""
        batch = PlainBatchEndpoint(receiver)
        batch.attach(await self.open_datagram(batch, family=family, local=local, dont_fragment=True, ttl=ttl))
        return batch

    async def open_stream(
        self,
        remote: Address,
        *,
        timeout_s: float,
        local: Address | None = None,
        tls: ssl.SSLContext | None = None,
        tls_name: str | None = None,
    ) -> Stream:
        """Connects TCP, then TLS where asked."""
        loop = asyncio.get_running_loop()
        reader = asyncio.StreamReader(loop=loop)
        async with connecting(remote, timeout_s):
            transport, protocol = await transports.connect(
                self.host,
                lambda: asyncio.StreamReaderProtocol(reader, loop=loop),
                remote,
                local=local,
                tls=tls,
                tls_name=(tls_name or remote.host) if tls else None,
            )
        return SystemStream(reader, asyncio.StreamWriter(transport, protocol, reader, loop))

    async def push_stream(
        self,
        receiver: StreamReceiver,
        remote: Address,
        *,
        timeout_s: float,
        tls: ssl.SSLContext | None = None,
        tls_name: str | None = None,
    ) -> None:
        """The same, handing over what comes."""
        async with connecting(remote, timeout_s):
            await transports.connect(
                self.host,
                lambda: SystemPushedStream(receiver),
                remote,
                local=None,
                tls=tls,
                tls_name=(tls_name or remote.host) if tls else None,
            )

    async def listen_stream(
        self,
        accept: Callable[[Stream], None],
        *,
        local: Address,
        tls: ssl.SSLContext | None = None,
    ) -> TcpListener:
        """Listens for TCP, or TLS, connections."""
        loop = asyncio.get_running_loop()

        def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            accept(SystemStream(reader, writer))

        def protocol() -> asyncio.StreamReaderProtocol:
            return asyncio.StreamReaderProtocol(asyncio.StreamReader(loop=loop), connected, loop=loop)

        try:
            return transports.listen(self.host, protocol, local, tls)
        except OSError as error:
            raise net_error(error, str(local)) from error

    async def resolve(self, host: str) -> tuple[str, ...]:
        """Looks the name up among the world's names."""
        with contextlib.suppress(ValueError):
            return (str(ipaddress.ip_address(host)),)
        await asyncio.sleep(0)
        if not self.host.finds_names:
            raise NetError(NetError.Reason.UNKNOWN_HOST, host)
        try:
            return self.host.world.names[host.rstrip(".").lower()]
        except KeyError:
            raise NetError(NetError.Reason.UNKNOWN_HOST, host) from None

    async def name_servers(self) -> tuple[Address, ...]:
        """Those of the scenario, where this host finds names."""
        return self.host.world.name_servers if self.host.finds_names else ()

    async def interfaces(self) -> tuple[Interface, ...]:
        """The loopback and whatever is up."""
        loopback = Interface("lo", LinkKind.LOOPBACK, ("127.0.0.1", "::1"), _LOOPBACK_MTU_BYTES)
        up = (interface for interface in self.host.interfaces if interface.up)
        return (loopback, *(Interface(i.name, i.kind, i.hosts, i.mtu_bytes) for i in up))

    async def gateways(self) -> tuple[Gateway, ...]:
        """Default gateways of what is up, best first."""
        up = sorted((i for i in self.host.interfaces if i.up), key=lambda interface: interface.metric)
        return tuple(
            Gateway(host, interface.name, Address(host, 0).family)
            for interface in up
            for host in interface.gateways
        )

    async def stirred(self, timeout_s: float) -> None:
        """It is looked at from time to time."""
        await asyncio.sleep(timeout_s)

    async def metered(self) -> dict[str, bool]:
        """The scenarios do not say."""
        return {}

    async def firewall(self) -> HostFirewall | None:
        """The scenario's."""
        return HostFirewall("the lab's", self.host.has_firewall)

    async def web_proxy(self) -> str | None:
        """Nobody has one here."""
        return None
