import asyncio
import multiprocessing

import pytest

from netstack.lab.kinds import KINDS
from netstack.lab.matrix import PAIRS, matrix, matrix_beside, wilson
from netstack.tasks import TaskScope


@pytest.fixture
def loop_factory():
    """Real time: child processes take as long as they take."""


def test_every_unordered_pair_once() -> None:
    assert len({frozenset(pair) for pair in PAIRS}) == len(PAIRS) == 55


def test_wilsons_interval() -> None:
    # Newcombe 1998, table I: 81 of 263 and 0 of 20.
    assert wilson(81, 263) == (0.2553, 0.3662)
    assert wilson(0, 20) == (0.0, 0.1611)
    assert wilson(20, 20) == (0.8389, 1.0)
    assert wilson(0, 0) == (0.0, 1.0)


def test_the_grid_does_not_depend_on_the_workers() -> None:
    told = []
    alone = matrix(2, seed=5, workers=1, progress=lambda _, done, total: told.append((done, total)))
    assert told[-1] == (55, 55)
    assert alone == matrix(2, seed=5, workers=2)
    assert alone != matrix(2, seed=6, workers=1)
    assert alone.kinds == tuple(KINDS)
    assert [(cell.a, cell.b) for cell in alone.cells] == list(PAIRS)
    assert all(0 <= cell.direct <= cell.connected <= cell.tries == 2 for cell in alone.cells)


async def test_beside_a_running_loop_and_cancelled_it_leaves_no_process() -> None:
    loop = asyncio.get_running_loop()
    seen = []
    turns = 0

    async def count() -> None:
        nonlocal turns
        while True:
            await asyncio.sleep(0.01)
            turns += 1

    async with TaskScope("test") as scope:
        scope.start(count(), "count")
        whole = await matrix_beside(2, 5, lambda cell, *_: seen.append((cell.a, cell.b)))
        assert seen == list(PAIRS)
        assert [(cell.a, cell.b) for cell in whole.cells] == list(PAIRS)
        assert turns
        running = scope.start(matrix_beside(10_000, 5, lambda *_: None), "matrix")
        for _ in range(1000):
            if multiprocessing.active_children():
                break
            await asyncio.sleep(0.01)
        assert multiprocessing.active_children()
        running.cancel()
        with pytest.raises(asyncio.CancelledError):
            await running
    assert not multiprocessing.active_children()
    await loop.shutdown_default_executor()
