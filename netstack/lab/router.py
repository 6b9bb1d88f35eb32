"""Routers: the core of the lab's internet, and boxes (home router, CGNAT, firewall, VPN end) at its edge."""

import ipaddress
from collections.abc import Callable
from typing import TYPE_CHECKING

import msgspec

from netstack.lab.link import Port
from netstack.lab.nat import NatBehaviour, NatTable
from netstack.lab.packet import ICMP, TCP, UDP, Icmp, IcmpKind, Packet, icmp_error
from netstack.model.address import Address
from netstack.model.nat import Filtering, Mapping

if TYPE_CHECKING:
    from netstack.lab.world import World

_MAX_CACHED_ROUTES = 65_536
_MAX_ASTRAY = 1024
_WEB_PORT = 80


class Router:
    """Forwards by longest prefix; what has no route disappears, as on the internet."""

    def __init__(self, world: "World", name: str, address: str, address6: str = "::") -> None:
        self.world = world
        self.name = name
        self.address = address
        self.address6 = address6
        self.dropped = 0
        self._prefixes: list[tuple[ipaddress.IPv4Network | ipaddress.IPv6Network, Port]] = []
        self._cache: dict[str, Port | None] = {}

    def add_route(self, prefix: str, port: Port) -> None:
        """Sends `prefix` (a host is a prefix of its own) out of `port`."""
        self._prefixes.append((ipaddress.ip_network(prefix), port))
        self._prefixes.sort(key=lambda route: -route[0].prefixlen)
        self._cache.clear()

    def route(self, host: str) -> Port | None:
        """The port towards `host`."""
        try:
            return self._cache[host]
        except KeyError:
            pass
        if len(self._cache) >= _MAX_CACHED_ROUTES:
            self._cache.clear()
        ip = ipaddress.ip_address(host)
        port = next((port for network, port in self._prefixes if ip in network), None)
        self._cache[host] = port
        return port

    def receive(self, packet: Packet, port: Port) -> None:
        """Sends a packet on, or back when its time to live is over."""
        if packet.ttl <= 1:
            self._answer(icmp_error(IcmpKind.TTL_EXCEEDED, packet, self._own(packet)))
            return
        packet.ttl -= 1
        out = self.route(packet.dst.host)
        if out is None or out is port:
            self.drop("no route", packet)
        else:
            out.send(packet)

    def returned_too_big(self, packet: Packet, port: Port, mtu_bytes: int) -> None:
        """Tells the source that its packet was too big."""
        self._answer(icmp_error(IcmpKind.TOO_BIG, packet, self._own(packet), mtu_bytes))

    def drop(self, why: str, packet: Packet) -> None:
        """Loses a packet: counted, with a line in the log."""
        self.dropped += 1
        if self.world.log is not None:
            self.world.note(f"drop ({why})", self.name, packet)

    def _own(self, packet: Packet) -> str:
        """Our address of the packet's family."""
        return self.address6 if ":" in packet.src.host else self.address

    def _answer(self, error: Packet | None) -> None:
        if error is not None and (out := self.route(error.dst.host)) is not None:
            out.send(error)


