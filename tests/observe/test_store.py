"""The store: last value wins, not too often, and a bad listener harms nobody."""

import asyncio
import logging

from netstack.model.snapshot import LogLine, NatState, Snapshot
from netstack.observe.store import LOG_LINES, NOTIFY_INTERVAL_S, Store


async def test_a_burst_of_changes_is_told_once_with_the_last_value() -> None:
    store = Store(Snapshot())
    heard: list[Snapshot] = []
    store.subscribe(heard.append)
    for step in range(50):
        store.update(nat=NatState(progress=step / 50))
    assert heard == []
    await asyncio.sleep(0)
    await asyncio.sleep(0.01)
    assert len(heard) == 1
    assert heard[0].nat.progress == 49 / 50
    store.update(nat=NatState(progress=1.0))
    await asyncio.sleep(0.01)
    assert len(heard) == 1
    await asyncio.sleep(NOTIFY_INTERVAL_S * 1.5)
    assert [snapshot.nat.progress for snapshot in heard] == [49 / 50, 1.0]
    store.close()


async def test_who_unsubscribes_hears_no_more() -> None:
    store = Store(Snapshot())
    heard: list[Snapshot] = []
    end = store.subscribe(heard.append)
    store.update(network="x")
    end()
    end()
    await asyncio.sleep(0.01)
    assert heard == []
    store.close()


async def test_a_listener_that_fails_is_logged_and_the_others_hear(expected_logs: object) -> None:
    store = Store(Snapshot())
    heard: list[Snapshot] = []

    def bad(snapshot: Snapshot) -> None:
        raise ValueError("bad listener")

    store.subscribe(bad)
    store.subscribe(heard.append)
    expected_logs("a listener of the snapshot failed")  # type: ignore[operator]
    store.update(network="x")
    await asyncio.sleep(0.01)
    assert len(heard) == 1
    store.close()


async def test_the_log_is_bounded() -> None:
    store = Store(Snapshot())
    for number in range(LOG_LINES + 10):
        store.append_log(LogLine(0.0, "info", "x", str(number)))
    assert len(store.snapshot.log) == LOG_LINES
    assert store.snapshot.log[-1].text == str(LOG_LINES + 9)
    assert logging.getLogger("netstack") is not None
    store.close()
