"""Event loops on which unmodified asyncio libraries use the lab's network instead of the real one.

A coroutine says which host it runs on with `on(host, coroutine)`; tasks that it starts inherit it.
"""

import asyncio
import errno
import ipaddress
import socket
import ssl
from collections.abc import Awaitable, Callable, Sequence
from contextvars import ContextVar
from typing import Any, TypeVar

from netstack.errors import NetError
from netstack.lab import transports
from netstack.lab.clock import VirtualTimeLoop
from netstack.lab.host import Host
from netstack.model.address import Address

T = TypeVar("T")
P = TypeVar("P", bound=asyncio.BaseProtocol)

_NO_SOCKETS = "a lab host has no socket objects"

current_host: ContextVar[Host | None] = ContextVar("current lab host", default=None)


async def on(host: Host, work: Awaitable[T]) -> T:
    """Awaits `work` as a program that runs on `host`."""
    token = current_host.set(host)
    try:
        return await work
    finally:
        current_host.reset(token)


class LabEndpoints(asyncio.BaseEventLoop):
    """Mixin: endpoints, connections, servers and names of the current lab host; without one, the loop's own.

    Socket objects, socket options, Unix sockets, multicast, subprocesses and signals stay outside the lab.
    """

    async def create_datagram_endpoint(  # type: ignore[override]
        self,
        protocol_factory: Callable[[], P],
        local_addr: tuple[str, int] | None = None,
        remote_addr: tuple[str, int] | None = None,
        *,
        family: int = 0,
        reuse_port: bool | None = None,
        **options: Any,
    ) -> tuple[asyncio.DatagramTransport, P]:
        """A UDP endpoint of the current host."""
        host = current_host.get()
        if host is None:
            return await super().create_datagram_endpoint(
                protocol_factory, local_addr, remote_addr, family=family, reuse_port=reuse_port, **options
            )
        _refuse_sockets(options)
        remote = None if remote_addr is None else await self._address(host, remote_addr, family)
        ipv6 = family == socket.AF_INET6 or (remote is not None and ":" in remote.host)
        local = Address("::" if ipv6 else "0.0.0.0", 0)  # noqa: S104 - a virtual host
        if local_addr is not None:
            local = await self._address(host, local_addr, family)
        protocol = protocol_factory()
        try:
            transport = transports.LabDatagramTransport(
                self,
                host,
                protocol,  # type: ignore[arg-type]
                local,
                remote,
                reuse=bool(reuse_port),
            )
        except NetError as error:
            raise transports.os_error(error) from error
        protocol.connection_made(transport)
        return transport, protocol

    async def create_connection(
        self,
        protocol_factory: Callable[[], P],
        host: str | None = None,
        port: int | None = None,
        *,
        ssl: ssl.SSLContext | bool | None = None,
        family: int = 0,
        local_addr: tuple[str, int] | None = None,
        server_hostname: str | None = None,
        **options: Any,
    ) -> tuple[asyncio.Transport, P]:
        """A TCP or TLS connection of the current host; addresses of a name are tried in order."""
        lab_host = current_host.get()
        if lab_host is None:
            return await super().create_connection(  # type: ignore[misc]
                protocol_factory,
                host,  # type: ignore[arg-type]
                port,  # type: ignore[arg-type]
                ssl=ssl,
                family=family,
                local_addr=local_addr,
                server_hostname=server_hostname,
                **options,
            )
        _refuse_sockets(options)
        if host is None or port is None:
            raise ValueError("the lab needs a host and a port")
        local = None if local_addr is None else await self._address(lab_host, local_addr, family)
        failure: OSError | None = None
        for found in await self._addresses(lab_host, host, family):
            try:
                return await transports.connect(
                    lab_host,
                    protocol_factory,
                    Address(found, int(port)),
                    local=local,
                    tls=_context(ssl),
                    tls_name=server_hostname or host,
                )
            except OSError as error:
                failure = error
        raise failure or OSError(errno.EADDRNOTAVAIL, f"no address for {host}")

    async def create_server(  # type: ignore[override]
        self,
        protocol_factory: Callable[[], asyncio.BaseProtocol],
        host: str | Sequence[str] | None = None,
        port: int | None = None,
        *,
        ssl: ssl.SSLContext | None = None,
        **options: Any,
    ) -> asyncio.AbstractServer:
        """A TCP or TLS server of the current host."""
        lab_host = current_host.get()
        if lab_host is None:
            return await super().create_server(protocol_factory, host, port, ssl=ssl, **options)
        _refuse_sockets(options)
        wanted = [host] if isinstance(host, str) else list(host or ["0.0.0.0"])  # noqa: S104 - a virtual host
        listeners = []
        for name in wanted:
            local = await self._address(lab_host, (name or "0.0.0.0", port or 0), 0)  # noqa: S104
            listeners.append(transports.listen(lab_host, protocol_factory, local, ssl))
        return transports.LabServer(self, listeners)

    async def getaddrinfo(  # type: ignore[override]
        self,
        host: Any,
        port: Any,
        *,
        family: int = 0,
        type: int = 0,  # noqa: A002 - the name that asyncio gave it
        proto: int = 0,
        flags: int = 0,
    ) -> list[tuple[int, int, int, str, transports.SocketName]]:
        """Names of the lab's world."""
        lab_host = current_host.get()
        if lab_host is None:
            return await super().getaddrinfo(host, port, family=family, type=type, proto=proto, flags=flags)  # type: ignore[return-value]
        return _answers(lab_host, host, port, family, type)

    def run_in_executor(self, executor: Any, func: Callable[..., T], *args: Any) -> asyncio.Future[T]:  # type: ignore[override]
        """Answers look-ups from the lab; everything else goes where it goes on this loop."""
        lab_host = current_host.get()
        if lab_host is None or func not in {socket.gethostbyname, socket.getaddrinfo}:
            return super().run_in_executor(executor, func, *args)
        future = self.create_future()
        try:
            if func is socket.gethostbyname:
                future.set_result(_answers(lab_host, args[0], 0, socket.AF_INET, 0)[0][4][0])
            else:
                future.set_result(_answers(lab_host, *(*args, 0, 0, 0)[:4]))
        except socket.gaierror as error:
            future.set_exception(error)
        return future

    async def _addresses(self, host: Host, name: str, family: int) -> list[str]:
        await asyncio.sleep(0)
        return list(dict.fromkeys(answer[4][0] for answer in _answers(host, name, 0, family, 0)))

    async def _address(self, host: Host, name: tuple[str, int], family: int) -> Address:
        return Address((await self._addresses(host, name[0], family))[0], int(name[1]))