class BoxRules(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a box lets through beside what its NAT allows.

    `udp_ports` and `tcp_ports` are the outside ports that may be reached, None: all of them.
    `isolate` keeps the hosts behind it apart; `rejects` answers what is forbidden instead of dropping it.
    IPv6 is never translated; `ipv6_filtering` says who may come in. `login_host` is a host behind it that gets every web
    request in place of whom it was for.
    """

    udp_ports: tuple[int, ...] | None = None
    tcp_ports: tuple[int, ...] | None = None
    isolate: bool = False
    rejects: bool = False
    ipv6_filtering: Filtering = Filtering.ADDRESS_AND_PORT_DEPENDENT
    login_host: str | None = None


class Box(Router):
    """A router at the edge: one port (`wan`) outwards, the others inwards, a NAT or firewall between them."""

    def __init__(
        self,
        world: "World",
        name: str,
        *,
        lan_host: str,
        wan_host: str,
        behaviour: NatBehaviour | None,
        rules: BoxRules | None = None,
        address6: str = "::",
    ) -> None:
        super().__init__(world, name, lan_host, address6)
        self.wan_host = wan_host
        self.rules = BoxRules() if rules is None else rules
        self.behaviour = behaviour
        self.reboots = 0
        self.wan: Port | None = None
        self.services: dict[int, Callable[[Packet, Port], None]] = {}
        random = world.random(f"nat {name}")
        ipv6 = NatBehaviour(mapping=Mapping.NONE, filtering=self.rules.ipv6_filtering)
        self._tables: dict[tuple[str, bool], NatTable] = {
            (proto, False): NatTable(proto, behaviour, wan_host, random)
            for proto in (UDP, TCP)
            if behaviour is not None
        }
        self._tables.update({(proto, True): NatTable(proto, ipv6, "", random) for proto in (UDP, TCP)})
        self._led_astray: dict[Address, Address] = {}
        self._translates = behaviour is not None and behaviour.mapping != Mapping.NONE

    @property
    def mappings(self) -> int:
        """How many mappings are open."""
        return sum(len(table) for table in self._tables.values())

    def forward(self, proto: str, wanted_port: int, inside: Address, lifetime_s: float) -> int | None:
        """Opens a public port to a host inside, as a port mapping does. None: it cannot."""
        table = self._tables.get((proto, False))
        return None if table is None else table.forward(wanted_port, inside, lifetime_s, self.world.now())

    def reboot(self) -> None:
        """Forgets every mapping; links stay as they are."""
        self.reboots += 1
        for table in self._tables.values():
            table.flush()

    def receive(self, packet: Packet, port: Port) -> None:
        """Translates, filters and forwards one packet."""
        if packet.dst.host in {self.address, self.address6} and port is not self.wan:
            self._serve(packet, port)
            return
        if packet.ttl <= 1:
            reporter = self._reporter(packet, outside=port is self.wan)
            if (error := icmp_error(IcmpKind.TTL_EXCEEDED, packet, reporter)) is not None:
                port.send(error)
            return
        packet.ttl -= 1
        if port is self.wan:
            self._from_outside(packet)
        else:
            self._from_inside(packet, port)

    def returned_too_big(self, packet: Packet, port: Port, mtu_bytes: int) -> None:
        """Tells the source, through the NAT, that its packet was too big."""
        reporter = self._reporter(packet, outside=port is not self.wan)
        error = icmp_error(IcmpKind.TOO_BIG, packet, reporter, mtu_bytes)
        if error is None:
            return
        if port is self.wan:
            self._from_outside(error)
        else:
            self._from_inside(error, port)

    def _reporter(self, packet: Packet, *, outside: bool) -> str:
        """The address under which the source of a packet knows us."""
        own = self._own(packet)
        return self.wan_host if outside and own is self.address else own

    def _table(self, packet: Packet) -> NatTable | None:
        payload = packet.payload
        proto = payload.proto if isinstance(payload, Icmp) else packet.proto
        return self._tables.get((proto, ":" in packet.dst.host))

    def _from_inside(self, packet: Packet, port: Port) -> None:
        packet = self._through_login(packet)
        dst = packet.dst
        inner = self.route(dst.host)
        if inner is not None:
            if self.rules.isolate and inner is not port:
                self.drop("isolated", packet)
            else:
                inner.send(packet)
            return
        if not self._allowed(packet):
            self.drop("forbidden", packet)
            if self.rules.rejects and (error := icmp_error(IcmpKind.PROHIBITED, packet, self._own(packet))):
                port.send(error)
            return
        table = self._table(packet)
        if table is None:
            self._out(packet)
            return
        now_s = self.world.now()
        payload = packet.payload
        if isinstance(payload, Icmp):
            public = table.public_of(payload.dst, payload.src)
            if public is None:
                self.drop("no mapping", packet)
                return
            src = Address(public.host, 0)
            self._out(packet.readdressed(src, dst, payload._replace(dst=public)))
            return
        public = table.outbound(packet.src, dst, now_s)
        if public is None:
            self.drop("no port left", packet)
            return
        translated = packet.readdressed(public, dst, payload)
        if self._translates and dst.host == self.wan_host:
            self._hairpin(translated, table, now_s)
        else:
            self._out(translated)

    def _through_login(self, packet: Packet) -> Packet:
        """Web requests of guests go to the login page, whose answers look like those of whom they asked."""
        login = self.rules.login_host
        if login is None or packet.proto is not TCP:
            return packet
        page = Address(login, _WEB_PORT)
        if packet.dst.port == _WEB_PORT and packet.src.host != login:
            if len(self._led_astray) >= _MAX_ASTRAY:
                self._led_astray.clear()
            self._led_astray[packet.src] = packet.dst
            return packet.readdressed(packet.src, page, packet.payload)
        if packet.src == page and (asked := self._led_astray.get(packet.dst)) is not None:
            return packet.readdressed(asked, packet.dst, packet.payload)
        return packet

    def _hairpin(self, packet: Packet, table: NatTable, now_s: float) -> None:
        """Turns a packet around that a host inside sent to our public address (RFC 4787 REQ-9).

        Its source is the sender's public address; as in most routers, filtering does not apply.
        """
        inside = table.owner(packet.dst, now_s) if table.behaviour.hairpin else None
        if inside is None or (inner := self.route(inside.host)) is None:
            self.drop("no hairpin", packet)
            return
        inner.send(packet.readdressed(packet.src, inside, packet.payload))

    def _from_outside(self, packet: Packet) -> None:
        table = self._table(packet)
        if table is None:
            self._inward(packet)
            return
        now_s = self.world.now()
        payload = packet.payload
        if isinstance(payload, Icmp):
            news = table.translate_error(payload, now_s)
            if news is None:
                self.drop("no mapping", packet)
            else:
                self._inward(packet.readdressed(packet.src, Address(news.src.host, 0), news))
            return
        inside = table.inbound(packet.dst, packet.src, now_s)
        if inside is None:
            self.drop("filtered", packet)
            return
        self._inward(packet.readdressed(packet.src, inside, payload))

    def _inward(self, packet: Packet) -> None:
        inner = self.route(packet.dst.host)
        if inner is None:
            self.drop("no route", packet)
        else:
            inner.send(packet)

    def _out(self, packet: Packet) -> None:
        if self.wan is None:
            self.drop("no route", packet)
        else:
            self.wan.send(packet)

    def _allowed(self, packet: Packet) -> bool:
        if packet.proto is ICMP:
            return True
        ports = self.rules.udp_ports if packet.proto is UDP else self.rules.tcp_ports
        return ports is None or packet.dst.port in ports

    def _serve(self, packet: Packet, port: Port) -> None:
        """Answers what is addressed to the box itself."""
        service = self.services.get(packet.dst.port) if packet.proto is UDP else None
        if service is not None:
            service(packet, port)
        elif packet.proto is UDP and (
            error := icmp_error(IcmpKind.PORT_UNREACHABLE, packet, packet.dst.host)
        ):
            port.send(error)
