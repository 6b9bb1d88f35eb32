"""The engine's thread: calls, cancelling, errors, snapshots and the order of the end."""

import asyncio
import threading

import msgspec
import pytest

from app.engine import Engine, EngineError
from netstack.errors import NetError
from netstack.model.snapshot import Snapshot


class StandIn:
    """What the engine asks of a node, with every step written down."""

    def __init__(self, start_error: Exception | None = None) -> None:
        self.seen: list[str] = []
        self.snapshot = Snapshot(version=1)
        self.threads: set[str] = set()
        self.callback = None
        self._start_error = start_error

    async def start(self) -> None:
        self.seen.append("start")
        if self._start_error:
            raise self._start_error

    async def close(self) -> None:
        self.seen.append("close")

    def subscribe(self, callback):
        self.callback = callback
        return lambda: None

    async def work(self, value: int) -> int:
        self.threads.add(threading.current_thread().name)
        await asyncio.sleep(0)
        return value

    async def for_ever(self) -> None:
        self.seen.append("begun")
        try:
            await asyncio.Event().wait()
        finally:
            await asyncio.sleep(0.01)
            self.seen.append("ended")

    async def fail(self, error: Exception) -> None:
        raise error


async def until(condition) -> None:
    while not condition():  # noqa: ASYNC110
        await asyncio.sleep(0.005)


@pytest.fixture
def node() -> StandIn:
    return StandIn()


async def test_work_runs_in_the_engines_thread_and_answers_in_ours(node):
    engine = Engine(lambda: node)
    engine.start()
    assert await asyncio.gather(*(engine.call(lambda n, i=i: n.work(i)) for i in range(50))) == list(
        range(50)
    )
    assert node.threads == {"engine"}
    assert threading.current_thread() is threading.main_thread()
    await engine.close()
    assert node.seen == ["start", "close"]
    assert not any(thread.name == "engine" for thread in threading.enumerate())


async def test_cancelling_the_caller_ends_the_work_before_the_caller_goes_on(node):
    engine = Engine(lambda: node)
    engine.start()
    caller = asyncio.get_running_loop().create_task(engine.call(lambda n: n.for_ever()))
    await until(lambda: "begun" in node.seen)
    caller.cancel()
    with pytest.raises(asyncio.CancelledError):
        await caller
    assert node.seen == ["start", "begun", "ended"]
    assert await engine.call(lambda n: n.work(1)) == 1
    await engine.close()


async def test_closing_ends_what_runs_before_the_node(node):
    engine = Engine(lambda: node)
    engine.start()
    caller = asyncio.get_running_loop().create_task(engine.call(lambda n: n.for_ever()))
    await until(lambda: "begun" in node.seen)
    await engine.close()
    assert node.seen == ["start", "begun", "ended", "close"]
    with pytest.raises(EngineError) as told:
        await caller
    assert told.value.reason == EngineError.Reason.CLOSED
    with pytest.raises(EngineError):
        await engine.call(lambda n: n.work(1))


async def test_our_errors_cross_and_others_become_one_sentence(node, expected_logs):
    expected_logs("unexpected error in the engine")
    engine = Engine(lambda: node)
    engine.start()
    ours = NetError(NetError.Reason.REFUSED)
    with pytest.raises(NetError) as told:
        await engine.call(lambda n: n.fail(ours))
    assert told.value is ours
    with pytest.raises(EngineError) as told:
        await engine.call(lambda n: n.fail(ZeroDivisionError("x")))
    assert told.value.reason == EngineError.Reason.INTERNAL
    await engine.close()


async def test_a_node_that_does_not_start_is_told_once_and_to_every_call():
    engine = Engine(lambda: StandIn(NetError(NetError.Reason.DENIED)))
    failures = []
    engine.failed.connect(failures.append)
    engine.start()
    for _ in range(2):
        with pytest.raises(NetError):
            await engine.call(lambda n: n.work(1))
    await until(lambda: failures)
    await engine.close()
    assert [failure.reason for failure in failures] == [NetError.Reason.DENIED]


async def test_a_node_that_hangs_in_start_can_be_closed():
    class Hanging(StandIn):
        async def start(self) -> None:
            await asyncio.Event().wait()

    engine = Engine(Hanging)
    engine.start()
    caller = asyncio.get_running_loop().create_task(engine.call(lambda n: n.work(1)))
    await asyncio.sleep(0.05)
    await engine.close()
    with pytest.raises(EngineError):
        await caller


async def test_an_engine_that_was_never_started_closes(node):
    engine = Engine(lambda: node)
    await engine.close()
    await engine.close()
    assert node.seen == []


async def test_a_slow_window_sees_the_newest_snapshot_only_and_on_its_own_thread(node):
    engine = Engine(lambda: node)
    got, threads = [], set()

    def seen(snapshot) -> None:
        got.append(snapshot.version)
        threads.add(threading.current_thread())

    engine.changed.connect(seen)
    engine.start()
    await until(lambda: got == [1])

    async def burst(n) -> None:
        for version in range(2, 1000):
            n.callback(msgspec.structs.replace(n.snapshot, version=version))

    # The window is stuck here, in one turn of its loop, while the engine goes on.
    done = threading.Event()
    engine._loop.call_soon_threadsafe(lambda: (engine._scope.start(burst(node), "burst"), done.set()))
    assert done.wait(5)
    await until(lambda: got[-1] == 999)
    assert len(got) < 50
    assert threads == {threading.main_thread()}
    await engine.close()
