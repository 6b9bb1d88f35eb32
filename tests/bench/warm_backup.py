"""What a warm backup costs: `python -m tests.bench.warm_backup [SECONDS]`. Prints; asserts nothing.

Two ends in one process over loopback, UDP carries, TCP stands by, both coordinated as in the window; nobody says anything. Three
times: without a backup, with one that is probed ten times a second, and with one that rests. Bytes are packets on the
backup both ways, without the headers of IP and TCP; processor seconds are those of both ends.
"""

import asyncio
import sys
import time
from unittest.mock import patch

from netstack.model.session import TransportKind
from netstack.net.system import SystemNet
from netstack.service.coordinator import Coordinator
from netstack.service.path_watch import PathWatch
from netstack.service.two_ends import TwoEnds

SETTLE_S = 8.0


async def once(seconds: float, *, backup: bool) -> tuple[float, float]:
    """Bytes a second of the backup, processor seconds a second."""
    net = SystemNet()
    async with TwoEnds(net, net, "127.0.0.1") as ends:
        connections = await ends.connect(await ends.open(TransportKind.UDP))
        if backup:
            flow = await ends.open(TransportKind.TCP)
            connections[0].add_path(flow, ends.traits(flow), net.now())
        watches = [PathWatch(net, lambda _: None) for _ in connections]
        coordinators = [Coordinator(net, watch, lambda _: None) for watch in watches]
        for connection, watch, coordinator in zip(connections, watches, coordinators, strict=True):
            coordinator.coordinate(connection, watch.watch(connection, "other"), "other", warm=False)
        await asyncio.sleep(SETTLE_S)
        session = connections[0].session
        assert session is not None
        carries = {path for peer in coordinators[0].state.peers for path in peer.routes}
        spare = [path for path in session.paths.table.values() if path.in_use and path.id not in carries]
        before = sum(path.sent_bytes + path.received_bytes for path in spare)
        began_cpu_s, began_s = time.process_time(), net.now()
        await asyncio.sleep(seconds)
        took_s = net.now() - began_s
        moved = sum(path.sent_bytes + path.received_bytes for path in spare) - before
        cpu_s = time.process_time() - began_cpu_s
        for part in (*coordinators, *watches):
            await part.close()
    return moved / took_s, cpu_s / took_s


def main() -> None:
    """Three lines."""
    seconds = float(sys.argv[1]) if len(sys.argv) > 1 else 20.0
    nothing = asyncio.run(once(seconds, backup=False))[1]
    with patch.object(PathWatch, "rest", lambda *_: None):
        busy = asyncio.run(once(seconds, backup=True))
    resting = asyncio.run(once(seconds, backup=True))
    print(f"without a backup: {100 * nothing:.2f} % of a core, both ends together")
    for words, (rate, cpu) in (("ten times a second", busy), ("resting", resting)):
        print(
            f"backup probed, {words}: {rate:.0f} B/s both ways, {100 * (cpu - nothing):.2f} % of a core more"
        )


if __name__ == "__main__":
    main()
