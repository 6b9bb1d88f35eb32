"""Hosts the pure servers of `netstack.server` on lab hosts, and NAT-PMP on a box."""

import contextlib

from netstack.errors import DecodeError, NetError
from netstack.lab.host import Host
from netstack.lab.link import Port
from netstack.lab.packet import UDP, UDP_HEADER_BYTES, Packet, ip_header_bytes
from netstack.lab.router import Box
from netstack.lab.sockets import TcpListener, UdpSocket
from netstack.lab.tcp import TcpConnection, TcpUser
from netstack.model.address import Address
from netstack.server.machine import (
    CloseRelay,
    OpenRelay,
    RelaySend,
    Server,
    StreamClose,
    StreamSend,
)
from netstack.wire import nat_pmp

_ICMP_PORT_UNREACHABLE = (3, 3)
_ICMP_HOST_UNREACHABLE = (3, 1)


class _Stream:
    """One TCP connection of a server."""

    def __init__(self, owner: "LabServerHost", connection: TcpConnection, stream_id: int) -> None:
        self.connection = connection
        self.stream_id = stream_id
        self.full = False
        self.heard_s = owner.now()
        self._owner = owner

    def opened(self) -> None:
        connection = self.connection
        self._owner.server.stream_opened(
            self.stream_id, connection.remote, connection.local, self._owner.now()
        )
        self._owner.drain()

    def received(self, data: bytes) -> None:
        self.heard_s = self._owner.now()
        self._owner.server.stream_received(self.stream_id, data, self.heard_s)
        self._owner.drain()

    def ended(self) -> None:
        self.connection.finish()

    def writable(self) -> None:
        self.full = False

    def closed(self, reason: NetError.Reason | None) -> None:
        self._owner.stream_closed(self)


