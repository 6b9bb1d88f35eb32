"""Finds the addresses at which this computer may be reached: its own, what servers see, relays (RFC 8445 section 5.1.1)."""

import asyncio
import logging
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Final

import msgspec

from netstack.core.nat_probe import Server
from netstack.core.port_prediction import predict_ports
from netstack.core.stun_uri import host_of
from netstack.core.turn_uri import TurnUri
from netstack.errors import NetError
from netstack.model.address import Address, Family, Scope, scope
from netstack.model.candidate import CandidateKind
from netstack.model.nat import Mapping, Udp, Verdict
from netstack.model.pair import NatFacts
from netstack.model.port_mapping import Carried, PortMappingError
from netstack.model.session import TransportKind
from netstack.model.turn import ServerTransport, TurnCredentials, TurnError
from netstack.net.protocol import LinkKind, Net
from netstack.service.port_mapping import OpenMapping, PortMappingService
from netstack.service.punching import Punching
from netstack.service.sessions import Sessions
from netstack.tasks import TaskScope
from netstack.transport.turn import TurnTransport
from netstack.transport.turn_dial import open_relay
from netstack.transport.udp import UdpTransport
from netstack.wire import stun
from netstack.wire.candidate_note import TcpCandidate, UdpCandidate

log = logging.getLogger(__name__)

LOOKUP_S: Final = 2.0
MAX_SERVERS: Final = 3
MAX_RELAYS: Final = 2
MAX_TCP: Final = 8
MAX_TCP_HOSTS: Final = 4
ENOUGH_ANSWERS: Final = 2

_ANYWHERE: Final = {Family.IPV4: "0.0.0.0", Family.IPV6: "::"}  # noqa: S104
OurCandidate = UdpCandidate | TcpCandidate


class _Port(msgspec.Struct, frozen=True):
    """A port of ours, as the mapping wants it."""

    local: Address


class Relay(msgspec.Struct, frozen=True):
    """A TURN server that may be used."""

    uri: TurnUri
    credentials: TurnCredentials


