"""Our TURN client beside aioice's through the same coturn: allocation, echo, throughput; and many allocations.

    python -m tests.bench.turn_coturn [compare|many] [N]

`compare` interleaves the two N times (10) and prints medians and their ratio; `many` holds N (1,024) allocations in
this process, lets each be refreshed, and prints the memory of each. One JSON line; nothing is asserted.
"""

import asyncio
import contextlib
import gc
import json
import multiprocessing
import resource
import shutil
import socket
import statistics
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable
from multiprocessing.connection import Connection as Pipe
from pathlib import Path

import aioice.stun
import aioice.turn

from netstack.core.turn_events import TurnOptions
from netstack.core.turn_uri import TurnUri
from netstack.model.address import Address
from netstack.model.turn import RelayPhase, ServerTransport
from netstack.net.system import SystemNet
from netstack.transport.turn_dial import open_relay
from netstack.transport.turn_relay import Relay
from tests.coturn import USER, coturn, echoing

ECHOES = 300
BATCHES = 10
DATAGRAMS, SIZE, BURST = 20_000, 1200, 32
HOST = "127.0.0.1"
MISMATCH = 437
NET = SystemNet()  # a program has one


def sink(pipe: Pipe) -> None:
    """Counts what comes: for each round the bytes, and the seconds from the first to the last datagram."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 8 << 20)
        sock.bind((HOST, 0))
        sock.settimeout(0.4)
        pipe.send(sock.getsockname())
        while pipe.recv() == "go":
            total, first, last = 0, 0.0, 0.0
            while True:
                try:
                    total += len(sock.recv(65_536))
                except TimeoutError:
                    if total:
                        break
                    continue
                last = time.perf_counter()
                first = first or last
            pipe.send((total, last - first))


class Inbox(asyncio.DatagramProtocol):
    """Both clients' receiver."""

    def __init__(self) -> None:
        self.came: asyncio.Queue[bytes] = asyncio.Queue()
        self.writable = asyncio.Event()

    def datagram_received(self, data: bytes, addr: object) -> None:
        self.came.put_nowait(data)

    def relay_received(self, peer: Address, data: bytes, segment_bytes: int, at_s: float | None) -> None:
        self.came.put_nowait(data)

    def relay_event(self, event: object) -> None:
        pass

    def relay_writable(self) -> None:
        self.writable.set()


async def echo_times(send: Callable[[bytes], None], inbox: Inbox) -> float:
    times = []
    for _ in range(ECHOES):
        began = time.perf_counter()
        send(b"e" * 64)
        await asyncio.wait_for(inbox.came.get(), 2)
        times.append(time.perf_counter() - began)
    return statistics.median(times)


async def flood(send: Callable[[int], Awaitable[None]], pipe: Pipe) -> float:
    """Received bits a second."""
    pipe.send("go")
    await send(DATAGRAMS)
    total, took_s = await asyncio.to_thread(pipe.recv)
    return 8 * total / took_s


async def allocate_ours(server: Address, transport: ServerTransport) -> tuple[Relay, float]:
    began = time.perf_counter()
    relay = await open_relay(NET, TurnUri(HOST, transport=transport), lambda: USER, servers=(server,))
    return relay, time.perf_counter() - began


async def allocate_theirs(
    server: Address, transport: ServerTransport
) -> tuple[aioice.turn.TurnTransport, Inbox, float]:
    while True:
        began = time.perf_counter()
        try:
            relay, inbox = await aioice.turn.create_turn_endpoint(
                Inbox, server, USER.username, USER.password, transport=transport.value
            )
        except aioice.stun.TransactionFailed as failed:
            if failed.response.error_code != MISMATCH:  # it does not try another port by itself
                raise
        else:
            return relay, inbox, time.perf_counter() - began


