"""Actions: one run at a time, busy until the work has ended, a sentence for every failure."""

import asyncio

import pytest

from app.actions import UNEXPECTED, Actions
from netstack.errors import NetError


async def until(condition) -> None:
    while not condition():  # noqa: ASYNC110
        await asyncio.sleep(0.001)


@pytest.fixture
def actions() -> Actions:
    return Actions()


async def test_it_runs_once_at_a_time_and_tells_when_it_changes(actions):
    runs, gate, told = [], asyncio.Event(), []

    async def work() -> None:
        runs.append(1)
        await gate.wait()

    action = actions.add("work", work)
    action.changed.connect(lambda: told.append(action.busy))
    action.run()
    action.run()
    await until(lambda: runs)
    assert action.busy
    gate.set()
    await until(lambda: not action.busy)
    assert runs == [1]
    assert told == [True, False]


async def test_cancel_lasts_until_the_work_has_ended(actions):
    ended = []

    async def work() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            await asyncio.sleep(0.01)
            ended.append(1)

    action = actions.add("work", work)
    action.run()
    await asyncio.sleep(0)
    action.cancel()
    assert action.busy
    await until(lambda: not action.busy)
    assert ended
    assert action.failure == ""


async def test_one_that_is_cancelled_before_it_began_can_be_run_again(actions):
    done = []

    async def work() -> None:
        done.append(1)

    action = actions.add("check", work)
    action.run()
    action.cancel()
    await action.end()
    await asyncio.sleep(0)
    assert not action.busy
    action.run()
    await asyncio.sleep(0)
    await action.end()
    assert done == [1]


@pytest.mark.parametrize(
    ("error", "sentence"),
    [
        (NetError(NetError.Reason.UNKNOWN_HOST, "stun.example"), "stun.example"),
        (ZeroDivisionError(), UNEXPECTED),
    ],
)
async def test_a_failure_is_a_sentence_and_the_next_run_forgets_it(actions, expected_logs, error, sentence):
    async def work() -> None:
        if first:
            first.clear()
            raise error

    expected_logs("work failed")
    first = [1]
    action = actions.add("work", work)
    action.run()
    await until(lambda: not action.busy)
    assert sentence in action.failure
    action.run()
    await until(lambda: not action.busy)
    assert action.failure == ""


async def test_stop_ends_everything(actions):
    several = [actions.add(f"work {i}", asyncio.Event().wait) for i in range(3)]
    for action in several:
        action.run()
    await asyncio.sleep(0)
    await actions.stop()
    assert not any(action.busy for action in several)


async def test_ending_waits_for_what_was_cancelled(actions):
    seen = []

    async def work():
        try:
            await asyncio.Event().wait()
        finally:
            await asyncio.sleep(0)
            seen.append("ended")

    action = actions.add("work", work)
    await action.end()
    action.run()
    await asyncio.sleep(0)
    await action.end()
    assert seen == ["ended"]
    assert not action.busy


async def test_nothing_starts_once_the_window_is_closing() -> None:
    actions, ran = Actions(), []

    async def work() -> None:
        ran.append(1)

    action = actions.add("late", work)
    await actions.stop()
    action.run()
    await asyncio.sleep(0)
    assert not ran
    assert not action.busy
