"""The stack's own thread: a plain asyncio loop that owns the Node. The UI awaits it and never blocks it.

Whatever crosses is a frozen value or a PeerscopeError, so the engine could live in a process of its own.
"""

import asyncio
import logging
import threading
from collections.abc import Awaitable, Callable
from concurrent.futures import Future
from enum import StrEnum
from typing import TYPE_CHECKING, ClassVar, TypeVar

from PySide6.QtCore import QObject, Qt, Signal, Slot

from netstack.errors import Fault, PeerscopeError
from netstack.model.snapshot import Snapshot
from netstack.tasks import TaskScope

if TYPE_CHECKING:
    from netstack.node import Node

T = TypeVar("T")

CLOSE_LIMIT_S = 5.0

log = logging.getLogger(__name__)


class EngineError(PeerscopeError):
    """The engine itself could not do what was asked."""

    class Reason(StrEnum):
        """What is wrong with the engine."""

        INTERNAL = "internal"
        CLOSED = "engine-closed"

    TABLE: ClassVar = {
        Reason.INTERNAL: (Fault.PC, "Something went wrong inside the program; the log tells more."),
        Reason.CLOSED: (Fault.PC, "The engine has stopped; start the program again."),
    }


class Engine(QObject):
    """Runs one Node at a time in a thread of its own, from `start` to `close`.

    `changed(Snapshot)` and `failed(PeerscopeError)` are emitted on the thread that made the Engine. When
    the window is slow it sees fewer snapshots, never a queue of old ones. `make_node` is called on the
    engine's thread, so that what it imports does not delay the first window. `make_loop`: by default a
    selector loop on every system, as Windows' proactor stops a UDP socket after an ICMP error.
    """

    changed = Signal(object)
    failed = Signal(object)
    _arrived = Signal()

    def __init__(
        self,
        make_node: Callable[[], "Node"],
        make_loop: Callable[[], asyncio.AbstractEventLoop] = asyncio.SelectorEventLoop,
    ) -> None:
        super().__init__()
        self._make_node = make_node
        self._loop = make_loop()
        self._node: Node | None = None
        self._ready: asyncio.Future[Node] = self._loop.create_future()
        self._stop = asyncio.Event()
        self._scope = TaskScope("engine")
        self._ended: Future[None] = Future()
        self._thread = threading.Thread(target=self._run, name="engine", daemon=True)
        self._lock = threading.Lock()
        self._latest: Snapshot | None = None
        self._failure: PeerscopeError | None = None
        self._closing = False
        self._arrived.connect(self._deliver, Qt.ConnectionType.QueuedConnection)

    def start(self) -> None:
        """Starts the thread. What goes wrong in there comes as `failed`."""
        self._thread.start()

    async def call(self, work: "Callable[[Node], Awaitable[T]]", name: str = "call") -> T:
        """Runs `work(node)` on the engine's loop and returns its result; waits for the Node to be up.

        Cancelling the caller cancels the work and waits until it has ended. Raises PeerscopeError only.
        """

        async def serve() -> T:
            return await work(await asyncio.shield(self._ready))

        return await self._call(serve, name)

    async def renew(self, make_node: Callable[[], "Node"]) -> None:
        """Closes the Node and makes another in its place; calls wait for that one from now on.

        End what runs on the old one before. Raises PeerscopeError, and stays without a Node, when the new
        one does not start.
        """

        async def replace() -> None:
            await asyncio.wait([self._ready])
            self._ready = self._loop.create_future()
            await self._close_node()
            self._make_node = make_node
            await self._start_node()
            await self._ready

        await self._call(replace, "renew")

    async def _call(self, work: Callable[[], Awaitable[T]], name: str) -> T:
        if self._closing:
            raise EngineError(EngineError.Reason.CLOSED)
        reply: Future[T] = Future()
        started: list[asyncio.Task[None]] = []

        def begin() -> None:
            try:
                started.append(self._scope.start(self._serve(work, reply), name))
            except RuntimeError:
                reply.cancel()
            else:  # cancelled before its first step, the task could not answer itself
                started[0].add_done_callback(lambda _: reply.cancel())

        self._loop.call_soon_threadsafe(begin)
        answer = asyncio.wrap_future(reply)
        try:
            return await asyncio.shield(answer)
        except asyncio.CancelledError:
            if answer.cancelled():
                raise EngineError(EngineError.Reason.CLOSED) from None
            self._loop.call_soon_threadsafe(lambda: [task.cancel() for task in started])
            await asyncio.wait([answer])
            if not answer.cancelled():
                answer.exception()
            raise

    async def close(self) -> None:
        """Cancels the calls, closes the Node, stops the loop and joins the thread. May be called twice."""
        if not self._closing:
            self._closing = True
            if self._thread.ident is None:
                self._loop.close()
                self._ended.set_result(None)
            else:
                self._loop.call_soon_threadsafe(self._stop.set)
        await asyncio.wrap_future(self._ended)
        if self._thread.ident is not None:
            self._thread.join(CLOSE_LIMIT_S)

    def _run(self) -> None:
        try:
            with asyncio.Runner(loop_factory=lambda: self._loop) as runner:
                runner.run(self._main())
        finally:
            self._ended.set_result(None)

    async def _main(self) -> None:
        self._scope.start(self._start_node(), "start")
        await self._stop.wait()
        await self._scope.close()
        await self._close_node()

    async def _close_node(self) -> None:
        if self._node is None:
            return
        try:
            async with asyncio.timeout(CLOSE_LIMIT_S):
                await self._node.close()
        except Exception:
            log.exception("the node did not close")
        self._node = None

    async def _start_node(self) -> None:
        try:
            self._node = node = self._make_node()
            await node.start()
        except Exception as error:
            failure = _crossing(error)
            self._ready.set_exception(failure)
            self._ready.exception()
            with self._lock:
                self._failure = failure
            self._arrived.emit()
            return
        node.subscribe(self._offer)
        self._offer(node.snapshot)
        self._ready.set_result(node)

    async def _serve(self, work: Callable[[], Awaitable[T]], reply: "Future[T]") -> None:
        try:
            reply.set_result(await work())
        except Exception as error:
            failure = _crossing(error)
            if self._node is not None:
                self._node.failed(failure)
            reply.set_exception(failure)

    def _offer(self, snapshot: Snapshot) -> None:
        with self._lock:
            waiting = self._latest is not None
            self._latest = snapshot
        if not waiting:
            self._arrived.emit()

    @Slot()
    def _deliver(self) -> None:
        with self._lock:
            snapshot, self._latest = self._latest, None
            failure, self._failure = self._failure, None
        if failure is not None:
            self.failed.emit(failure)
        if snapshot is not None:
            self.changed.emit(snapshot)


def _crossing(error: Exception) -> PeerscopeError:
    """The error as it may cross: our own as it is, anything else logged and told in one sentence."""
    if isinstance(error, PeerscopeError):
        return error
    log.error("unexpected error in the engine: %r", error, exc_info=error)
    return EngineError(EngineError.Reason.INTERNAL, type(error).__name__)