class LabServerHost:
    """Runs one server machine on a lab host, as the head of `netstack.server` says, without a task."""

    def __init__(self, host: Host, server: Server, *, relay_hosts: tuple[str, ...] = ()) -> None:
        self.host = host
        self.server = server
        self.now = host.world.now
        self._relay_hosts = relay_hosts
        self._sockets: dict[Address, UdpSocket] = {}
        self._listeners: list[TcpListener] = []
        self._streams: dict[int, _Stream] = {}
        self._relays: dict[int, UdpSocket] = {}
        self._stream_count = 0
        self._due_s: float | None = None
        self._stopped = False
        for address in server.addresses:
            self._bind(address)
        if server.streams:
            self._listeners = [host.listen(address, self._accept) for address in server.addresses]

    def stop(self) -> None:
        """Closes everything, as a server does that is taken down. May be called twice."""
        self._stopped = True
        for socket in (*self._sockets.values(), *self._relays.values()):
            socket.close()
        for listener in self._listeners:
            listener.close()
        for stream in list(self._streams.values()):
            stream.connection.abort()
        self._relays.clear()

    def stream_closed(self, stream: _Stream) -> None:
        """Forgets a connection."""
        if self._streams.pop(stream.stream_id, None) is not None:
            self.server.stream_closed(stream.stream_id, self.now())
            self.drain()

    def drain(self) -> None:
        """Carries out what the machine asks for, and asks when to come back."""
        server = self.server
        while (transmit := server.poll_transmit()) is not None:
            self._send(self._sockets.get(transmit.local), transmit.data, transmit.remote)
        while (action := server.poll_action()) is not None:
            match action:
                case StreamSend(stream_id, data, droppable):
                    self._write(stream_id, data, droppable)
                case StreamClose(stream_id):
                    if stream := self._streams.get(stream_id):
                        stream.connection.finish()
                case OpenRelay():
                    self._open_relay(action)
                case CloseRelay(relay_id):
                    if socket := self._relays.pop(relay_id, None):
                        socket.close()
                case RelaySend(relay_id, data, remote, dont_fragment):
                    if socket := self._relays.get(relay_id):
                        socket.df = dont_fragment
                        self._send(socket, data, remote)
        self._schedule()

    def _bind(self, address: Address) -> None:
        def received(data: bytes, remote: Address, now_s: float) -> None:
            self.server.receive(data, remote, address, now_s)
            self.drain()

        self._sockets[address] = self.host.bind(address, received)

    def _accept(self, connection: TcpConnection) -> TcpUser | None:
        if len(self._streams) >= self.server.max_streams:
            connection.abort()
            return None
        self._stream_count += 1
        stream = self._streams[self._stream_count] = _Stream(self, connection, self._stream_count)
        self.host.world.at(self.now() + self.server.stream_idle_s, self._end_idle, stream)
        return stream

    def _end_idle(self, stream: _Stream) -> None:
        if stream.stream_id not in self._streams:
            return
        due_s = stream.heard_s + self.server.stream_idle_s
        if self.now() >= due_s:
            stream.connection.abort()
        else:
            self.host.world.at(due_s, self._end_idle, stream)

    def _write(self, stream_id: int, data: bytes, droppable: bool) -> None:
        stream = self._streams.get(stream_id)
        if stream is None or (droppable and stream.full):
            return
        if stream.full:
            stream.connection.abort()
        elif not stream.connection.write(data):
            stream.full = True

    def _open_relay(self, action: OpenRelay) -> None:
        server, now_s = self.server, self.now()
        hosts = [host for host in self._relay_hosts if Address(host, 0).family is action.family]
        sockets = self._bind_relays(action, hosts[0]) if hosts and not self._stopped else []
        if not sockets:
            server.relay_refused(action.relay_id, now_s)
            return
        for relay_id, socket in enumerate(sockets, action.relay_id):
            self._relays[relay_id] = socket
        server.relay_opened(action.relay_id, sockets[0].local, now_s)

    def _bind_relays(self, action: OpenRelay, host: str) -> list[UdpSocket]:
        """The relay's socket, and its successor's where that is asked for; empty: not possible."""
        for _ in range(64):
            try:
                first = self._bind_relay(action.relay_id, Address(host, 0))
            except NetError:
                return []
            if action.even and first.local.port % 2:
                first.close()
                continue
            if not action.reserve:
                return [first]
            try:
                after = Address(host, first.local.port + 1)
                return [first, self._bind_relay(action.relay_id + 1, after)]
            except NetError:
                first.close()
        return []

    def _bind_relay(self, relay_id: int, local: Address) -> UdpSocket:
        def received(data: bytes, remote: Address, now_s: float) -> None:
            self.server.relay_received(relay_id, data, remote, now_s)
            self.drain()

        def failed(error: NetError, remote: Address) -> None:
            refused = error.reason is NetError.Reason.REFUSED
            kind, code = _ICMP_PORT_UNREACHABLE if refused else _ICMP_HOST_UNREACHABLE
            self.server.relay_failed(relay_id, remote, kind, code, self.now())
            self.drain()

        return self.host.bind(local, received, failed)

    def _send(self, socket: UdpSocket | None, data: bytes, remote: Address) -> None:
        if socket is not None:
            with contextlib.suppress(NetError):  # no route, or too big: lost, as on any network
                socket.send(data, remote)

    def _schedule(self) -> None:
        due_s = self.server.deadline()
        if due_s is not None and not self._stopped and (self._due_s is None or due_s < self._due_s):
            self._due_s = due_s
            self.host.world.at(due_s, self._timeout, due_s)

    def _timeout(self, due_s: float) -> None:
        if due_s != self._due_s or self._stopped:
            return
        self._due_s = None
        self.server.handle_timeout(self.now())
        self.drain()


class NatPmpGateway:
    """A box that tells its public address by NAT-PMP (RFC 6886) and maps nothing."""

    def __init__(self, box: Box) -> None:
        self._box = box
        self._started_s = box.world.now()
        box.services[nat_pmp.SERVER_PORT] = self._answer

    def _answer(self, packet: Packet, port: Port) -> None:
        if not isinstance(packet.payload, bytes):
            return
        try:
            request = nat_pmp.decode_request(packet.payload)
        except DecodeError:
            return
        epoch_s = int(self._box.world.now() - self._started_s)
        response: nat_pmp.Response
        if isinstance(request, nat_pmp.ExternalAddressRequest):
            response = nat_pmp.ExternalAddressResponse(nat_pmp.Result.SUCCESS, epoch_s, self._box.wan_host)
        else:
            response = nat_pmp.MappingResponse(
                request.protocol, nat_pmp.Result.NOT_AUTHORIZED, epoch_s, None, None, None
            )
        data = nat_pmp.encode_response(response)
        size_bytes = ip_header_bytes(packet.src.host) + UDP_HEADER_BYTES + len(data)
        port.send(Packet(UDP, packet.dst, packet.src, data, size_bytes))
