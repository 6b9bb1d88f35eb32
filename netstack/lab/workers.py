"""Spreads work over child processes: results in order, an early stop, and nobody left behind."""

import asyncio
import signal
import threading
from collections.abc import Callable, Iterator, Sequence
from enum import StrEnum
from multiprocessing import connection, get_context
from typing import Any, ClassVar, TypeVar, cast

from netstack.errors import Fault, PeerscopeError

J = TypeVar("J")
R = TypeVar("R")

_LOOK_S = 0.1


class WorkerError(PeerscopeError):
    """A child process did not finish its work."""

    class Reason(StrEnum):
        """What happened to it."""

        DIED = "worker-died"

    TABLE: ClassVar = {
        Reason.DIED: (Fault.PC, "A helper process ended unexpectedly; is there enough memory?"),
    }


def spread(
    work: Callable[[J], R], jobs: Sequence[J], workers: int, stop: threading.Event | None = None
) -> Iterator[R]:
    """`map(work, jobs)` in `workers` processes; ends early once `stop` is set. Raises WorkerError.

    `work` must be importable, jobs and results picklable. When the iterator is closed the processes are, too.
    """
    context = get_context("spawn")
    processes = []
    ends: list[connection.Connection] = []
    try:
        for _ in range(min(workers, len(jobs))):
            ours, theirs = context.Pipe()
            ends.append(ours)
            process = context.Process(target=_serve, args=(work, theirs), daemon=True)
            process.start()
            processes.append(process)
            theirs.close()
        yield from _hand_out(ends, jobs, stop or threading.Event())
    finally:
        for process in processes:
            process.terminate()
            process.join()
        for end in ends:
            end.close()


async def spread_beside(
    work: Callable[[J], R], jobs: Sequence[J], workers: int, tell: Callable[[R], None] | None = None
) -> list[R]:
    """The same while the running loop goes on; `tell` gets each result, on the loop.

    Cancelling ends the processes and waits for them. Raises WorkerError.
    """
    loop = asyncio.get_running_loop()
    stop = threading.Event()

    def collect() -> list[R]:
        results = []
        for result in spread(work, jobs, workers, stop):
            results.append(result)
            if tell is not None:
                loop.call_soon_threadsafe(tell, result)
        return results

    running = loop.run_in_executor(None, collect)
    try:
        return await asyncio.shield(running)
    except asyncio.CancelledError:
        stop.set()
        await asyncio.wait([running])
        raise


def _hand_out(ends: list[connection.Connection], jobs: Sequence[Any], stop: threading.Event) -> Iterator[Any]:
    """Gives each worker a job at a time, and the results in order."""
    doing: dict[connection.Connection, int] = {}
    done: dict[int, Any] = {}
    given = told = 0
    for end in ends:
        _give(end, jobs[given])
        doing[end] = given
        given += 1
    while told < len(jobs) and not stop.is_set():
        for end in cast("list[connection.Connection]", connection.wait(ends, _LOOK_S)):
            try:
                done[doing[end]] = end.recv()
            except (EOFError, OSError) as error:
                raise WorkerError(WorkerError.Reason.DIED) from error
            if given < len(jobs):
                _give(end, jobs[given])
                doing[end] = given
                given += 1
        while told in done:
            yield done.pop(told)
            told += 1


def _give(end: connection.Connection, job: Any) -> None:
    try:
        end.send(job)
    except OSError as error:
        raise WorkerError(WorkerError.Reason.DIED) from error


def _serve(work: Callable[[Any], Any], jobs: connection.Connection) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent ends us
    while True:
        try:
            job = jobs.recv()
        except EOFError:
            return
        jobs.send(work(job))