async def allocations(server: Address, transport: ServerTransport, count: int) -> dict[str, object]:
    """Ten times the medians of `count`, one after the other; all are kept to the end: coturn remembers ports for a while.

    The first batch warms up. `ratio` is the median of the ten, `ratios` all of them.
    """
    medians_s: list[tuple[float, float]] = []
    mine, others = [], []
    for _ in range(BATCHES + 1):
        ours_s, theirs_s = [], []
        for _ in range(count):
            relay, took_s = await allocate_ours(server, transport)
            ours_s.append(took_s)
            mine.append(relay)
            await asyncio.sleep(0.005)
            other, _, took_s = await allocate_theirs(server, transport)
            theirs_s.append(took_s)
            others.append(other)
            await asyncio.sleep(0.005)
        medians_s.append((statistics.median(ours_s), statistics.median(theirs_s)))
    for relay in mine:
        await relay.release()
    for other in others:
        other.close()
    await asyncio.sleep(0.2)
    ours, theirs = (statistics.median(each) for each in zip(*medians_s[1:], strict=True))
    ratios = [our / their for our, their in medians_s[1:]]
    return {
        "n": count,
        "batches": BATCHES,
        "ours_s": ours,
        "aioice_s": theirs,
        "ratio": statistics.median(ratios),
        "ratios": [round(each, 2) for each in ratios],
    }


