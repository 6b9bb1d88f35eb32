"""A small internet for tests: hosts on one router, some behind boxes."""

import asyncio

from netstack.errors import NetError
from netstack.lab.host import Host
from netstack.lab.link import Port, Shape
from netstack.lab.nat import NatBehaviour
from netstack.lab.net import LabNet
from netstack.lab.router import Box, BoxRules, Router
from netstack.lab.world import World
from netstack.model.address import Address

WAN = "203.0.113.101"
LAN = "10.0.1.1"
INSIDE = "10.0.1.2"


class Town:
    def __init__(self, world: World | None = None, seed: int = 0, shape: Shape | None = None) -> None:
        self.world = world or World(seed, log=True)
        self.shape = shape or Shape(delay_s=0.01)
        self.internet = Router(self.world, "internet", "203.0.113.254", "2001:db8:ff::254")

    def host(self, name: str, *hosts: str, behind: Router | None = None, **options) -> Host:
        host = Host(self.world, name, firewall=options.pop("firewall", False))
        self.attach(host, *hosts, behind=behind, **options)
        return host

    def attach(self, host: Host, *hosts: str, behind: Router | None = None, **options) -> Port:
        router = behind or self.internet
        port, inner = Port(host, f"{host.name}.{router.name}"), Port(router, f"{router.name}.{host.name}")
        self.world.connect(port, inner, options.pop("shape", self.shape))
        gateways = tuple({":" in h: router.address6 if ":" in h else router.address for h in hosts}.values())
        host.add_interface(port, hosts, gateways=gateways, **options)
        for address in hosts:
            router.add_route(address, inner)
        return port

    def box(
        self,
        name: str,
        behaviour: NatBehaviour | None,
        *,
        wan: str = WAN,
        lan: str = LAN,
        behind: Router | None = None,
        rules: BoxRules | None = None,
        routed: tuple[str, ...] = (),
    ) -> Box:
        router = behind or self.internet
        box = Box(self.world, name, lan_host=lan, wan_host=wan, behaviour=behaviour, rules=rules)
        box.wan, inner = Port(box, f"{name}.wan"), Port(router, f"{router.name}.{name}")
        self.world.connect(box.wan, inner, self.shape)
        for prefix in (wan, *routed):
            router.add_route(prefix, inner)
        return box


class Inbox:
    """A datagram receiver that keeps what came."""

    def __init__(self) -> None:
        self.came: asyncio.Queue[tuple[bytes, Address, float]] = asyncio.Queue()
        self.failed: asyncio.Queue[tuple[NetError, Address | None]] = asyncio.Queue()

    def datagram_received(self, data: bytes, remote: Address, received_at_s: float) -> None:
        self.came.put_nowait((data, remote, received_at_s))

    def datagram_failed(self, error: NetError, remote: Address | None) -> None:
        self.failed.put_nowait((error, remote))

    async def one(self, wait_s: float = 1.0) -> tuple[bytes, Address, float] | None:
        try:
            async with asyncio.timeout(wait_s):
                return await self.came.get()
        except TimeoutError:
            return None

    async def refusal(self, wait_s: float = 1.0) -> tuple[NetError, Address | None] | None:
        try:
            async with asyncio.timeout(wait_s):
                return await self.failed.get()
        except TimeoutError:
            return None


async def bind(host: Host, local: Address | None = None, **options):
    """An inbox and its endpoint."""
    inbox = Inbox()
    return inbox, await LabNet(host).open_datagram(inbox, local=local, **options)
