"""Whole sessions over loopback, two processes: goodput and echo times of UDP and TCP.

    python -m tests.bench.session_loopback udp|tcp [--megabytes 256] [--echoes 1000] [--datagram-bytes 1452]
                                           [--mode unreliable|unordered|ordered] [--plain] [--awaited]

The echo is what a caller of the product writes: `Connection.post` out, `Connection.on_message` in, on both sides, as
`peerscope bench` does with reliable unordered messages. `--plain` forbids segmentation offload, `--awaited` lets coroutines receive the
echoes (`Connection.receive`) instead of a callback. `sealing_s` is what sealing and opening both packets of an echo takes.
Prints one JSON line. Nothing is asserted.
"""

import argparse
import asyncio
import json
import multiprocessing
import resource
import statistics
import time
from multiprocessing.connection import Connection as Pipe

from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305

from netstack.core.identity import Identity
from netstack.model.address import Address
from netstack.model.session import MessageReceived, Mode, Priority, TransportKind
from netstack.net import system
from netstack.net.fast_udp import FastUdpEndpoint
from netstack.net.system import SystemNet
from netstack.service.connection import Connection
from netstack.service.peer_book import PeerBook
from netstack.service.sessions import Sessions
from netstack.tasks import TaskScope
from tests.bench import far_place, placement

PSK = bytes(range(32))
MESSAGE_BYTES = 1 << 20
ECHO_BYTES = 64


def forbid_offload() -> None:
    """Every UDP socket of this process sends and receives datagrams one by one."""
    system.FastUdpEndpoint = lambda sock, receiver: FastUdpEndpoint(sock, receiver, offload=False)


async def serve(pipe: Pipe, chosen: argparse.Namespace) -> None:
    """Echoes what is short, swallows what is long."""
    done = asyncio.Event()
    async with TaskScope("echo") as tasks:

        async def echo(connection: Connection) -> None:
            while True:
                answer(connection, await connection.receive())

        def answer(connection: Connection, message: MessageReceived) -> None:
            if message.data == b"end":
                done.set()
            elif len(message.data) < 1000:
                connection.post(message.data, message.priority, message.mode)

        def accepted(connection: Connection) -> None:
            if chosen.awaited:
                tasks.start(echo(connection), "echo")
            else:
                connection.on_message = lambda message: answer(connection, message)

        host = Sessions(SystemNet(), Identity(b"\2" * 32), PeerBook(), accepted)
        host.invite(PSK)
        here = Address(chosen.host, 0)
        if chosen.transport == "udp":
            at = await host.open_udp(local=here, mtu_bytes=chosen.datagram_bytes)
        else:
            at = await host.open_tcp(local=here)
        pipe.send(at)
        await done.wait()
        used = resource.getrusage(resource.RUSAGE_SELF)
        pipe.send(used.ru_utime + used.ru_stime)
        await host.close()


def server(pipe: Pipe, chosen: argparse.Namespace) -> None:
    far_place.enter()
    placement.pin(far=True)
    if chosen.plain:
        forbid_offload()
    asyncio.run(serve(pipe, chosen))


async def echoes_by_callback(connection: Connection, count: int, mode: Mode) -> list[float]:
    """Each echo is answered by the next question in the callback that brought it, as asyncio's programs do."""
    times: list[float] = []
    done = asyncio.get_running_loop().create_future()
    asked_s = 0.0

    def ask(_: MessageReceived | None = None) -> None:
        nonlocal asked_s
        if asked_s:
            times.append(time.perf_counter() - asked_s)
        if len(times) == count:
            done.set_result(None)
            return
        asked_s = time.perf_counter()
        connection.post(bytes(ECHO_BYTES), mode=mode)

    connection.on_message = ask
    ask()
    await done
    connection.on_message = None
    return times


async def echoes_by_await(connection: Connection, count: int, mode: Mode) -> list[float]:
    times: list[float] = []
    for _ in range(count):
        start = time.perf_counter()
        connection.post(bytes(ECHO_BYTES), mode=mode)
        await connection.receive()
        times.append(time.perf_counter() - start)
    return times


def sealing_s() -> float:
    """Two packets of an echo sealed, and opened."""
    aead, nonce, data, rounds = ChaCha20Poly1305(bytes(32)), bytes(12), bytes(ECHO_BYTES + 4), 1000
    times = []
    for _ in range(5):
        start = time.perf_counter()
        for _ in range(rounds):
            aead.decrypt(nonce, aead.encrypt(nonce, data, None), None)
        times.append((time.perf_counter() - start) / rounds)
    return 2 * statistics.median(times)


async def measure(at: Address, chosen: argparse.Namespace, pipe: Pipe) -> dict[str, object]:
    guest = Sessions(SystemNet(), Identity(b"\1" * 32), PeerBook())
    if chosen.transport == "udp":
        await guest.open_udp(mtu_bytes=chosen.datagram_bytes)
    start = time.perf_counter()
    connection = await guest.connect(at, psk=PSK, transport=TransportKind(chosen.transport))
    result: dict[str, object] = {
        "program": "sealed",
        "transport": chosen.transport,
        "connect_s": time.perf_counter() - start,
    }
    if chosen.echoes:
        run = echoes_by_await if chosen.awaited else echoes_by_callback
        mode = Mode[chosen.mode.upper()]
        await run(connection, 200, mode)
        times = await run(connection, chosen.echoes, mode)
        result |= {
            "rtt_p50_s": statistics.median(times),
            "rtt_p99_s": sorted(times)[int(len(times) * 0.99)],
            "sealing_s": sealing_s(),
            "n": len(times),
        }
    if chosen.megabytes:
        data = bytes(MESSAGE_BYTES)
        start, cpu = time.perf_counter(), time.process_time()
        for _ in range(chosen.megabytes - 1):
            await connection.send(data, Priority.BULK, Mode.ORDERED)
        await connection.send(data, Priority.BULK, Mode.ORDERED, wait=True)
        took_s = time.perf_counter() - start
        [path] = connection.session.paths.table.values()
        result |= {
            "throughput_bps": chosen.megabytes * MESSAGE_BYTES * 8 / took_s,
            "datagram_bytes": path.mtu_bytes,
            "sender_cpu_s": time.process_time() - cpu,
            "took_s": took_s,
            "lost_packets": path.control.lost_packets if path.control else 0,
            "spurious_packets": path.control.spurious_packets if path.control else 0,
            "sent_packets": path.sent_packets,
        }
    await connection.send(b"end")
    result["receiver_cpu_s"] = await asyncio.to_thread(pipe.recv)
    await guest.close()
    return result


def main() -> None:
    """Runs both processes and prints."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("transport", choices=["udp", "tcp"])
    parser.add_argument("--megabytes", type=int, default=256)
    parser.add_argument("--echoes", type=int, default=1000)
    parser.add_argument("--datagram-bytes", type=int, default=1452)
    parser.add_argument("--host", default=far_place.far_host())
    parser.add_argument("--mode", choices=["unreliable", "unordered", "ordered"], default="unreliable")
    parser.add_argument("--plain", action="store_true")
    parser.add_argument("--awaited", action="store_true")
    chosen = parser.parse_args()
    ours, theirs = multiprocessing.Pipe()
    child = multiprocessing.Process(target=server, args=(theirs, chosen))
    child.start()
    placement.pin(far=False)
    if chosen.plain:
        forbid_offload()
    try:
        print(json.dumps(asyncio.run(measure(ours.recv(), chosen, ours))))
    finally:
        child.join(5)
        if child.is_alive():
            child.kill()


if __name__ == "__main__":
    main()
