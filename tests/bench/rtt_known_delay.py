"""How far from a known delay is a round trip? `python -m tests.bench.rtt_known_delay [SECONDS [ONE_WAY_MS]]`, as root.

A session between two processes over `tests.kernel.known_delay`'s line, ten probes a second by `PathWatch` in the engine's
thread: once alone, and once while the bands of the Metrics page (five of five paths) are painted ten times a second in a
window of the same process, on a virtual screen. For each probe the line's own delay of its two packets is known from
the kernel's stamps at both ends. Prints both medians and 99th percentiles, the difference, and n. Asserts nothing.
"""

import asyncio
import os
import statistics
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Sequence
from multiprocessing import get_context
from multiprocessing.connection import Connection as Pipe
from pathlib import Path

from netstack.core.identity import Identity, KnownPeer
from netstack.model.address import Address
from netstack.model.session import Event, ProbeAnswered
from netstack.net.system import SystemNet
from netstack.service.path_watch import PathWatch
from netstack.service.peer_book import PeerBook
from netstack.service.sessions import Sessions
from tests.kernel.known_delay import FAR, NEAR, Compared, KnownDelay, Probe

PSK = bytes(32)
SETTLE_PROBES = 5
JOIN_S = 5.0


def answer(pipe: Pipe) -> None:
    """The far process: answers until told to end."""
    asyncio.run(_answer(pipe))


async def _answer(pipe: Pipe) -> None:
    net = SystemNet()
    identity, book = Identity(net.random_bytes(32)), PeerBook()
    book.keep(KnownPeer(await asyncio.to_thread(pipe.recv), PSK))
    sessions = Sessions(net, identity, book)
    at = await sessions.open_udp(local=Address(FAR, 0))
    pipe.send((at, identity.public))
    await asyncio.to_thread(pipe.recv)
    await sessions.close()


async def measure(pipe: Pipe, seconds: float) -> list[Probe]:
    """What the near session says of its probes."""
    net = SystemNet()
    identity, book = Identity(net.random_bytes(32)), PeerBook()
    pipe.send(identity.public)
    at, key = await asyncio.to_thread(pipe.recv)
    book.keep(KnownPeer(key, PSK))
    sessions = Sessions(net, identity, book)
    await sessions.open_udp(local=Address(NEAR, 0))
    connection = await sessions.connect(at, peer_key=key)
    probes: list[Probe] = []

    def heard(event: Event) -> None:
        if isinstance(event, ProbeAnswered):
            since_s = net.wall_time() - net.now()
            probes.append(Probe(event.t1_s + since_s, event.t4_s + since_s, event.rtt_s))

    watch = PathWatch(net, lambda _: None)
    watch.watch(connection, "far")
    seen = connection.watch
    connection.watch = lambda event: (seen(event), heard(event))[0]
    await asyncio.sleep(seconds)
    await watch.close()
    await sessions.close()
    pipe.send(None)
    return probes[SETTLE_PROBES:]


def once(
    seconds: float, one_way_s: float, draw: Callable[[threading.Event], int] | None = None
) -> list[Compared]:
    """Both sides of every probe. `draw` runs in this thread until its event is set and returns how many pictures."""
    with tempfile.TemporaryDirectory(prefix="peerscope-delay-") as name:
        with KnownDelay(Path(name), one_way_s) as line:
            context = get_context("spawn")
            ours, theirs = context.Pipe()
            process = context.Process(target=answer, args=(theirs,), daemon=True)
            line.far.do(process.start)
            ended = threading.Event()
            measured = line.near.submit(asyncio.run, measure(ours, seconds))
            measured.add_done_callback(lambda _: ended.set())
            began = time.monotonic()
            if draw is not None:
                pictures = draw(ended)
                print(f"{pictures / (time.monotonic() - began):.1f} pictures a second", flush=True)
            probes = measured.result()
            process.join(JOIN_S)
        return line.compare(probes)


def told(compared: Sequence[Compared]) -> str:
    """One line a side, and the difference."""
    if not compared:
        return "not measured: no probe was found on the line"
    sides = [sorted(side) for side in zip(*compared, strict=True)]
    apart = sorted(each.session_s - each.line_s for each in compared)
    rows = [
        f"  {name:<12}p50 {_ms(statistics.median(side))}, p99 {_ms(_p99(side))}"
        for name, side in zip(("session", "line"), sides, strict=True)
    ]
    between = statistics.median(sides[0]) - statistics.median(sides[1])
    rows.append(f"  between the medians {_ms(between)}, n {len(compared)}")
    rows.append(
        f"  probe by probe: least {_ms(apart[0])}, p50 {_ms(statistics.median(apart))}, p99 {_ms(_p99(apart))}"
    )
    return "\n".join(rows)


def _p99(ranked: Sequence[float]) -> float:
    return ranked[max(0, int(0.99 * len(ranked) + 0.999) - 1)]


def _ms(seconds: float) -> str:
    return f"{seconds * 1e3:.3f} ms"


def main() -> None:
    """Alone, then drawing."""
    seconds = float(sys.argv[1]) if len(sys.argv) > 1 else 20.0
    one_way_s = float(sys.argv[2]) / 1e3 if len(sys.argv) > 2 else 0.01
    print("nothing drawn")
    print(told(once(seconds, one_way_s)), flush=True)
    sys.path.append(os.fspath(Path(__file__).parents[2] / "packaging"))
    from virtual_display import virtual_display

    with virtual_display() as screen:
        os.environ.update(screen)
        from tests.bench.rtt_under_plots import draw

        print(told(once(seconds, one_way_s, draw)), flush=True)


if __name__ == "__main__":
    main()
