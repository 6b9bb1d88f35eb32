"""A computer in the lab: interfaces, routes, UDP sockets and TCP connections."""

import ipaddress
from collections.abc import Callable
from typing import TYPE_CHECKING

from netstack.errors import NetError
from netstack.lab.interface import HostInterface
from netstack.lab.link import Port
from netstack.lab.nat import NatBehaviour, NatTable
from netstack.lab.packet import (
    ICMP,
    TCP,
    TCP_HEADER_BYTES,
    UDP,
    UDP_HEADER_BYTES,
    Icmp,
    IcmpKind,
    Packet,
    Segment,
    icmp_error,
    ip_header_bytes,
)
from netstack.lab.sockets import OnDatagram, OnError, TcpListener, UdpSocket
from netstack.lab.tcp import TcpConnection, TcpUser
from netstack.lab.tcp_sender import ACK, FIN, RST, SYN
from netstack.model.address import Address
from netstack.model.nat import Mapping
from netstack.net.protocol import LinkKind

if TYPE_CHECKING:
    from netstack.lab.world import World

_EPHEMERAL = (32_768, 60_999)
_LOOPBACK_S = 10e-6
_MAX_UDP_BYTES = 65_507
_MAX_WAYS = 4096
_MAX_BACKLOG = 128
_WILDCARD = {False: "0.0.0.0", True: "::"}  # noqa: S104 - a virtual host
_STEMS = {LinkKind.WIFI: "wlan", LinkKind.VPN: "tun"}
_LOOPBACK = {False: "127.0.0.1", True: "::1"}

Reason = NetError.Reason