async def ours(
    server: Address, transport: ServerTransport, echo: Address, at: Address, pipe: Pipe
) -> dict[str, float]:
    relay, _ = await allocate_ours(server, transport)
    inbox = Inbox()
    relay.receiver = inbox
    await relay.bind(echo)
    await relay.bind(at)
    rtt_s = await echo_times(lambda data: relay.send_burst(data, len(data), echo), inbox)
    burst = bytes(SIZE * BURST)

    async def send(count: int) -> None:
        for _ in range(count // BURST):
            inbox.writable.clear()
            if relay.send_burst(burst, SIZE, at) is False:
                await inbox.writable.wait()
                relay.send_burst(burst, SIZE, at)
            await asyncio.sleep(0)

    bps = await flood(send, pipe)
    await relay.release()
    return {"rtt_s": rtt_s, "throughput_bps": bps}


async def theirs(
    server: Address, transport: ServerTransport, echo: Address, at: Address, pipe: Pipe
) -> dict[str, float]:
    relay, inbox, _ = await allocate_theirs(server, transport)
    relay.sendto(b"e", echo)
    await asyncio.wait_for(inbox.came.get(), 2)
    relay.sendto(b"bind", at)
    await asyncio.sleep(0.1)
    rtt_s = await echo_times(lambda data: relay.sendto(data, echo), inbox)
    datagram = bytes(SIZE)

    async def send(count: int) -> None:
        for number in range(count):
            relay.sendto(datagram, at)
            if number % BURST == 0:
                await asyncio.sleep(0)

    bps = await flood(send, pipe)
    relay.close()
    await asyncio.sleep(0.05)
    return {"rtt_s": rtt_s, "throughput_bps": bps}


async def compare(rounds: int, transport: ServerTransport, pipe: Pipe, at: Address) -> dict[str, object]:
    results: dict[str, list[dict[str, float]]] = {"ours": [], "aioice": []}
    with coturn(relay_ports=1000) as server:
        async with echoing() as echo:
            for number in range(rounds + 1):
                pair = [("ours", ours), ("aioice", theirs)]
                for name, run in pair if number % 2 else reversed(pair):
                    measured = await run(server.udp, transport, echo, at, pipe)
                    if number:  # the first round warms up
                        results[name].append(measured)
            allocated = await allocations(server.udp, transport, rounds)
            beside = await asyncio.to_thread(uclient, server.udp.port)
    medians = {
        name: {key: statistics.median(run[key] for run in runs) for key in runs[0]}
        for name, runs in results.items()
    }
    ratio = {key: medians["ours"][key] / medians["aioice"][key] for key in medians["ours"]}
    return {
        "transport": transport.value,
        "n": rounds,
        "allocations": allocated,
        **medians,
        "ratio": ratio,
        "turnutils_uclient": beside,
    }


def uclient(port: int) -> str | None:
    """What coturn's own client says, in its words."""
    if not shutil.which("turnutils_uclient"):
        return None
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.bind((HOST, 0))
        peer_port = probe.getsockname()[1]
    peer = subprocess.Popen(
        ["turnutils_peer", "-L", HOST, "-p", str(peer_port)],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        options = [
            "-u",
            "u",
            "-w",
            "p",
            "-p",
            str(port),
            "-e",
            HOST,
            "-r",
            str(peer_port),
            "-n",
            "2000",
            "-m",
            "1",
        ]
        done = subprocess.run(
            ["turnutils_uclient", *options, "-l", str(SIZE), "-z", "1", HOST],
            capture_output=True, text=True, timeout=30, check=False,
        )  # fmt: skip
        told = [
            line.split(": ", 2)[-1]
            for line in done.stdout.splitlines()
            if "lost packets" in line or "trip" in line
        ]
        return " | ".join(told[-2:]) or None
    finally:
        peer.kill()
        peer.wait()


def memory_bytes() -> int:
    return int(Path("/proc/self/statm").read_text().split()[1]) * resource.getpagesize()


async def many(count: int) -> dict[str, object]:
    """Holds allocations of 30 s each for 45 s; every one is refreshed at least once."""
    relays: list[Relay] = []
    with coturn("--max-allocate-lifetime=30", relay_ports=2 * count + 10) as server:
        uri = TurnUri(HOST, transport=ServerTransport.UDP)
        gc.collect()
        before = memory_bytes()
        times = []
        began = time.perf_counter()
        for _ in range(0, count, 16):
            batch = await asyncio.gather(
                *(
                    open_relay(
                        NET, uri, lambda: USER, servers=(server.udp,), options=TurnOptions(lifetime_s=30)
                    )
                    for _ in range(16)
                )
            )
            relays += batch
            times += [relay.state().allocate_s or 0.0 for relay in batch]
        opened_s = time.perf_counter() - began
        gc.collect()
        each = (memory_bytes() - before) / len(relays)
        cpu = time.process_time()
        await asyncio.sleep(45)
        cpu = time.process_time() - cpu
        states = [relay.state() for relay in relays]
        refreshed = sum(any(e.what == "refresh" and e.failure is None for e in s.log) for s in states)
        alive = sum(s.phase is RelayPhase.ALLOCATED and s.recoveries == 0 for s in states)
        gc.collect()
        later = (memory_bytes() - before) / len(relays)
        await asyncio.gather(*(relay.release() for relay in relays))
    return {
        "allocations": len(relays),
        "opened_s": opened_s,
        "allocate_p50_s": statistics.median(times),
        "memory_each_bytes": each,
        "memory_each_after_45_s_bytes": later,
        "held": alive,
        "refreshed": refreshed,
        "cpu_s_in_45_s": cpu,
    }


def main() -> None:
    what = sys.argv[1] if len(sys.argv) > 1 else "compare"
    if what == "many":
        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, max(soft, 8192)), hard))
        print(json.dumps(asyncio.run(many(int(sys.argv[2]) if len(sys.argv) > 2 else 1024))))
        return
    pipe, child_end = multiprocessing.Pipe()
    child = multiprocessing.get_context("spawn").Process(target=sink, args=(child_end,))
    child.start()
    try:
        at = Address(*pipe.recv())
        rounds = int(sys.argv[2]) if len(sys.argv) > 2 else 10
        for transport in (ServerTransport.UDP, ServerTransport.TCP):
            print(json.dumps(asyncio.run(compare(rounds, transport, pipe, at))), flush=True)
    finally:
        with contextlib.suppress(OSError):
            pipe.send("end")
        child.join(5)
        if child.is_alive():
            child.kill()


if __name__ == "__main__":
    main()
