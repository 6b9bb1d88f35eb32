"""Whole sessions over loopback, two processes: goodput and echo times of UDP and TCP.

    python -m tests.bench.session_loopback [udp|tcp] [MEGABYTES] [DATAGRAM_BYTES]

Prints one JSON line. Nothing is asserted.
"""

import asyncio
import json
import multiprocessing
import statistics
import sys
import time
from multiprocessing.connection import Connection as Pipe

from netstack.core.identity import Identity
from netstack.model.address import Address
from netstack.model.session import Mode, Priority, TransportKind
from netstack.net.system import SystemNet
from netstack.service.connection import Connection
from netstack.service.peer_book import PeerBook
from netstack.service.sessions import Sessions
from netstack.tasks import TaskScope

PSK = bytes(range(32))
HERE = Address("127.0.0.1", 0)
MESSAGE_BYTES = 1 << 20
ECHOES = 1000


async def serve(pipe: Pipe, transport: str, datagram_bytes: int) -> None:
    """Echoes what is short, swallows what is long."""
    done = asyncio.Event()
    async with TaskScope("echo") as tasks:

        async def echo(connection: Connection) -> None:
            while True:
                message = await connection.receive()
                if message.data == b"end":
                    done.set()
                    return
                if len(message.data) < 1000:
                    await connection.send(message.data, Priority.REALTIME, Mode.UNRELIABLE)

        host = Sessions(
            SystemNet(), Identity(b"\2" * 32), PeerBook(), lambda each: tasks.start(echo(each), "echo")
        )
        host.invite(PSK)
        if transport == "udp":
            at = await host.open_udp(local=HERE, mtu_bytes=datagram_bytes)
        else:
            at = await host.open_tcp(local=HERE)
        pipe.send(at)
        await done.wait()
        await host.close()


def server(pipe: Pipe, transport: str, datagram_bytes: int) -> None:
    asyncio.run(serve(pipe, transport, datagram_bytes))


async def measure(at: Address, transport: str, megabytes: int, datagram_bytes: int) -> dict[str, object]:
    guest = Sessions(SystemNet(), Identity(b"\1" * 32), PeerBook())
    if transport == "udp":
        await guest.open_udp(local=HERE, mtu_bytes=datagram_bytes)
    start = time.perf_counter()
    connection = await guest.connect(at, psk=PSK, transport=TransportKind(transport))
    connect_s = time.perf_counter() - start
    times = []
    for _ in range(ECHOES):
        start = time.perf_counter()
        await connection.send(b"e" * 64, Priority.REALTIME, Mode.UNRELIABLE)
        await connection.receive()
        times.append(time.perf_counter() - start)
    data = bytes(MESSAGE_BYTES)
    start, cpu = time.perf_counter(), time.process_time()
    for _ in range(megabytes - 1):
        await connection.send(data, Priority.BULK)
    await connection.send(data, Priority.BULK, wait=True)
    took_s, cpu_s = time.perf_counter() - start, time.process_time() - cpu
    [path] = connection.session.paths.table.values()
    lost = path.control.lost_packets if path.control else 0
    result = {
        "transport": transport,
        "datagram_bytes": path.mtu_bytes,
        "megabytes": megabytes,
        "goodput_bps": megabytes * MESSAGE_BYTES * 8 / took_s,
        "sender_cpu_s": cpu_s,
        "lost_packets": lost,
        "sent_packets": path.sent_packets,
        "echo_p50_s": statistics.median(times),
        "echo_p99_s": sorted(times)[int(len(times) * 0.99)],
        "echoes": len(times),
        "connect_s": connect_s,
    }
    await connection.send(b"end")
    await asyncio.sleep(0.2)
    await guest.close()
    return result


def main() -> None:
    transport, megabytes, datagram_bytes = ([*sys.argv[1:], *("udp", "256", "1452")[len(sys.argv) - 1 :]])[:3]
    ours, theirs = multiprocessing.Pipe()
    child = multiprocessing.get_context("spawn").Process(
        target=server, args=(theirs, transport, int(datagram_bytes))
    )
    child.start()
    try:
        at = ours.recv()
        print(json.dumps(asyncio.run(measure(at, transport, int(megabytes), int(datagram_bytes)))))
    finally:
        child.join(5)
        if child.is_alive():
            child.kill()


if __name__ == "__main__":
    main()