class Host:
    """One computer. It answers only for its own addresses and forwards nothing.

    A socket bound to an address leaves by the interface that has it. `firewall` lets in only answers.
    """

    def __init__(self, world: "World", name: str, *, firewall: bool = False) -> None:
        self.world = world
        self.name = name
        self.interfaces: list[HostInterface] = []
        self.path_mtu: dict[str, int] = {}
        self.random = world.random(f"host {name}")
        self._addresses: dict[str, HostInterface | None] = {"127.0.0.1": None, "::1": None}
        self._udp: dict[Address, UdpSocket] = {}
        self._udp_ports: dict[tuple[bool, int], int] = {}
        self._listeners: dict[Address, TcpListener] = {}
        self._connections: dict[tuple[Address, Address], TcpConnection] = {}
        self._passive: dict[TcpConnection, TcpListener] = {}
        self._ways: dict[tuple[str, str], tuple[HostInterface | None, str]] = {}
        self.clock_off_s = 0.0
        self.finds_names = True
        self._firewall: dict[str, NatTable] = {}
        if firewall:
            rules = NatBehaviour(mapping=Mapping.NONE)
            self._firewall = {proto: NatTable(proto, rules, "", self.random) for proto in (UDP, TCP)}

    @property
    def has_firewall(self) -> bool:
        """Whether only answers come in."""
        return bool(self._firewall)

    def add_interface(
        self,
        port: Port,
        hosts: tuple[str, ...],
        *,
        prefixes: tuple[str, ...] = (),
        gateways: tuple[str, ...] = (),
        kind: LinkKind = LinkKind.CABLE,
        metric: int = 100,
        mtu_bytes: int = 1500,
    ) -> HostInterface:
        """Adds an interface that is up; it is called eth0, wlan0, tun0, ..."""
        stem = _STEMS.get(kind, "eth")
        name = f"{stem}{sum(interface.name.startswith(stem) for interface in self.interfaces)}"
        interface = HostInterface(name, kind, hosts, prefixes, gateways, port, metric, mtu_bytes)
        self.interfaces.append(interface)
        self._addresses.update(dict.fromkeys(hosts, interface))
        self.routes_changed()
        return interface

    def routes_changed(self) -> None:
        """Forgets cached routes, after an interface went up or down."""
        self._ways.clear()
        for socket in self._udp.values():
            socket.ways.clear()

    # sockets

    def bind(
        self, local: Address, on_datagram: OnDatagram, on_error: OnError | None = None, *, reuse: bool = False
    ) -> UdpSocket:
        """Binds UDP; port 0: a free one. Raises NetError IN_USE or NO_ADDRESS."""
        ipv6 = ":" in local.host
        wildcard = _WILDCARD[ipv6]
        if local.host != wildcard and local.host not in self._addresses:
            raise NetError(Reason.NO_ADDRESS, local.host)
        if local.port == 0:
            local = Address(local.host, self._free_port(lambda port: (ipv6, port) not in self._udp_ports))
        taken = local in self._udp if reuse else self._conflicts(local, wildcard)
        if taken:
            raise NetError(Reason.IN_USE, str(local))
        socket = UdpSocket(self, local, on_datagram, on_error)
        self._udp[local] = socket
        self._udp_ports[ipv6, local.port] = self._udp_ports.get((ipv6, local.port), 0) + 1
        return socket

    def unbind(self, socket: UdpSocket) -> None:
        """Frees a socket's port."""
        if self._udp.get(socket.local) is not socket:
            return
        del self._udp[socket.local]
        key = (":" in socket.local.host, socket.local.port)
        self._udp_ports[key] -= 1
        if not self._udp_ports[key]:
            del self._udp_ports[key]

    def connect(self, remote: Address, user: TcpUser, local: Address | None = None) -> TcpConnection:
        """Begins a TCP connection. Raises NetError: no route, no such address, in use."""
        ipv6 = ":" in remote.host
        bound = _WILDCARD[ipv6] if local is None else local.host
        interface, src = self._way(bound, remote.host)
        port = 0 if local is None else local.port
        if not port:
            port = self._free_port(lambda port: (Address(src, port), remote) not in self._connections)
        local = Address(src, port)
        if (local, remote) in self._connections:
            raise NetError(Reason.IN_USE, str(local))
        connection = TcpConnection(self, local, remote, self._mss(interface, ipv6), user)
        self._connections[local, remote] = connection
        connection.connect()
        return connection

    def listen(self, local: Address, accept: Callable[[TcpConnection], TcpUser | None]) -> TcpListener:
        """Listens for TCP; port 0: a free one. Raises NetError IN_USE or NO_ADDRESS."""
        wildcard = _WILDCARD[":" in local.host]
        if local.host != wildcard and local.host not in self._addresses:
            raise NetError(Reason.NO_ADDRESS, local.host)
        if local.port == 0:
            local = Address(
                local.host, self._free_port(lambda port: Address(local.host, port) not in self._listeners)
            )
        if local in self._listeners:
            raise NetError(Reason.IN_USE, str(local))
        listener = self._listeners[local] = TcpListener(self, local, accept)
        return listener

    def unlisten(self, listener: TcpListener) -> None:
        """Stops a listener."""
        if self._listeners.get(listener.local) is listener:
            del self._listeners[listener.local]

    def vanish(self) -> None:
        """Forgets every connection without telling the other side: half-open from now on."""
        for connection in list(self._connections.values()):
            connection.forget()

    def _conflicts(self, local: Address, wildcard: str) -> bool:
        if local.host == wildcard:
            return (":" in wildcard, local.port) in self._udp_ports
        return local in self._udp or Address(wildcard, local.port) in self._udp

    # sending

    def send_udp(self, socket: UdpSocket, data: bytes, remote: Address) -> None:
        """Sends one datagram of a socket."""
        local = socket.local
        ways = socket.ways
        if self._udp.get(local) is not socket:
            raise NetError(Reason.CLOSED, str(local))
        found = ways.get(remote.host)
        if found is None:
            interface, src = self._way(local.host, remote.host)
            if len(ways) >= _MAX_WAYS:
                ways.clear()
            found = ways[remote.host] = (interface, Address(src, local.port))
        interface, source = found
        if len(data) > _MAX_UDP_BYTES:
            raise NetError(Reason.TOO_BIG, f"{len(data)} B")
        size_bytes = ip_header_bytes(remote.host) + UDP_HEADER_BYTES + len(data)
        packet = Packet(UDP, source, remote, data, size_bytes, socket.df, socket.ttl)
        self._emit(packet, interface)

    def send_segment(self, local: Address, remote: Address, segment: Segment) -> None:
        """Sends a TCP segment; one without a route is lost."""
        try:
            interface, _ = self._way(local.host, remote.host)
        except NetError:
            return
        size_bytes = ip_header_bytes(remote.host) + TCP_HEADER_BYTES + len(segment.data)
        self._emit(Packet(TCP, local, remote, segment, size_bytes), interface)

    def send_reset(self, local: Address, remote: Address, segment: Segment) -> None:
        """Answers a segment that belongs to no connection (RFC 9293 section 3.10.7.1)."""
        length = len(segment.data) + bool(segment.flags & (SYN | FIN))
        seq = segment.ack if segment.flags & ACK else 0
        self.send_segment(local, remote, Segment(RST | ACK, seq, segment.seq + length, 0))

    def _emit(self, packet: Packet, interface: HostInterface | None) -> None:
        if interface is None:
            self.world.at(self.world.now() + _LOOPBACK_S, self._receive, packet)
            return
        mtu_bytes = interface.mtu_bytes
        if packet.size_bytes > mtu_bytes and packet.proto is UDP:
            if packet.df:
                raise NetError(Reason.TOO_BIG, f"{packet.size_bytes} B on a link of {mtu_bytes} B")
            packet.largest_bytes = mtu_bytes
        if not packet.df and (mtu_bytes := self.path_mtu.get(packet.dst.host, 0)):
            packet.largest_bytes = min(packet.largest_bytes, mtu_bytes)
        if self._firewall and packet.proto is not ICMP:
            self._firewall[packet.proto].outbound(packet.src, packet.dst, self.world.now())
        interface.port.send(packet)

    def _way(self, bound: str, remote: str) -> tuple[HostInterface | None, str]:
        """The interface (None: stays inside) and source address from a bound host to a remote one."""
        try:
            return self._ways[bound, remote]
        except KeyError:
            pass
        if len(self._ways) >= _MAX_WAYS:
            self._ways.clear()
        way = self._ways[bound, remote] = self._find_way(bound, remote)
        return way

    def _find_way(self, bound: str, remote: str) -> tuple[HostInterface | None, str]:
        ip = ipaddress.ip_address(remote)
        ipv6 = ip.version == 6
        anywhere = bound == _WILDCARD[ipv6]
        if (":" in bound) != ipv6:
            raise NetError(Reason.UNREACHABLE, f"{remote} from {bound}")
        if remote in self._addresses:
            return None, remote if anywhere else bound
        if ip.is_loopback:
            return None, _LOOPBACK[ipv6] if anywhere else bound
        best: tuple[int, int, HostInterface] | None = None
        for interface in self.interfaces:
            if not interface.up or not (anywhere or bound in interface.hosts):
                continue
            length = interface.reach(ip)
            if length is not None and (best is None or (length, -interface.metric) > best[:2]):
                best = (length, -interface.metric, interface)
        if best is None:
            raise NetError(Reason.UNREACHABLE, remote)
        src = best[2].source(ipv6) if anywhere else bound
        if src is None:
            raise NetError(Reason.UNREACHABLE, remote)
        return best[2], src

    # receiving

    def receive(self, packet: Packet, port: Port) -> None:
        """A packet came in from a link."""
        if packet.dst.host not in self._addresses:
            self._drop("not ours", packet)
            return
        interface = self._addresses[packet.dst.host]
        if interface is None or not interface.up or interface.port is not port:
            self._drop("wrong interface", packet)
            return
        if self._firewall and not self._lets_in(packet):
            self._drop("firewall", packet)
            return
        self._receive(packet)

    def returned_too_big(self, packet: Packet, port: Port, mtu_bytes: int) -> None:
        """Our own first link is too narrow."""
        if error := icmp_error(IcmpKind.TOO_BIG, packet, packet.src.host, mtu_bytes):
            self.world.at(self.world.now() + _LOOPBACK_S, self._receive, error)

    def _receive(self, packet: Packet) -> None:
        payload = packet.payload
        if isinstance(payload, bytes):
            dst = packet.dst
            socket = self._udp.get(dst)
            if socket is None:
                socket = self._udp.get(Address(_WILDCARD[":" in dst.host], dst.port))
            if socket is not None:
                if self.world.log is not None:
                    self.world.note("deliver", self.name, packet)
                socket.deliver(payload, packet.src, self.world.now())
            else:
                self._return(packet)
        elif isinstance(payload, Segment):
            self._receive_segment(packet, payload)
        else:
            self._receive_error(payload, packet.src.host)

    def _receive_segment(self, packet: Packet, segment: Segment) -> None:
        connection = self._connections.get((packet.dst, packet.src))
        if connection is not None:
            connection.receive(segment)
            return
        if segment.flags & RST:
            return
        dst = packet.dst
        listener = self._listeners.get(dst) or self._listeners.get(
            Address(_WILDCARD[":" in dst.host], dst.port)
        )
        if listener is None or segment.flags & (SYN | ACK) != SYN:
            self.send_reset(dst, packet.src, segment)
        elif listener.waiting < _MAX_BACKLOG:
            interface, _ = self._way(dst.host, packet.src.host)
            connection = TcpConnection(self, dst, packet.src, self._mss(interface, ":" in dst.host))
            self._connections[dst, packet.src] = connection
            self._passive[connection] = listener
            listener.waiting += 1
            connection.accept(segment)

    def _receive_error(self, icmp: Icmp, reporter: str) -> None:
        if icmp.kind is IcmpKind.TOO_BIG:
            if len(self.path_mtu) >= _MAX_WAYS:
                self.path_mtu.clear()
            self.path_mtu[icmp.dst.host] = icmp.mtu_bytes
        if icmp.proto is TCP:
            connection = self._connections.get((icmp.src, icmp.dst))
            if connection is not None:
                connection.refused(icmp)
            return
        socket = self._udp.get(icmp.src) or self._udp.get(
            Address(_WILDCARD[":" in icmp.src.host], icmp.src.port)
        )
        if socket is not None:
            socket.fail(_as_net_error(icmp, reporter), icmp.dst)

    def tcp_opened(self, connection: TcpConnection) -> None:
        """A handshake is complete."""
        listener = self._passive.pop(connection, None)
        if listener is not None:
            listener.waiting -= 1
            listener.opened(connection)

    def tcp_closed(self, connection: TcpConnection) -> None:
        """A connection is gone."""
        self._connections.pop((connection.local, connection.remote), None)
        listener = self._passive.pop(connection, None)
        if listener is not None:
            listener.waiting -= 1

    def _return(self, packet: Packet) -> None:
        """Nothing listens on that port."""
        self._drop("no socket", packet)
        error = icmp_error(IcmpKind.PORT_UNREACHABLE, packet, packet.dst.host)
        if error is not None:
            try:
                interface, _ = self._way(packet.dst.host, packet.src.host)
            except NetError:
                return
            self._emit(error, interface)

    def _lets_in(self, packet: Packet) -> bool:
        if packet.proto is ICMP:
            return True
        return self._firewall[packet.proto].inbound(packet.dst, packet.src, self.world.now()) is not None

    def _mss(self, interface: HostInterface | None, ipv6: bool) -> int:
        mtu_bytes = 65_535 if interface is None else interface.mtu_bytes
        return min(mtu_bytes, 65_000) - TCP_HEADER_BYTES - (40 if ipv6 else 20)

    def _free_port(self, free: Callable[[int], bool]) -> int:
        first, last = _EPHEMERAL
        span = last - first + 1
        start = int(self.random.random() * span)
        for step in range(span):
            port = first + (start + step) % span
            if free(port):
                return port
        raise NetError(Reason.IN_USE, "no port is left")

    def _drop(self, why: str, packet: Packet) -> None:
        if self.world.log is not None:
            self.world.note(f"drop ({why})", self.name, packet)


def _as_net_error(icmp: Icmp, reporter: str) -> NetError:
    if icmp.kind is IcmpKind.PORT_UNREACHABLE:
        return NetError(Reason.REFUSED, str(icmp.dst), reporter=reporter)
    if icmp.kind is IcmpKind.TOO_BIG:
        detail = f"{icmp.mtu_bytes} B on the path to {icmp.dst}"
        return NetError(Reason.TOO_BIG, detail, reporter=reporter)
    reason = Reason.HOP_LIMIT if icmp.kind is IcmpKind.TTL_EXCEEDED else Reason.UNREACHABLE
    return NetError(reason, f"{icmp.dst}: {icmp.kind}", reporter=reporter)
