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

    def failed(self, error: Exception) -> None:
        self.seen.append(f"failed {type(error).__name__}")


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


async def test_a_call_that_is_cancelled_before_the_engine_got_to_it_ends_too(node):
    gate = threading.Event()

    def make() -> StandIn:
        gate.wait(10)
        return node

    engine = Engine(make)
    engine.start()
    caller = asyncio.get_running_loop().create_task(engine.call(lambda n: n.for_ever()))
    await asyncio.sleep(0)
    caller.cancel()
    await asyncio.sleep(0)
    gate.set()
    await asyncio.wait([caller], timeout=10)
    assert caller.cancelled()
    await engine.close()
    assert node.seen == ["start", "close"]


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
        done.set()

    # The window is stuck here, in one turn of its loop, while the engine goes on.
    done = threading.Event()
    engine._loop.call_soon_threadsafe(lambda: engine._scope.start(burst(node), "burst"))
    assert done.wait(5)
    await until(lambda: got[-1] == 999)
    assert got == [1, 999]
    assert threads == {threading.main_thread()}
    await engine.close()


async def test_another_node_takes_the_place_of_the_first(node):
    other = StandIn()
    engine = Engine(lambda: node)
    shown = []
    engine.changed.connect(lambda snapshot: shown.append(snapshot.version))
    engine.start()
    other.snapshot = Snapshot(version=7)
    await engine.renew(lambda: other)
    assert node.seen == ["start", "close"]
    assert await engine.call(lambda n: n.work(1)) == 1
    assert (node.threads, other.threads) == (set(), {"engine"})
    await until(lambda: shown[-1:] == [7])
    await engine.close()
    assert other.seen == ["start", "close"]


async def test_a_second_node_that_does_not_start_is_told_and_a_third_may():
    first, third = StandIn(), StandIn()
    engine = Engine(lambda: first)
    engine.start()
    with pytest.raises(NetError):
        await engine.renew(lambda: StandIn(NetError(NetError.Reason.DENIED)))
    with pytest.raises(NetError):
        await engine.call(lambda n: n.work(1))
    await engine.renew(lambda: third)
    assert await engine.call(lambda n: n.work(2)) == 2
    await engine.close()
    assert (first.seen, third.seen) == (["start", "close"], ["start", "close"])


async def test_it_runs_on_the_loop_that_it_is_given(node):
    loop = asyncio.SelectorEventLoop()
    engine = Engine(lambda: node, lambda: loop)
    engine.start()

    async def which(_) -> asyncio.AbstractEventLoop:
        return asyncio.get_running_loop()

    assert await engine.call(which) is loop
    await engine.close()
