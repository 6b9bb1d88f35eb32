"""Coroutine tests of the window run on the loop that the window uses."""

import asyncio
from collections.abc import Iterator

import pytest

from app.garbage import UiGarbage

_closed_loops: list[asyncio.AbstractEventLoop] = []


@pytest.fixture(scope="session")
def ui_garbage(qapp) -> Iterator[None]:
    """The window's collector of garbage: no widget dies in an engine's thread."""
    garbage = UiGarbage()
    yield
    garbage.stop()


@pytest.fixture
def loop_factory(qapp, ui_garbage):
    """asyncio through Qt."""
    import qasync

    def make() -> asyncio.AbstractEventLoop:
        loop = qasync.QEventLoop(qapp)
        # A cancelled call_later keeps its Qt timer, which fires into freed memory unless its loop lives.
        _closed_loops.append(loop)
        return loop

    return make
