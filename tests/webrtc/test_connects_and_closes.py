"""A hundred connections, half of them closed at some moment of their making: nothing of them is left."""

import asyncio
import contextlib
import gc
import os
import weakref
from pathlib import Path

import pytest

from netstack.model.webrtc import IceServers, WebRtcError
from netstack.transport.webrtc_channels import Certificate, DataChannels
from tests.kernel.namespaces import Host
from tests.webrtc.door import begin

pytestmark = [pytest.mark.webrtc, pytest.mark.timeout(120)]

COUNT = 100
MOMENTS_S = (0.0, 0.002, 0.005, 0.01, 0.015, 0.02, 0.025, 0.03, 0.04, 0.06)


async def one(certificate: Certificate, close_after_s: float | None) -> list["weakref.ref[object]"]:
    ends = [DataChannels(certificate, IceServers(), controlling=side) for side in (True, False)]
    told = [weakref.ref(end) for end in ends]

    async def connect() -> None:
        ours, theirs = await ends[0].gather(), await ends[1].gather()
        came: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()
        ends[1].on_message = came.set_result
        await asyncio.gather(ends[0].connect(theirs), ends[1].connect(ours))
        ends[0].send(b"hello")
        assert await came == b"hello"
        for end in ends:
            assert end.selected is not None
            (used,) = (story for story in end.stories if story.used)
            assert used.remote == str(end.selected.remote.address)

    if close_after_s is None:
        await connect()
    else:
        connecting = asyncio.ensure_future(connect())  # noqa: TID251
        await asyncio.sleep(close_after_s)
        await ends[0].close()
        connecting.cancel()
        with contextlib.suppress(asyncio.CancelledError, WebRtcError):
            await connecting
    for end in ends:
        await end.close()
        await end.close()
    told += [weakref.ref(end._ice) for end in ends if end._ice is not None]  # type: ignore[misc]
    return told


def descriptors() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


def resident_bytes() -> int:
    return int(Path("/proc/self/statm").read_text("ascii").split()[1]) * os.sysconf("SC_PAGE_SIZE")


def test_nothing_is_left(wire: tuple[Host, Host]) -> None:
    async def run() -> None:
        certificate = Certificate.make()
        for _ in range(5):
            await one(certificate, None)
        gc.collect()
        tasks, files, bytes_ = len(asyncio.all_tasks()), descriptors(), resident_bytes()
        left: list[weakref.ref[object]] = []
        for number in range(COUNT):
            moment_s = MOMENTS_S[number // 2 % len(MOMENTS_S)]
            left += await one(certificate, moment_s if number % 2 else None)
        await asyncio.sleep(0.1)
        gc.collect()
        assert len(asyncio.all_tasks()) == tasks
        assert descriptors() == files
        assert [reference() for reference in left if reference() is not None] == []
        assert resident_bytes() - bytes_ < 8 << 20

    begin(wire[0], run()).result(60)
