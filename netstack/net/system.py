"""The real network: `Net` on the operating system's sockets and the running asyncio loop."""

import asyncio
import contextlib
import ipaddress
import os
import socket
import ssl
import sys
import threading
import time
from collections.abc import Callable
from typing import TypeVar

from netstack.errors import NetError
from netstack.model.address import Address, Family
from netstack.net import link_news
from netstack.net.fast_udp import FastUdpEndpoint
from netstack.net.gateways import read_gateways
from netstack.net.host_firewall import read_firewall
from netstack.net.interfaces import read_interfaces
from netstack.net.network_manager import read_metered
from netstack.net.protocol import (
    BatchReceiver,
    DatagramReceiver,
    Gateway,
    HostFirewall,
    Interface,
    Stream,
    StreamReceiver,
)
from netstack.net.socket_errors import connecting, net_error
from netstack.net.system_datagram import SystemDatagramEndpoint
from netstack.net.system_pushed_stream import SystemPushedStream
from netstack.net.system_stream import SystemListener, SystemStream
from netstack.net.udp_socket import bind_udp
from netstack.net.web_proxy import read_web_proxy

DNS_PORT = 53
T = TypeVar("T")

_MAX_LOOKUPS = 16


class SystemNet:
    """The network of this computer."""

    def __init__(self) -> None:
        self._lookups = threading.BoundedSemaphore(_MAX_LOOKUPS)

    def now(self) -> float:
        """The running loop's clock, which is asyncio's for every loop; asking the loop for it costs a system call."""
        return time.monotonic()

    def wall_time(self) -> float:
        """Seconds since 1970."""
        return time.time()

    def random_bytes(self, count: int) -> bytes:
        """The system's entropy."""
        return os.urandom(count)

    async def open_datagram(
        self,
        receiver: DatagramReceiver,
        *,
        family: Family = Family.IPV4,
        local: Address | None = None,
        dont_fragment: bool = False,
        ttl: int | None = None,
    ) -> SystemDatagramEndpoint:
        """Binds a UDP socket; ICMP errors and receive stamps come from the kernel on Linux."""
        return SystemDatagramEndpoint(bind_udp(family, local, dont_fragment=dont_fragment, ttl=ttl), receiver)

    async def open_batch(
        self,
        receiver: BatchReceiver,
        *,
        family: Family = Family.IPV4,
        local: Address | None = None,
        ttl: int | None = None,
        interface: str | None = None,
    ) -> FastUdpEndpoint:
        """Binds a UDP socket for bursts: segmentation offload both ways on Linux, plain sends elsewhere."""
        socket = bind_udp(family, local, dont_fragment=True, ttl=ttl, interface=interface)
        return FastUdpEndpoint(socket, receiver)

    async def open_stream(
        self,
        remote: Address,
        *,
        timeout_s: float,
        local: Address | None = None,
        tls: ssl.SSLContext | None = None,
        tls_name: str | None = None,
    ) -> SystemStream:
        """Connects TCP, then TLS where asked."""
        async with connecting(remote, timeout_s):
            reader, writer = await asyncio.open_connection(
                remote.host,
                remote.port,
                local_addr=local,
                ssl=tls,
                server_hostname=(tls_name or remote.host) if tls else None,
            )
        return SystemStream(reader, writer)

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
            await asyncio.get_running_loop().create_connection(
                lambda: SystemPushedStream(receiver),
                remote.host,
                remote.port,
                ssl=tls,
                server_hostname=(tls_name or remote.host) if tls else None,
            )

    async def listen_stream(
        self,
        accept: Callable[[Stream], None],
        *,
        local: Address,
        tls: ssl.SSLContext | None = None,
    ) -> SystemListener:
        """Listens for TCP, or TLS, connections."""
        listener = SystemListener(accept)
        try:
            await listener.open(local, tls)
        except OSError as error:
            raise net_error(error, str(local)) from error
        return listener

    async def resolve(self, host: str) -> tuple[str, ...]:
        """Asks the system's resolver, in a thread that a slow answer cannot make us wait for."""
        try:
            return (str(ipaddress.ip_address(host)),)
        except ValueError:
            pass
        if not self._lookups.acquire(blocking=False):
            raise NetError(NetError.Reason.FAILED, "too many names are being looked up")
        return await _in_thread(lambda: _lookup(host), f"resolve {host}", self._lookups.release)

    async def name_servers(self) -> tuple[Address, ...]:
        """As the system is set up, read in a thread."""
        return await _in_thread(_read_name_servers, "name servers", lambda: None)

    async def interfaces(self) -> tuple[Interface, ...]:
        """The interfaces that are up."""
        return read_interfaces()

    async def gateways(self) -> tuple[Gateway, ...]:
        """The default gateways."""
        if sys.platform == "linux":
            return read_gateways()
        return await _in_thread(read_gateways, "gateways", lambda: None)

    async def stirred(self, timeout_s: float) -> None:
        """The kernel tells at once on Linux; elsewhere it is the time."""
        await link_news.stirred(timeout_s)

    async def metered(self) -> dict[str, bool]:
        """NetworkManager's word on Linux; nothing elsewhere."""
        return await read_metered() if sys.platform == "linux" else {}

    async def firewall(self) -> HostFirewall | None:
        """By the system's files, or as root by nft."""
        return await _in_thread(read_firewall, "firewall", lambda: None)

    async def web_proxy(self) -> str | None:
        """By the environment, or the system's settings."""
        return read_web_proxy()


def _lookup(host: str) -> tuple[str, ...]:
    try:
        found = socket.getaddrinfo(host, None, type=socket.SOCK_DGRAM)
    except (OSError, UnicodeError) as error:
        raise NetError(NetError.Reason.UNKNOWN_HOST, host) from error
    return tuple(dict.fromkeys(str(entry[4][0]) for entry in found))


async def _in_thread(work: Callable[[], T], name: str, done: Callable[[], None]) -> T:
    """Runs blocking `work` in a thread of its own.

    Not the loop's executor: that one is waited for at exit, and a resolver without a network takes 20 s.
    """
    loop = asyncio.get_running_loop()
    future: asyncio.Future[T] = loop.create_future()

    def settle(result: T | None, error: Exception | None) -> None:
        if future.done():
            return
        if error is not None:
            future.set_exception(error)
        else:
            future.set_result(result)  # type: ignore[arg-type]

    def run() -> None:
        result: T | None = None
        failed: Exception | None = None
        try:
            result = work()
        except Exception as error:
            failed = error
        finally:
            done()
        with contextlib.suppress(RuntimeError):  # the loop has closed: nobody waits any more
            loop.call_soon_threadsafe(settle, result, failed)

    threading.Thread(target=run, name=name, daemon=True).start()
    return await future


def _read_name_servers() -> tuple[Address, ...]:
    import dns.exception  # noqa: PLC0415 - needed where a TURN server has a name and no port
    import dns.resolver  # noqa: PLC0415

    try:
        texts = [str(each) for each in dns.resolver.Resolver().nameservers]
    except (dns.exception.DNSException, OSError):
        return ()
    return tuple(Address(text, DNS_PORT) for text in texts if not text.startswith("http"))