class Gathering:
    """`run` tells every address as it is found; afterwards, and meanwhile, `facts` are what that shows of the network.

    `known` are the facts of a NAT check, which count more. With `hidden` only relays are looked for: no address of our
    own is told to the peer, nor to a STUN server; with `only` nothing but what that transport needs. `mappings`: the
    router is asked for ports, to which the user has agreed.
    """

    def __init__(
        self,
        net: Net,
        sessions: Sessions,
        punching: Punching,
        *,
        servers: Sequence[Server] = (),
        relays: Sequence[Relay] = (),
        known: NatFacts | None = None,
        hidden: bool = False,
        only: TransportKind | None = None,
        mappings: PortMappingService | None = None,
        tell: Callable[[OurCandidate], None],
    ) -> None:
        known = known or NatFacts()
        self.facts = msgspec.structs.replace(known, hidden=hidden)
        self.public: frozenset[str] = frozenset()
        self._net = net
        self._sessions = sessions
        self._punching = punching
        direct = not hidden and only in {None, TransportKind.UDP, TransportKind.TCP}
        self._servers = tuple(servers)[:MAX_SERVERS] if direct else ()
        self._relays = tuple(relays)[:MAX_RELAYS] if only in {None, TransportKind.TURN} else ()
        self._listens = direct and only is not TransportKind.UDP
        self._sends = direct and only is not TransportKind.TCP
        self._direct = direct
        self._known = known
        self._hidden = hidden
        self._tell = tell
        self._mappings = mappings if direct else None
        self._mapped: list[OpenMapping] = []
        self._tcp_ports: dict[Family, int] = {}
        self._held: dict[str, TurnTransport] = {}
        self._by_tcp = False

    async def open(self) -> None:
        """Opens what is not open yet and lets it be punched from. Who hides opens nothing but relays. Raises NetError."""
        if not self._direct:
            return
        if not self._sessions.udp_transports() and self._sends:
            await self._sessions.open_everywhere()
        for each in self._sessions.udp_transports():
            self._punching.add_socket(each)

    async def run(self) -> None:
        """Our own addresses first, then what servers see; may be run again after the network has changed."""
        hosts = await self._tell_hosts() if self._direct else ()
        async with TaskScope("gathering") as tasks:
            asked = [
                tasks.start(self._tell_reflexive(each, hosts), f"by {each.family}")
                for each in self._sessions.udp_transports()
                if self._servers
            ]
            asked += [tasks.start(self._tell_relayed(relay), relay.uri.host) for relay in self._relays]
            if self._mappings is not None:
                asked.append(tasks.start(self._tell_mapped(self._mappings), "mapped"))
            for task in asked:
                await task
        silent = not self._hidden and self._servers and not self.public
        if silent and self._by_tcp and self.facts.udp is Udp.UNKNOWN:
            # The control: a relay on the same internet answered over TCP, and no server did over UDP.
            self.facts = msgspec.structs.replace(self.facts, udp=Udp.BLOCKED, verdict=Verdict.BLOCKED)
        self.facts = msgspec.structs.replace(self.facts, relay=bool(self._held))

    async def close(self) -> None:
        """Gives the ports back that the router has opened. May be called twice."""
        mapped, self._mapped = self._mapped, []
        for held in mapped:
            if self._mappings is not None:
                await self._mappings.close_mapping(held)

    def rebind(self, punching: Punching, tell: Callable[[OurCandidate], None]) -> None:
        """What was gathered before the key was known is punched from now."""
        self._punching, self._tell = punching, tell
        for socket in self._sessions.udp_transports():
            punching.add_socket(socket)
        for transport in self._held.values():
            punching.add_relay(transport)

    async def keep_open(self) -> None:
        """A packet to a server from every socket, so that routers keep the addresses that were told."""
        for transport in self._sessions.udp_transports():
            for server in self._servers[:1]:
                place = await self._look_up(server, transport.family)
                if place is not None:
                    transport.send_stun(stun.encode(stun.binding_request(self._net.random_bytes(12))), place)

    def forget_relays(self) -> None:
        """The network has changed: the next run allocates anew. The old ones carry on while they still can."""
        self._held.clear()

    async def _tell_hosts(self) -> tuple[str, ...]:
        interfaces = [each for each in await self._net.interfaces() if each.kind is not LinkKind.LOOPBACK]
        hosts = [host for each in interfaces for host in each.hosts if scope(host) is not Scope.LINK_LOCAL]
        if hosts:
            self._learn_versions(hosts)
        hosts = hosts or ["127.0.0.1"]
        for transport in self._sessions.udp_transports():
            for host in hosts:
                if Address(host, 0).family is transport.family:
                    self._tell(UdpCandidate(CandidateKind.HOST, host, transport.port))
        for family, anywhere in _ANYWHERE.items() if self._listens and not self._tcp_ports else ():
            with suppress(NetError):  # no such IP version here
                listening = await self._sessions.open_tcp(local=Address(anywhere, 0))
                if listening is not None:
                    self._tcp_ports[family] = listening.port
        for family, port in self._tcp_ports.items():
            for host in [host for host in hosts if Address(host, 0).family is family][:MAX_TCP_HOSTS]:
                self._tell(TcpCandidate(host, port))
        return tuple(hosts)

    def _learn_versions(self, hosts: Sequence[str]) -> None:
        """Which IP version is missing altogether. That one is there says nothing of the way to the internet."""
        has_ipv4 = any(":" not in host for host in hosts)
        has_ipv6 = any(":" in host and scope(host) is Scope.PUBLIC for host in hosts)
        self.facts = msgspec.structs.replace(
            self.facts,
            ipv4=(self.facts.ipv4 or None) if has_ipv4 else False,
            ipv6=(self.facts.ipv6 or None) if has_ipv6 else False,
        )

    async def _tell_mapped(self, mappings: PortMappingService) -> None:
        """The router opens the ports that we hold anyway, UDP and TCP; anybody who knows of them may begin then."""
        for held in self._mapped:
            self._tell_port(held)
        if self._mapped:
            return
        ports = [
            (each.port, Carried.UDP)
            for each in self._sessions.udp_transports()
            if each.family is Family.IPV4 and not each.host
        ]
        ports += [(port, Carried.TCP) for family, port in self._tcp_ports.items() if family is Family.IPV4]
        for port, carried in ports:
            try:
                held = await mappings.open(_Port(Address("0.0.0.0", port)), carried)  # noqa: S104
            except PortMappingError as error:
                log.info("the router opens no port: %s", error.sentence)
                return
            self._mapped.append(held)
            self._tell_port(held)

    def _tell_port(self, held: OpenMapping) -> None:
        if held.mapping is None:
            return
        host, port = held.mapping.external.host, held.mapping.external.port
        if held.mapping.carried is Carried.TCP:
            self._tell(TcpCandidate(host, port))
        else:
            self.facts = msgspec.structs.replace(self.facts, port_mapping=True)
            self._tell(UdpCandidate(CandidateKind.MAPPED, host, port))

    async def _tell_reflexive(self, transport: UdpTransport, hosts: Sequence[str]) -> None:
        places = [
            place for server in self._servers if (place := await self._look_up(server, transport.family))
        ]
        if not places:
            return
        query = self._punching.query(transport)
        seen: list[Address] = []
        async for address in query.public_addresses(places):
            seen.append(address)
            self.public |= {address.host}
            self._tell(UdpCandidate(CandidateKind.REFLEXIVE, address.host, address.port))
        predicted: tuple[int, ...] = ()
        if len({address.host for address in seen}) == 1:
            predicted = predict_ports(sorted(address.port for address in seen))
        for port in predicted:
            self._tell(UdpCandidate(CandidateKind.REFLEXIVE, seen[0].host, port))
        if transport.family is Family.IPV4:
            self._learn(seen, query.answers, hosts, sequential=bool(predicted))
        elif seen:
            self.facts = msgspec.structs.replace(self.facts, ipv6=True)

    def _learn(
        self, seen: Sequence[Address], answers: int, hosts: Sequence[str], *, sequential: bool
    ) -> None:
        """What a NAT check has not told already. Filtering is not looked at here, so nothing is called Open."""
        if not seen or self._known.mapping is not Mapping.UNKNOWN:
            return
        changes: dict[str, object] = {"udp": Udp.OK}
        if len(seen) > 1:
            # On what it depends is not known; that it does is.
            changes |= {"verdict": Verdict.STRICT, "sequential": sequential}
        elif seen[0].host in hosts:
            changes |= {"verdict": Verdict.MODERATE, "mapping": Mapping.NONE}
        elif answers >= ENOUGH_ANSWERS:
            changes |= {"verdict": Verdict.MODERATE, "mapping": Mapping.ENDPOINT_INDEPENDENT}
        self.facts = msgspec.structs.replace(self.facts, **changes)

    async def _tell_relayed(self, relay: Relay) -> None:
        """Allocates on a relay; it is one more link to punch from, and one more address to be found at."""
        name = str(relay.uri)
        if name in self._held:
            self._tell_at(self._held[name].relayed)
            return
        try:
            opened = await open_relay(self._net, relay.uri, lambda: relay.credentials)
        except TurnError as error:
            log.info("the relay %s cannot be used: %s", relay.uri.host, error.sentence)
            return
        self._by_tcp |= opened.transport is not ServerTransport.UDP
        transport = self._held[name] = self._sessions.add_relay(opened)

        def moved(relayed: Address | None) -> None:
            if relayed is None:
                if self._held.get(name) is transport:
                    del self._held[name]
                self._punching.forget_relay(transport)
            elif self._held.get(name) is transport:
                self._tell_at(relayed)

        transport.moved = moved
        self._punching.add_relay(transport)
        self._tell_at(transport.relayed)

    def _tell_at(self, relayed: Address | None) -> None:
        if relayed is not None:
            self._tell(UdpCandidate(CandidateKind.RELAYED, relayed.host, relayed.port))

    async def _look_up(self, server: Server, family: Family) -> Address | None:
        hosts = server.hosts
        if hosts is None:
            try:
                async with asyncio.timeout(LOOKUP_S):
                    hosts = await self._net.resolve(host_of(server))
            except (NetError, TimeoutError):
                return None
        return next((Address(h, server.port) for h in hosts if Address(h, 0).family is family), None)