class LabLoop(LabEndpoints, VirtualTimeLoop):
    """The lab in virtual time."""


class RealTimeLabLoop(LabEndpoints, asyncio.SelectorEventLoop):
    """The lab in real time; what runs on no lab host uses the real network, and nothing else does."""

    async def sock_connect(self, sock: socket.socket, address: Any) -> None:
        """Not from a lab host: a socket object would reach the real network."""
        _refuse_on_a_host()
        await super().sock_connect(sock, address)

    async def sock_sendto(self, sock: socket.socket, data: Any, address: Any) -> int:
        """As `sock_connect`."""
        _refuse_on_a_host()
        return await super().sock_sendto(sock, data, address)

    def add_reader(self, fd: Any, callback: Callable[..., Any], *args: Any) -> None:  # type: ignore[override]
        """As `sock_connect`."""
        _refuse_on_a_host()
        super().add_reader(fd, callback, *args)

    def add_writer(self, fd: Any, callback: Callable[..., Any], *args: Any) -> None:  # type: ignore[override]
        """As `sock_connect`."""
        _refuse_on_a_host()
        super().add_writer(fd, callback, *args)


def _answers(
    host: Host, name: str, port: int, family: int, kind: int
) -> list[tuple[int, int, int, str, transports.SocketName]]:
    try:
        found: tuple[str, ...] = (str(ipaddress.ip_address(name)),)
    except ValueError:
        found = host.world.names.get(name.rstrip(".").lower(), ())
        if name == "localhost":
            found = ("127.0.0.1",)
    answers = []
    for address in found:
        ip_family = socket.AF_INET6 if ":" in address else socket.AF_INET
        if family in {0, ip_family}:
            name_ = transports.socket_name(Address(address, int(port or 0)))
            answers.append((int(ip_family), int(kind or socket.SOCK_STREAM), 0, "", name_))
    if not answers:
        raise socket.gaierror(socket.EAI_NONAME, f"the lab knows no host {name}")
    return answers


def _context(given: ssl.SSLContext | bool | None) -> ssl.SSLContext | None:
    return ssl.create_default_context() if given is True else (given or None)


def _refuse_sockets(options: dict[str, Any]) -> None:
    if options.get("sock") is not None:
        raise NotImplementedError(_NO_SOCKETS)


def _refuse_on_a_host() -> None:
    if current_host.get() is not None:
        raise NotImplementedError(_NO_SOCKETS)
