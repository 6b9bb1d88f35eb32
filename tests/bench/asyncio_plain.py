"""asyncio's own, unsealed: a TCP stream's goodput, or a DatagramProtocol echo's round trip.

`python -m tests.bench.asyncio_plain tcp MEGABYTES` or `... echo COUNT`.
"""

import asyncio
import json
import multiprocessing
import statistics
import sys
import time
from multiprocessing.connection import Connection

from tests.bench import placement


async def _tcp_receive(pipe: Connection, total: int) -> None:
    done = asyncio.Event()

    async def take(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        got = 0
        while got < total:
            got += len(await reader.read(1 << 18))
        writer.write(b"done")
        await writer.drain()
        writer.close()
        done.set()

    server = await asyncio.start_server(take, "127.0.0.1", 0)
    pipe.send(server.sockets[0].getsockname()[1])
    await done.wait()
    server.close()


def tcp_receive(pipe: Connection, total: int) -> None:
    """The receiving process."""
    asyncio.run(_tcp_receive(pipe, total))


async def _tcp_send(port: int, total: int) -> float:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    chunk = bytes(1 << 18)
    began = time.perf_counter()
    for _ in range(total // len(chunk)):
        writer.write(chunk)
        await writer.drain()
    assert await reader.read(4) == b"done"
    took_s = time.perf_counter() - began
    writer.close()
    return took_s


class _Echo(asyncio.DatagramProtocol):
    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        self.transport.sendto(data, addr)  # type: ignore[attr-defined]


class _Ask(asyncio.DatagramProtocol):
    def __init__(self, count: int) -> None:
        self.left = count
        self.rtts_s: list[float] = []
        self.done = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport
        self.ask()

    def ask(self) -> None:
        self.sent_s = time.perf_counter()
        self.transport.sendto(bytes(64))  # type: ignore[attr-defined]

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        self.rtts_s.append(time.perf_counter() - self.sent_s)
        self.left -= 1
        if self.left:
            self.ask()
        elif not self.done.done():
            self.done.set_result(None)


async def _echo(pipe: Connection) -> None:
    transport, _ = await asyncio.get_running_loop().create_datagram_endpoint(
        _Echo, local_addr=("127.0.0.1", 0)
    )
    pipe.send(transport.get_extra_info("sockname"))
    await asyncio.get_running_loop().run_in_executor(None, pipe.recv)
    transport.close()


def echo(pipe: Connection) -> None:
    """The echoing process."""
    placement.pin(far=True)
    asyncio.run(_echo(pipe))


async def _ask(address: tuple[str, int], count: int) -> list[float]:
    transport, asking = await asyncio.get_running_loop().create_datagram_endpoint(
        lambda: _Ask(count), remote_addr=address
    )
    await asyncio.wait_for(asking.done, 60)
    transport.close()
    return asking.rtts_s


def main(what: str, amount: int) -> None:
    """Runs one of the two and prints a JSON line."""
    ours, theirs = multiprocessing.Pipe()
    if what == "tcp":
        process = multiprocessing.Process(target=tcp_receive, args=(theirs, amount << 20))
        process.start()
        took_s = asyncio.run(_tcp_send(ours.recv(), amount << 20))
        line = {"program": "asyncio-tcp", "throughput_bps": (amount << 20) * 8 / took_s}
    else:
        process = multiprocessing.Process(target=echo, args=(theirs,))
        process.start()
        placement.pin(far=False)
        rtts_s = sorted(asyncio.run(_ask(ours.recv(), amount)))
        ours.send("stop")
        p99_s = rtts_s[int(len(rtts_s) * 0.99) - 1]
        line = {
            "program": "asyncio-echo",
            "rtt_p50_s": statistics.median(rtts_s),
            "rtt_p99_s": p99_s,
            "n": len(rtts_s),
        }
    process.join(5)
    print(json.dumps(line))


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
