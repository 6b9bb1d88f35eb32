"""A Node remembers what happens on it, and counts it for Prometheus; in the lab, in virtual time."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from urllib.request import urlopen

import pytest

from netstack.errors import InputError
from netstack.lab.node import LabNode
from netstack.model.history import RunKind, Standing
from netstack.tasks import TaskScope


@asynccontextmanager
async def opened(path: Path) -> AsyncIterator[LabNode]:
    node = LabNode("home", history=path)
    await node.start()
    try:
        await until(lambda: node.snapshot.history.kept)
        yield node
    finally:
        await node.close()


async def until(condition: Callable[[], object], limit_s: float = 60.0) -> None:
    async with asyncio.timeout(limit_s):
        while not condition():  # noqa: ASYNC110 - in virtual time it costs nothing
            await asyncio.sleep(0.05)


@pytest.fixture
def loop_factory():
    """Real time: the writer is a thread."""


async def test_checks_and_sessions_are_remembered(tmp_path: Path) -> None:
    path = tmp_path / "lab.db"
    async with opened(path) as node:
        await node.check_nat()
        number = await node.peers.invite()
        await asyncio.sleep(2.5)
        await node.peers.disconnect(number)
        await until(lambda: node.snapshot.paths and node.snapshot.paths[0].state == "closed")
    async with opened(path) as node:
        (run,) = await node.history.runs()
        assert (run.kind, run.network, run.standing) == (RunKind.NAT, "home", Standing.FINE)
        assert '"verdict": "moderate"' in await node.history.whole(run.id)
        (past,) = await node.history.sessions()
        assert past.peer == "Ben"
        assert past.ended_s is not None
        assert "path added" in [change.what for change in past.changes]
        tracks = await node.history.tracks(past.began_s - 5, past.ended_s + 5, "rtt")
        assert sum(point.n for track in tracks for point in track.points) >= 10
        report = await node.history.report()
        assert (len(report.runs), len(report.sessions)) == (1, 1)
        with pytest.raises(InputError):
            await node.history.whole(99)
        revision = node.snapshot.history.revision
        await node.history.forget()
        await until(lambda: node.snapshot.history.revision > revision)
        assert await node.history.runs() == ()
        assert node.snapshot.history.undo_s > 50
        await node.history.undo_forget()
        await until(lambda: node.snapshot.history.revision > revision + 1)
        assert len(await node.history.runs()) == 1
        assert node.snapshot.history.undo_s == 0


async def test_prometheus_reads_what_the_node_did(tmp_path: Path) -> None:
    node = LabNode("home")
    await node.start()
    try:
        at = await node.metrics.open("127.0.0.1:0")
        await node.check_nat()
        async with TaskScope("test") as tasks:
            tasks.start(node.rehearse(), "rehearsal")
            await asyncio.sleep(3)
            text = await asyncio.to_thread(_read, f"http://{at}/metrics")
        assert 'peerscope_nat_checks_total{label="port-restricted-cone"} 1.0' in text
        assert "peerscope_active_connections 2.0" in text
        for transport in ("udp", "tcp"):
            assert f'peerscope_path_rtt_seconds_count{{transport="{transport}"}}' in text
            assert f'peerscope_fragments_total{{transport="{transport}"}}' in text
        assert "packets_lost" not in text
        node.failed(InputError(InputError.Reason.USAGE))
        assert node.metrics.registry is not None
        assert 'peerscope_errors_total{kind="wrong-use"} 1.0' in node.metrics.registry.text()
        assert "this computer" not in text  # no name of a peer
    finally:
        await node.close()
    with pytest.raises(OSError, match="refused"):
        await asyncio.to_thread(_read, f"http://{at}/metrics")


def _read(url: str) -> str:
    with urlopen(url, timeout=5) as answer:
        return answer.read().decode()
