"""Lab: a scenario come to life, with the hands that a demonstration or a test lays on it."""

import asyncio
import ipaddress
from collections.abc import Awaitable, Callable
from typing import Any, Self, TypeVar

import msgspec

from netstack.errors import InputError
from netstack.lab.airspace import AIR, Airspace
from netstack.lab.host import Host
from netstack.lab.kinds import KINDS
from netstack.lab.link import Link, Port, Shape
from netstack.lab.loop import LabLoop, RealTimeLabLoop
from netstack.lab.net import LabNet
from netstack.lab.router import Box, Router
from netstack.lab.scenario import (
    DNS_PORT,
    INTERNET,
    INTERNET_GATEWAYS,
    STUN_PORT,
    TURN_PASSWORD,
    TURN_PORT,
    TURN_USERNAME,
    BoxPart,
    EventPart,
    HostPart,
    InterfacePart,
    Scenario,
    ServerPart,
    load_scenario,
    shape_of,
)
from netstack.lab.servers import NatPmpGateway, server_hosts
from netstack.lab.world import World
from netstack.model.address import Address, Family
from netstack.model.config import TurnServer
from netstack.radio.protocol import Radio
from netstack.service.serve import ServerHost

T = TypeVar("T")


class Lab:
    """One scenario. It lives from `build` to `close` (or inside `async with`), on the running loop's clock.

    On a plain loop that is real time. `run` gives it a loop of its own, in virtual time or real time.
    """

    def __init__(
        self, scenario: Scenario, *, seed: int = 0, real_time: bool = False, log: bool = False
    ) -> None:
        self.scenario = scenario
        self.seed = seed
        self.real_time = real_time
        self._log = log
        self._world: World | None = None
        self.hosts: dict[str, Host] = {}
        self.boxes: dict[str, Box] = {}
        self.servers: dict[str, list[ServerHost]] = {}
        self.airspace = Airspace(scenario, seed)
        self._routers: dict[str, Router] = {}
        self._uplinks: dict[str, tuple[Router, Port]] = {}
        self._shapes: dict[str, tuple[Shape, Shape]] = {}

    @property
    def world(self) -> World:
        """The running world."""
        if self._world is None:
            raise RuntimeError("the lab has not been started")
        return self._world

    @property
    def internet(self) -> Router:
        """The router in the middle."""
        return self._routers[INTERNET]

    @property
    def stun_servers(self) -> tuple[str, ...]:
        """What a NAT check asks here, as `stun:` URIs."""
        return tuple(
            f"stun:{server.dns}:{STUN_PORT}" for server in self.scenario.server if server.kind == "stun"
        )

    @property
    def turn_servers(self) -> tuple[TurnServer, ...]:
        """The relays, with the lab's credentials."""
        return tuple(
            TurnServer(f"turn:{server.dns}:{TURN_PORT}", TURN_USERNAME, TURN_PASSWORD)
            for server in self.scenario.server
            if server.kind == "turn"
        )

    @property
    def web_checks(self) -> tuple[str, ...]:
        """What the doctor asks for a login page and the time."""
        return tuple(
            f"http://{server.dns}/generate_204" for server in self.scenario.server if server.kind == "web"
        )

    @property
    def patient(self) -> str:
        """The host whom the doctor examines."""
        return self.scenario.patient or self.scenario.pair[0]

    def run(self, work: Callable[["Lab"], Awaitable[T]]) -> T:
        """Starts the lab on a new loop, awaits `work(lab)` and closes it."""

        async def main() -> T:
            async with self:
                return await work(self)

        factory = RealTimeLabLoop if self.real_time else LabLoop
        with asyncio.Runner(loop_factory=factory) as runner:
            return runner.run(main())

    def build(self) -> None:
        """Builds the world on the running loop; its servers do not answer yet."""
        self._world = world = World(self.seed, log=self._log)
        internet = Router(world, INTERNET, *INTERNET_GATEWAYS)
        self._routers = {INTERNET: internet}
        for box in self.scenario.box:
            self._add_box(box)
        for host in self.scenario.host:
            self._add_host(host)
        for server in self.scenario.server:
            self._add_server(server)
        self._shapes = {name: link.shapes for name, link in world.links.items()}

    async def serve(self) -> None:
        """Lets the servers answer, what they tell by name be found, and radios be heard."""
        await self.airspace.open()
        for server in self.scenario.server:
            self.servers[server.name] = server_hosts(server, LabNet(self.hosts[server.name]))
            for hosted in self.servers[server.name]:
                await hosted.open()

    async def close(self) -> None:
        """Stops the servers and forgets everything under way. May be called twice."""
        await self.airspace.close()
        for hosted in self.servers.values():
            for server in hosted:
                await server.close()
        if self._world is not None:
            self._world.close()

    async def __aenter__(self) -> Self:
        self.build()
        await self.serve()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    def net(self, host: str | None = None) -> LabNet:
        """The network as `host` sees it; None: the first of the pair."""
        return LabNet(self.hosts[host or self.scenario.pair[0]])

    def radio(self, host: str) -> Radio | None:
        """The Bluetooth of a person's computer; None where it has none."""
        return self.airspace.radios.get(host)

    async def open_radio(self) -> Radio | None:
        """That of the patient."""
        return self.radio(self.patient)

    def udp_gets_out(self, host: str) -> bool:
        """Whether nothing on the way out of `host` blocks UDP, by its preferred interface."""
        part = next(part for part in self.scenario.host if part.name == host)
        router: Router | None = self._routers[min(part.interface, key=lambda i: i.metric).behind]
        while isinstance(router, Box):
            if router.rules.udp_ports is not None:
                return False
            router = self._uplinks[router.name][0]
        return True

    # hands

    def set_link(self, name: str, **changes: Any) -> None:
        """Changes both directions of a link at once, by the fields of `Shape`. Raises InputError.

        Of the air between radios the `loss` and the `distance_m` can be changed.
        """
        if name == AIR and self.airspace.open_air:
            if not changes.keys() <= {"loss", "distance_m"}:
                raise InputError(InputError.Reason.USAGE, f"{AIR}: only its loss and distance can be changed")
            if "loss" in changes:
                self.airspace.set_loss(changes["loss"])
            if "distance_m" in changes:
                self.airspace.set_distance(changes["distance_m"])
            return
        link = self._link(name)
        shapes = []
        for shape in link.shapes:
            try:
                shapes.append(msgspec.convert({**msgspec.to_builtins(shape), **changes}, Shape))
            except msgspec.ValidationError as error:
                raise InputError(InputError.Reason.USAGE, f"{name}: {error}") from error
        link.reshape(*shapes)

    def reset_link(self, name: str) -> None:
        """Makes a link what the scenario made it."""
        if name == AIR and self.airspace.open_air:
            self.airspace.reset()
            return
        self._link(name).reshape(*self._shapes[name])

    def is_changed(self, link: Link) -> bool:
        """Whether a link differs from what the scenario made it."""
        return link.shapes != self._shapes[link.name]

    def cut_link(self, name: str, *, cut: bool = True) -> None:
        """Cuts a link, or mends it."""
        if name == AIR and self.airspace.open_air:
            self.airspace.cut(cut=cut)
            return
        self._link(name).cut(cut)

    def reboot_nat(self, name: str) -> None:
        """Makes a router forget its mappings."""
        if name not in self.boxes:
            raise InputError(InputError.Reason.USAGE, f"there is no router {name}")
        self.boxes[name].reboot()

    def begin_events(self) -> None:
        """Schedules the scenario's events, from now."""
        for event in self.scenario.event:
            self.world.at(self.world.now() + event.at_s, self.carry_out, event)

    def carry_out(self, event: EventPart) -> None:
        """Lets one of the scenario's events happen."""
        if event.action == "reboot":
            self.reboot_nat(event.target)
        else:
            self.cut_link(event.target, cut=event.action == "cut")

    def _link(self, name: str) -> Link:
        try:
            return self.world.links[name]
        except KeyError:
            raise InputError(InputError.Reason.USAGE, f"there is no link {name}") from None

    # building

    def _add_box(self, part: BoxPart) -> None:
        kind = KINDS[part.nat]
        behaviour = part.behaviour or kind.nat
        if behaviour is not None and part.hairpin:
            behaviour = msgspec.structs.replace(behaviour, hairpin=True)
        lan = ipaddress.ip_interface(part.lan)
        box = Box(
            self.world,
            part.name,
            lan_host=str(lan.ip),
            wan_host=part.wan,
            behaviour=behaviour,
            rules=part.rules or kind.rules,
            address6="::" if part.ipv6 is None else str(ipaddress.ip_network(part.ipv6)[1]),
        )
        routed = () if kind.translates else (str(lan.network),)
        routed6 = () if part.ipv6 is None else (part.ipv6,)
        box.wan = self._join(box, part.behind, part.link, (part.wan, *routed, *routed6))
        self.boxes[part.name] = self._routers[part.name] = box
        if part.nat_pmp:
            NatPmpGateway(box, maps_ports=part.maps_ports)

    def _add_host(self, part: HostPart) -> None:
        host = self.hosts[part.name] = Host(self.world, part.name, firewall=part.firewall)
        host.clock_off_s, host.finds_names = part.clock_off_s, part.names
        for interface in part.interface:
            self._add_interface(host, interface)

    def _add_interface(self, host: Host, part: InterfacePart) -> None:
        port = self._join(host, part.behind, part.link, part.hosts)
        router = self._routers[part.behind]
        box = next((box for box in self.scenario.box if box.name == part.behind), None)
        prefixes = [] if box is None else [str(ipaddress.ip_interface(box.lan).network)]
        if box is not None and box.ipv6 is not None:
            prefixes.append(box.ipv6)
        families = {Address(address, 0).family for address in part.hosts}
        gateways = [router.address] if Family.IPV4 in families else []
        if Family.IPV6 in families and router.address6 != "::":
            gateways.append(router.address6)
        host.add_interface(
            port,
            part.hosts,
            prefixes=tuple(prefixes),
            gateways=tuple(gateways),
            kind=part.kind,
            metric=part.metric,
            mtu_bytes=part.mtu_bytes,
        )

    def _join(self, node: Host | Box, behind: str, link: str | Shape, routed: tuple[str, ...]) -> Port:
        """Links a node to the router it is behind, which learns the way to it; IPv6 all the way up."""
        router = self._routers[behind]
        port, inner = Port(node, f"{node.name}.{behind}"), Port(router, f"{behind}.{node.name}")
        self.world.connect(port, inner, shape_of(link))
        self._uplinks[node.name] = (router, inner)
        for prefix in routed:
            router.add_route(prefix, inner)
            above = self._uplinks.get(router.name)
            while ":" in prefix and above is not None:
                above[0].add_route(prefix, above[1])
                above = self._uplinks.get(above[0].name)
        return port

    def _add_server(self, part: ServerPart) -> None:
        host = self.hosts[part.name] = Host(self.world, part.name)
        self._add_interface(host, InterfacePart(behind=part.behind, hosts=part.hosts, link=part.link))
        by_family = [
            [address for address in part.hosts if Address(address, 0).family is family] for family in Family
        ]
        self.world.names[part.dns] = tuple(hosts[0] for hosts in by_family if hosts)
        if part.kind == "dns":
            self.world.name_servers += tuple(Address(each, DNS_PORT) for each in part.hosts)


def open_scenario(name: str, *, real_time: bool = False, seed: int = 0) -> Lab:
    """One of the named scenarios. Raises InputError for an unknown name, ScenarioError for a broken file."""
    return Lab(load_scenario(name), seed=seed, real_time=real_time)
