"""Every ordered pair of transports: what goes there rides one, what comes back the other, and both arrive as they were.

One session between two endpoints has a path over each; each side chooses for itself.
"""

import asyncio
import itertools

from netstack.model.session import Mode, Priority, TransportKind
from netstack.service.two_ends import KINDS, TwoEnds

SIZES = (100, 500, 2000, 65536)
UP_S = 20.0
SLOW_PAIRS = {(TransportKind.UDP, TransportKind.BLE), (TransportKind.BLE, TransportKind.UDP)}


async def join(ends: TwoEnds, kinds):
    """One session with a path over every transport. Returns its ends and the path ids by transport."""
    flows = {kind: await ends.open(kind) for kind in kinds}
    ours, theirs = await ends.connect(flows[TransportKind.UDP])
    for kind in kinds[1:]:
        ours.add_path(flows[kind], ends.traits(flows[kind]), asyncio.get_running_loop().time())
    async with asyncio.timeout(UP_S):
        while not all(  # noqa: ASYNC110 - both sides, each in its own time
            sum(path.in_use for path in end.session.paths.table.values()) == len(kinds)
            for end in (ours, theirs)
        ):
            await asyncio.sleep(0.02)
    return ours, theirs, {path.traits.kind: path.id for path in ours.session.paths.table.values()}


async def cross(ours, theirs, there, back, size):
    """There and back, each by its own path. Returns the seconds of both ways."""
    ours.route((there,) * 3, reserve=-1, trial=-1)
    theirs.route((back,) * 3, reserve=-1, trial=-1)
    data = bytes(range(256)) * (size // 256) + bytes(size % 256)
    took_s = []
    clock = asyncio.get_running_loop().time
    for sender, receiver, path_id in ((ours, theirs, there), (theirs, ours, back)):
        path = sender.session.paths.table[path_id]
        before, began_s = path.sent_bytes, clock()
        await sender.send(data, Priority.BULK, Mode.ORDERED)
        got = await receiver.receive()
        took_s.append(clock() - began_s)
        assert got.data == data
        assert path.sent_bytes - before >= size, "it went another way"
    return took_s


async def cross_all(ends: TwoEnds, kinds=KINDS):
    """Every pair and size, printed. 64 KiB take seconds by Bluetooth: they go by it once each way."""
    print()
    ours, theirs, paths = await join(ends, kinds)
    count = 0
    for there, back in itertools.permutations(kinds, 2):
        slow = TransportKind.BLE in {there, back} and (there, back) not in SLOW_PAIRS
        line = []
        for size in SIZES[:-1] if slow else SIZES:
            out_s, back_s = await cross(ours, theirs, paths[there], paths[back], size)
            line.append(f"{size} B {out_s * 1000:.1f} / {back_s * 1000:.1f} ms")
            count += 1
        print(f"{there} there, {back} back: {', '.join(line)}")
    return count
