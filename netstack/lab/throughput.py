"""The benchmark on a virtual link: two hosts, one link with loss and delay, virtual time."""

import asyncio
from collections.abc import Callable
from typing import Final

from msgspec import structs

from netstack.lab.host import Host
from netstack.lab.link import Port, Shape
from netstack.lab.loop import LabLoop
from netstack.lab.net import LabNet
from netstack.lab.world import World
from netstack.model.bench import BenchResult
from netstack.service.throughput import Answerer, Plan, measure

NEAR: Final = "192.0.2.1"
FAR: Final = "192.0.2.2"
PREFIX: Final = "192.0.2.0/24"


def measure_on_a_link(
    plan: Plan,
    *,
    loss: float,
    rtt_s: float,
    link_bps: float,
    seed: int = 0,
    tell: Callable[[str], None] = lambda _: None,
) -> tuple[BenchResult, ...]:
    """Runs the plan between two hosts; `loss` is of each direction. Raises NetError, SessionError.

    Times are the link's: what this computer takes to compute costs nothing.
    """
    shape = Shape(delay_s=rtt_s / 2, loss=loss, bandwidth_bps=link_bps)

    async def run() -> tuple[BenchResult, ...]:
        with World(seed) as world:
            near, far = Host(world, "near"), Host(world, "far")
            ports = Port(near, "near.link"), Port(far, "far.link")
            world.connect(*ports, shape)
            near.add_interface(ports[0], (NEAR,), prefixes=(PREFIX,))
            far.add_interface(ports[1], (FAR,), prefixes=(PREFIX,))
            answerer = Answerer(LabNet(far), plan)
            try:
                at, key = await answerer.open(FAR)
                return _one_process(await measure(LabNet(near), at, key, plan, here=NEAR, tell=tell))
            finally:
                await answerer.close()

    with asyncio.Runner(loop_factory=LabLoop) as runner:
        return runner.run(run())


def _one_process(results: tuple[BenchResult, ...]) -> tuple[BenchResult, ...]:
    """Both hosts live in this process: its processor time is told once, and is nobody's alone."""
    return tuple(
        structs.replace(each, metric="cpu_s") if each.metric == "sender_cpu_s" else each
        for each in results
        if each.metric != "receiver_cpu_s"
    )
