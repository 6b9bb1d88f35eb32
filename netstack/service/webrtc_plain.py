"""How fast is aiortc by itself between two processes? What sessions over WebRTC are held against, in the same run.

The same messages on the same ordered channel, nothing sealed, the sender held back by what waits at its own end alone.
"""

import asyncio
import signal
import time
from multiprocessing import get_context
from multiprocessing.connection import Connection as Pipe
from typing import Final

from netstack.core.histogram import Histogram
from netstack.model.bench import BenchError, BenchResult
from netstack.model.webrtc import IceServers, WebRtcError
from netstack.transport.webrtc import PACKET_BYTES
from netstack.transport.webrtc_channels import Certificate, DataChannels
from netstack.wire.ice_description import decode, encode

QUEUE_BYTES: Final = 8 * PACKET_BYTES
WAIT_S: Final = 300.0
END_S: Final = 10.0
END: Final = b"end"
ECHO_BYTES: Final = 100  # as a session's echo


async def measure_plain(megabytes: int, exchanges: int) -> tuple[BenchResult, ...]:
    """Small echoes, then payload bits a second, until the far side's word that all has come. Raises BenchError."""
    context = get_context("spawn")
    ours, theirs = context.Pipe()
    process = context.Process(target=_swallow, args=(theirs,), daemon=True)
    process.start()
    theirs.close()
    channels = DataChannels(Certificate.make(), IceServers(), controlling=True)
    try:
        ours.send(encode(await channels.gather()))
        if not await asyncio.to_thread(ours.poll, END_S):
            raise BenchError(BenchError.Reason.SILENT)
        await channels.connect(decode(ours.recv()))
        rtt = await _echo(channels, exchanges)
        took_s = await _pour(channels, megabytes)
    except (TimeoutError, EOFError, WebRtcError) as error:
        raise BenchError(BenchError.Reason.SILENT, str(error)) from error
    finally:
        await channels.close()
        ours.close()
        await asyncio.to_thread(process.join, END_S)
        if process.is_alive():
            process.kill()
            await asyncio.to_thread(process.join)
        process.close()
    bps = (megabytes << 20) * 8 / took_s
    return (
        _result("plain_rtt_p50_s", rtt.quantile(0.5), "s", rtt.n),
        _result("plain_rtt_p99_s", rtt.quantile(0.99), "s", rtt.n),
        _result("plain_throughput_bps", bps, "bit/s", megabytes),
    )


def _result(metric: str, value: float | None, unit: str, n: int) -> BenchResult:
    return BenchResult(transport="webrtc", metric=metric, value=value or 0.0, unit=unit, n=n)


async def _echo(channels: DataChannels, exchanges: int) -> Histogram:
    """One message at a time."""
    loop = asyncio.get_running_loop()
    rtt = Histogram()
    async with asyncio.timeout(WAIT_S):
        for _ in range(exchanges):
            back: asyncio.Future[bytes] = loop.create_future()
            channels.on_message = back.set_result
            start_s = time.perf_counter()
            channels.send(bytes(ECHO_BYTES))
            await back
            rtt.add(time.perf_counter() - start_s)
    return rtt


async def _pour(channels: DataChannels, megabytes: int) -> float:
    loop = asyncio.get_running_loop()
    arrived: asyncio.Future[bytes] = loop.create_future()
    drained = asyncio.Event()
    channels.on_message = arrived.set_result
    channels.on_drained = drained.set
    channels.drained_at(QUEUE_BYTES // 2)
    message = bytes(PACKET_BYTES)
    start_s = time.perf_counter()
    for _ in range((megabytes << 20) // PACKET_BYTES):
        channels.send(message)
        if channels.queued_bytes > QUEUE_BYTES:
            drained.clear()
            await drained.wait()
    channels.send(END)
    async with asyncio.timeout(WAIT_S):
        await arrived
    return time.perf_counter() - start_s


def _swallow(pipe: Pipe) -> None:
    """The far process; it ends with its pipe."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    asyncio.run(_take(pipe))


async def _take(pipe: Pipe) -> None:
    channels = DataChannels(Certificate.make(), IceServers(), controlling=False)

    def received(data: bytes) -> None:
        if len(data) <= ECHO_BYTES:  # an echo, or the end
            channels.send(data)

    channels.on_message = received
    try:
        offer = decode(await asyncio.to_thread(pipe.recv))
        pipe.send(encode(await channels.gather()))
        await channels.connect(offer)
        await asyncio.to_thread(_wait, pipe)
    except (EOFError, OSError, WebRtcError):
        return
    finally:
        await channels.close()


def _wait(pipe: Pipe) -> None:
    try:
        pipe.recv()
    except (EOFError, OSError):
        return
