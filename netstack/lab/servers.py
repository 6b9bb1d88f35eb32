"""What answers in the lab: the pure servers of `netstack.server`, and NAT-PMP on a box."""

from netstack.errors import DecodeError
from netstack.lab.link import Port
from netstack.lab.net import EPOCH_S, LabNet
from netstack.lab.packet import TCP, UDP, UDP_HEADER_BYTES, Packet, ip_header_bytes
from netstack.lab.router import Box
from netstack.lab.scenario import (
    DNS_PORT,
    ECHO_PORT,
    STUN_ALTERNATE_PORT,
    STUN_PORT,
    TURN_PASSWORD,
    TURN_PORT,
    TURN_REALM,
    TURN_USERNAME,
    WEB_PORT,
    ServerPart,
)
from netstack.model.address import Address, Family
from netstack.server.echo import EchoServer
from netstack.server.machine import Server
from netstack.server.names import NameServer
from netstack.server.stun import StunServer
from netstack.server.turn import TurnServer
from netstack.server.turn_credentials import Credentials
from netstack.server.web import WebServer
from netstack.service.serve import ServerHost
from netstack.wire import nat_pmp
from netstack.wire.dns import Srv

_NONCE_KEY_BYTES = 16


def server_hosts(part: ServerPart, net: LabNet) -> list[ServerHost]:
    """What a server of a scenario runs: a machine for each address family."""
    hosted = []
    for family in Family:
        hosts = [host for host in part.hosts if Address(host, 0).family is family]
        if hosts and not part.down:
            hosted.append(ServerHost(net, _machine(part, hosts, net), {family: hosts[0]}))
    return hosted


def _machine(part: ServerPart, hosts: list[str], net: LabNet) -> Server:
    if part.kind in {"web", "login"}:
        epoch_s = EPOCH_S - net.host.world.started_s
        places = (Address(host, WEB_PORT) for host in hosts)
        return WebServer(*places, epoch_s=epoch_s, login=part.kind == "login")
    if part.kind == "echo":
        return EchoServer(*(Address(host, ECHO_PORT) for host in hosts))
    if part.kind == "dns":
        records: dict[str, tuple[Srv, ...]] = {}
        for each in part.srv:
            record = Srv(each.priority, each.weight, each.port, each.target)
            records[each.name] = (*records.get(each.name, ()), record)
        return NameServer(*(Address(host, DNS_PORT) for host in hosts), records=records)
    if part.kind == "turn":
        password = f"not {TURN_PASSWORD}" if part.refuses else TURN_PASSWORD
        return TurnServer(
            tuple(Address(host, TURN_PORT) for host in hosts),
            Credentials(TURN_REALM, {TURN_USERNAME: password}, net.random_bytes(_NONCE_KEY_BYTES)),
            net.random_bytes,
            families=(Address(hosts[0], 0).family,),
        )
    alternate = Address(hosts[1], STUN_ALTERNATE_PORT) if len(hosts) > 1 else None
    return StunServer(Address(hosts[0], STUN_PORT), alternate, behaviour=part.behaviour)


class NatPmpGateway:
    """A box that tells its public address by NAT-PMP (RFC 6886); it opens ports where `maps_ports` is set."""

    def __init__(self, box: Box, *, maps_ports: bool) -> None:
        self._box = box
        self._maps_ports = maps_ports
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
            response = self._map(request, packet.src, epoch_s)
        data = nat_pmp.encode_response(response)
        size_bytes = ip_header_bytes(packet.src.host) + UDP_HEADER_BYTES + len(data)
        port.send(Packet(UDP, packet.dst, packet.src, data, size_bytes))

    def _map(self, request: nat_pmp.MappingRequest, src: Address, epoch_s: int) -> nat_pmp.MappingResponse:
        """The host that asks is the only one it can ask for (section 3.3)."""
        if not self._maps_ports:
            refused = nat_pmp.Result.NOT_AUTHORIZED
            return nat_pmp.MappingResponse(request.protocol, refused, epoch_s, None, None, None)
        proto = UDP if request.protocol is nat_pmp.Protocol.UDP else TCP
        inside = Address(src.host, request.internal_port)
        port = self._box.forward(proto, request.external_port, inside, request.lifetime_s)
        if port is None:
            full = nat_pmp.Result.OUT_OF_RESOURCES
            return nat_pmp.MappingResponse(request.protocol, full, epoch_s, None, None, None)
        return nat_pmp.MappingResponse(
            request.protocol, nat_pmp.Result.SUCCESS, epoch_s, inside.port, port, request.lifetime_s
        )
