"""What loss costs: reassembly, recovery and repetition on a lossy virtual link, in virtual time."""

import asyncio
import os
import time
import tracemalloc
from statistics import median
from typing import Final

from netstack.core.reassembly import Budget, Reassembly
from netstack.lab.host import Host
from netstack.lab.link import Port, Shape
from netstack.lab.loop import LabLoop
from netstack.lab.net import LabNet
from netstack.lab.world import World
from netstack.model.figures import Figure, Place
from netstack.model.session import FragmentStats, MessageReceived, Mode, Priority, TransportKind
from netstack.service.two_ends import TwoEnds
from netstack.tasks import TaskScope
from netstack.wire.fragment import UNIT_BYTES

GROUP: Final = "Fragments and loss"
RTT_S: Final = 0.04
LOSS: Final = 0.01
MESSAGE_BYTES: Final = 4000
GAP_S: Final = 0.01
FAR: Final = "192.0.2.2"
FRAGMENT_BYTES: Final = 1172
MTU_PAYLOAD_BYTES: Final = 1444
WARM_UP: Final = 40


class _Sent:
    """Seconds until messages were acknowledged: those that took no packet more than needed, and those that did."""

    def __init__(self, messages: int) -> None:
        self.messages = messages
        self.clean_s: list[float] = []
        self.repaired_s: list[float] = []
        self.arrived = 0
        self.stats = FragmentStats()


def loss_figures(messages: int) -> list[Figure]:
    """So many messages of 4,000 B over a link of 40 ms that loses 1 % each way."""
    with asyncio.Runner(loop_factory=LabLoop) as runner:
        sent = runner.run(_send(messages))
    recovery = [each - median(sent.clean_s) for each in sent.repaired_s] if sent.clean_s else []
    where = f"{MESSAGE_BYTES:,} B reliable messages, {RTT_S * 1000:.0f} ms round trip, {LOSS:.0%} of the packets lost each way"
    return [
        Figure(
            group=GROUP,
            name="Reassembly success",
            goal="99.94 %",
            value=f"{sent.stats.success_rate or 0.0:.2%}",
            definition=f"Messages begun that became whole; {where}",
            place=Place.LAB,
            n=sent.stats.completed + sent.stats.timeouts,
        ),
        Figure(
            group=GROUP,
            name="Recovery of a lost fragment",
            goal="156 ms",
            value=f"{median(recovery) * 1000:.0f} ms median, {max(recovery) * 1000:.0f} ms at most"
            if recovery
            else "nothing was lost",
            definition=f"How much later a message is acknowledged that needed a packet again than the median of the others; {where}",
            place=Place.LAB,
            n=len(recovery),
        ),
        Figure(
            group=GROUP,
            name="Retransmission success",
            goal="99.7 %",
            value=f"{sent.arrived / messages:.2%} arrived, {len(sent.repaired_s)} of them after a repeat",
            definition=f"Messages that arrived whole; {where}",
            place=Place.LAB,
            n=messages,
        ),
        *_reassembly_figures(),
    ]


async def _send(messages: int) -> _Sent:
    sent = _Sent(messages)
    with World(1) as world:
        near, far = Host(world, "near"), Host(world, "far")
        ports = Port(near, "near.link"), Port(far, "far.link")
        world.connect(*ports, Shape(delay_s=RTT_S / 2, loss=LOSS))
        for host, port, address in ((near, ports[0], "192.0.2.1"), (far, ports[1], FAR)):
            host.add_interface(port, (address,), prefixes=("192.0.2.0/24",))
        async with TwoEnds(LabNet(near), LabNet(far), FAR) as ends, TaskScope("figures") as tasks:
            ours, theirs = await ends.connect(await ends.open(TransportKind.UDP))
            least = -(-MESSAGE_BYTES // MTU_PAYLOAD_BYTES)
            for _ in range(WARM_UP):  # until the packets are as large as they may be
                await ours.deliver(bytes(MESSAGE_BYTES), Priority.REALTIME, Mode.UNORDERED)

            async def one() -> None:
                began_s = world.now()
                packets = await ours.deliver(bytes(MESSAGE_BYTES), Priority.REALTIME, Mode.UNORDERED)
                took_s = world.now() - began_s
                (sent.repaired_s if packets > least else sent.clean_s).append(took_s)

            def count(_: MessageReceived) -> None:
                sent.arrived += 1

            theirs.on_message = count
            running = []
            for number in range(messages):
                running.append(tasks.start(one(), f"message {number}"))
                await asyncio.sleep(GAP_S)
            await asyncio.wait(running)
            if theirs.session is not None:
                sent.stats = theirs.session.stats
    return sent


def _reassembly_figures() -> list[Figure]:
    """A thousand fragments of 1,172 B that wait for their message's end, then the time that a message takes."""
    budget, stats = Budget(), FragmentStats()
    reassembly = Reassembly(budget, stats)
    units = FRAGMENT_BYTES // UNIT_BYTES
    tracemalloc.start()
    before, _ = tracemalloc.get_traced_memory()
    for number in range(1000):
        reassembly.receive(0, number == 0, False, number * units, os.urandom(FRAGMENT_BYTES), 0.0)
    after, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    payload = 1000 * FRAGMENT_BYTES
    began_s = time.perf_counter()
    rounds = 200
    for turn in range(rounds):
        fresh = Reassembly(Budget(), FragmentStats())
        for number in range(4):
            fresh.receive(0, number == 0, number == 3, number * units, bytes(FRAGMENT_BYTES), float(turn))
    each_s = (time.perf_counter() - began_s) / rounds
    return [
        Figure(
            group=GROUP,
            name="Memory of 1,000 fragments",
            goal="0.3 MB",
            value=f"{(after - before - payload) / 1e6:.2f} MB beside the {payload / 1e6:.2f} MB of payload",
            definition=f"1,000 fragments of {FRAGMENT_BYTES:,} B of a message that is not whole yet, by tracemalloc",
            place=Place.PROCESS,
            n=1000,
        ),
        Figure(
            group=GROUP,
            name="Time to reassemble",
            goal="0.2 ms",
            value=f"{each_s * 1e3:.3f} ms",
            definition="Processor time of a message of four fragments, its tables made anew each time",
            place=Place.PROCESS,
            n=rounds,
        ),
    ]
