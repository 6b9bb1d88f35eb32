"""What programs hold of a lab host: UDP sockets and TCP listeners."""

from collections.abc import Callable
from contextvars import Context, copy_context
from typing import TYPE_CHECKING

from netstack.errors import NetError
from netstack.lab.interface import HostInterface
from netstack.lab.tcp import TcpConnection, TcpUser
from netstack.model.address import Address

if TYPE_CHECKING:
    from netstack.lab.host import Host

OnDatagram = Callable[[bytes, Address, float], None]
OnError = Callable[[NetError, Address], None]


class UdpSocket:
    """A bound UDP socket. `connected`: takes datagrams of that address only."""

    __slots__ = ("_context", "_host", "connected", "df", "local", "on_datagram", "on_error", "ttl", "ways")

    def __init__(
        self, host: "Host", local: Address, on_datagram: OnDatagram, on_error: OnError | None
    ) -> None:
        self._host = host
        self.ways: dict[str, tuple[HostInterface | None, Address]] = {}
        self._context: Context = copy_context()
        self.local = local
        self.on_datagram = on_datagram
        self.on_error = on_error
        self.connected: Address | None = None
        self.df = False
        self.ttl = 64

    def send(self, data: bytes, remote: Address) -> None:
        """Sends one datagram. Raises NetError: no route, too big, closed."""
        self._host.send_udp(self, data, remote)

    def set_dont_fragment(self, on: bool) -> None:
        """Forbids, or allows, that datagrams are fragmented."""
        self.df = on

    def close(self) -> None:
        """Frees the port. May be called twice."""
        self._host.unbind(self)

    def deliver(self, data: bytes, remote: Address, now_s: float) -> None:
        """Hands a datagram over, in the context in which the socket was opened."""
        if self.connected is None or self.connected == remote:
            self._context.run(self.on_datagram, data, remote, now_s)

    def fail(self, error: NetError, remote: Address) -> None:
        """Tells that the network refused a datagram."""
        if self.on_error is not None:
            self._context.run(self.on_error, error, remote)


class TcpListener:
    """A listening TCP port; `accept` gives each connection its user."""

    def __init__(
        self, host: "Host", local: Address, accept: Callable[[TcpConnection], TcpUser | None]
    ) -> None:
        self._host = host
        self._context = copy_context()
        self._accept = accept
        self.local = local
        self.waiting = 0

    def opened(self, connection: TcpConnection) -> None:
        """A connection finished its handshake."""
        connection.user = self._context.run(self._accept, connection)

    def close(self) -> None:
        """Stops listening. May be called twice."""
        self._host.unlisten(self)
