import asyncio
import time

import pytest

from netstack.lab.clock import ClockError, VirtualTimeLoop


def run(work, **options):
    with asyncio.Runner(loop_factory=lambda: VirtualTimeLoop(**options)) as runner:
        return runner.run(work)


async def test_hours_pass_at_once() -> None:
    loop = asyncio.get_running_loop()
    began_s = loop.time()
    await asyncio.sleep(3600)
    assert loop.time() - began_s == pytest.approx(3600)


async def test_timers_fire_in_order_and_at_their_time() -> None:
    loop = asyncio.get_running_loop()
    seen = []
    for delay in (0.3, 0.1, 0.2):
        loop.call_later(delay, lambda delay=delay: seen.append((delay, round(loop.time(), 9))))
    await asyncio.sleep(1)
    assert seen == [(0.1, 0.1), (0.2, 0.2), (0.3, 0.3)]


async def test_a_timer_never_fires_early_not_even_by_a_rounding_error() -> None:
    loop = asyncio.get_running_loop()
    await asyncio.sleep(1000.1)
    early = []
    dues = [loop.time() + number * 0.1 + number * 1e-10 for number in range(1, 2000)]
    for due in dues:
        loop.call_at(due, lambda due=due: early.append(due) if loop.time() < due else None)
    await asyncio.sleep(300)
    assert not early


async def test_asyncio_timeouts_obey_the_clock() -> None:
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(600):
            await asyncio.sleep(601)


def test_a_wait_for_nothing_is_an_error_instead_of_a_hang() -> None:
    async def forever() -> None:
        await asyncio.get_running_loop().create_future()

    with pytest.raises(ClockError) as caught:
        run(forever())
    assert caught.value.reason is ClockError.Reason.STALLED


def test_time_has_a_limit() -> None:
    async def forever() -> None:
        while True:  # noqa: ASYNC110 - it is about the waiting
            await asyncio.sleep(60)

    with pytest.raises(ClockError) as caught:
        run(forever(), limit_s=3600)
    assert caught.value.reason is ClockError.Reason.LIMIT


def test_turning_without_time_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("netstack.lab.clock._MAX_TURNS_WITHOUT_TIME", 1000)

    async def spin() -> None:
        while True:  # noqa: ASYNC110
            await asyncio.sleep(0)

    with pytest.raises(ClockError) as caught:
        run(spin())
    assert caught.value.reason is ClockError.Reason.SPINNING


async def test_a_deadline_asked_for_the_other_way_round_comes_all_the_same() -> None:
    loop = asyncio.get_running_loop()
    sent_s = delay_s = 0.0
    while sent_s + delay_s - delay_s >= sent_s:  # until rounding calls the deadline's own time too early
        await asyncio.sleep(0.0123)
        sent_s, delay_s = loop.time(), 0.0451 + 0.001 * loop.time()
    came = loop.create_future()

    def ask() -> None:
        if sent_s <= loop.time() - delay_s:
            came.set_result(loop.time())
        else:
            loop.call_at(sent_s + delay_s, ask)

    loop.call_at(sent_s + delay_s, ask)
    assert await came == pytest.approx(sent_s + delay_s, abs=1e-8)


async def test_threads_are_answered_inline() -> None:
    assert await asyncio.to_thread(lambda: 5) == 5
    with pytest.raises(ZeroDivisionError):
        await asyncio.to_thread(lambda: 1 // 0)
    assert asyncio.get_running_loop().time() == 0.0


async def test_nothing_real_can_be_opened() -> None:
    with pytest.raises((NotImplementedError, OSError, AttributeError)):
        await asyncio.create_subprocess_exec("true")
    assert time.monotonic() != asyncio.get_running_loop().time()
