"""The benchmark over loopback: the far side is a process of its own, so that each has a processor."""

import asyncio
import signal
from collections.abc import Callable
from multiprocessing import get_context
from multiprocessing.connection import Connection as Pipe
from typing import Final

from netstack.errors import PeerscopeError
from netstack.model.address import Address
from netstack.model.bench import BenchError, BenchResult
from netstack.net.system import SystemNet
from netstack.service.throughput import Answerer, Plan, measure

HOST: Final = "127.0.0.1"
START_S: Final = 20.0
END_S: Final = 5.0


async def measure_beside(plan: Plan, tell: Callable[[str], None] = lambda _: None) -> tuple[BenchResult, ...]:
    """Starts the far side, measures, and ends it whatever happens. Raises BenchError, NetError, SessionError."""
    context = get_context("spawn")
    ours, theirs = context.Pipe()
    process = context.Process(target=_answer, args=(theirs, plan), daemon=True)
    process.start()
    theirs.close()
    try:
        at, key = await _told(ours)
        return await measure(SystemNet(), at, key, plan, here=HOST, tell=tell)
    except TimeoutError as error:
        raise BenchError(BenchError.Reason.SILENT) from error
    finally:
        ours.close()  # which ends it
        await asyncio.to_thread(process.join, END_S)
        if process.is_alive():
            process.kill()
            await asyncio.to_thread(process.join)
        process.close()


async def _told(pipe: Pipe) -> tuple[Address, bytes]:
    if not await asyncio.to_thread(pipe.poll, START_S):
        raise BenchError(BenchError.Reason.SILENT)
    try:
        told = pipe.recv()
    except EOFError as error:
        raise BenchError(BenchError.Reason.DIED) from error
    if isinstance(told, str):
        raise BenchError(BenchError.Reason.DIED, told)
    host, port, key = told
    return Address(host, port), key


def _answer(pipe: Pipe, plan: Plan) -> None:
    """The far process; it ends with its pipe."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    asyncio.run(_serve(pipe, plan))


async def _serve(pipe: Pipe, plan: Plan) -> None:
    answerer = Answerer(SystemNet(), plan)
    try:
        at, key = await answerer.open(HOST)
        pipe.send((at.host, at.port, key))
        await asyncio.to_thread(_wait_for_the_end, pipe)
    except PeerscopeError as error:
        pipe.send(error.sentence)
    finally:
        await answerer.close()


def _wait_for_the_end(pipe: Pipe) -> None:
    try:
        pipe.recv()
    except (EOFError, OSError):
        return
