"""What a line of 100 Mbit/s carries directly and through a relay: in virtual time, so that computing costs nothing."""

import asyncio
from typing import Final

from netstack.lab.host import Host
from netstack.lab.link import Port, Shape
from netstack.lab.loop import LabLoop
from netstack.lab.net import LabNet
from netstack.lab.router import Router
from netstack.lab.world import World
from netstack.model.figures import Figure, Place, mbit_text
from netstack.model.session import Mode, Priority, TransportKind
from netstack.service.embedded_turn import embedded_turn
from netstack.service.two_ends import RelayPlace, TwoEnds

GROUP: Final = "Transports"
LINE: Final = Shape(delay_s=0.005, bandwidth_bps=100e6, queue_s=0.05)
FAST: Final = Shape(delay_s=0.001, bandwidth_bps=10e9, queue_s=0.05)
HOSTS: Final = {"near": "192.0.2.1", "far": "198.51.100.1", "relay": "203.0.113.40"}
MESSAGE_BYTES: Final = 1 << 18
GOALS: Final = {
    TransportKind.UDP: "95 Mbit/s",
    TransportKind.TCP: "87 Mbit/s",
    TransportKind.TURN: "79 Mbit/s",
}


def line_figures(total_bytes: int) -> list[Figure]:
    """So many bytes over each."""
    rates = {kind: _rate(kind, total_bytes) for kind in GOALS}
    where = f"Reliable and sealed, {total_bytes / 1e6:.3g} MB between two homes with lines of 100 Mbit/s, 20 ms round trip"
    rows = [
        Figure(
            group=GROUP,
            name=f"Throughput of a 100 Mbit/s line, {kind.upper()}",
            goal=goal,
            value=mbit_text(rates[kind]),
            definition=f"{where}{'; both sides relayed' if kind is TransportKind.TURN else ''}",
            place=Place.LAB,
            n=1,
        )
        for kind, goal in GOALS.items()
    ]
    relayed = Figure(
        group="Relay (TURN)",
        name="Throughput of direct, on a line",
        goal="97 %",
        value=f"{rates[TransportKind.TURN] / rates[TransportKind.UDP]:.1%}",
        definition=f"TURN by UDP; {where}",
        place=Place.LAB,
        n=1,
    )
    return [*rows, relayed]


def _rate(kind: TransportKind, total_bytes: int) -> float:
    with asyncio.Runner(loop_factory=LabLoop) as runner:
        return runner.run(_send(kind, total_bytes))


async def _send(kind: TransportKind, total_bytes: int) -> float:
    """Bits a second, of the link's time."""
    with World(1) as world:
        internet = Router(world, "internet", "203.0.113.254", "2001:db8:ff::254")
        nets = {name: LabNet(_attach(world, internet, name)) for name in HOSTS}
        async with embedded_turn(nets["relay"], HOSTS["relay"]) as (uri, credentials):
            relay = RelayPlace(uri, credentials)
            async with TwoEnds(nets["near"], nets["far"], HOSTS["far"], relay=relay) as ends:
                ours, theirs = await ends.connect(await ends.open(kind))
                theirs.on_message = lambda _: None
                await ours.deliver(bytes(MESSAGE_BYTES), Priority.BULK, Mode.ORDERED)
                began_s = world.now()
                count = max(1, total_bytes // MESSAGE_BYTES)
                for _ in range(count - 1):
                    await ours.send(bytes(MESSAGE_BYTES), Priority.BULK, Mode.ORDERED)
                await ours.deliver(bytes(MESSAGE_BYTES), Priority.BULK, Mode.ORDERED)
                return count * MESSAGE_BYTES * 8 / (world.now() - began_s)


def _attach(world: World, internet: Router, name: str) -> Host:
    host = Host(world, name)
    port, inner = Port(host, f"{name}.internet"), Port(internet, f"internet.{name}")
    world.connect(port, inner, FAST if name == "relay" else LINE)
    host.add_interface(port, (HOSTS[name],), gateways=(internet.address,))
    internet.add_route(HOSTS[name], inner)
    return host
