"""A guest is measured like every other path: for the Metrics page, the history and Prometheus."""

import asyncio

from netstack.lab.net import LabNet
from netstack.model.path import PathReport, PathState
from netstack.model.session import Mode, Priority
from netstack.service.guest_channel import GuestChannel
from netstack.service.guest_path import GuestPath
from netstack.service.guest_talk import GuestTalk
from netstack.service.path_watch import PathWatch
from netstack.service.shelf import Shelf
from netstack.wire import guest as wire
from netstack.wire.guest import WINDOW_BYTES, About, Got, Ping, Pong, Proof
from tests.lab.town import Town
from tests.service.test_guest_channel import OURS, THEIRS, Pipe

DELAY_S = 0.03


class Browser(Pipe):
    """Answers each ping but every fourth after 30 ms, and takes every message."""

    selected = None
    stories = ()
    sent_bytes = received_bytes = 0
    answered = 0

    def send(self, data: bytes) -> None:
        super().send(data)
        self.sent_bytes += len(data)

    def send_fast(self, data: bytes) -> None:
        super().send_fast(data)
        ping = self.fast[-1]
        if isinstance(ping, Ping) and ping.sequence % 4:
            self.answered += 1
            pong = wire.encode(Pong(ping.sequence, ping.t1_s, 77.0, self.answered))
            asyncio.get_running_loop().call_later(DELAY_S, self.on_fast, pong)


async def test_a_guest_has_series_until_it_leaves(tmp_path) -> None:
    net, pipe, reports = LabNet(Town().host("ana", "192.0.2.1")), Browser(), []
    watch = PathWatch(net, reports.append)
    found: list[PathReport] = []
    watch.listeners.append(Ear(found))
    channel = GuestChannel(net, pipe, OURS, THEIRS, lambda: None)
    pipe.say(Proof(THEIRS))
    await channel.prove()
    talk = GuestTalk(net, channel, 1, Shelf(tmp_path), 0.1, lambda: None)
    watch.watch_alone(GuestPath(talk))
    pipe.say(About("Ben", "Chrome"))
    await asyncio.sleep(10)
    await channel.send(bytes(WINDOW_BYTES), Priority.BULK, Mode.ORDERED)
    pipe.say(Got(1, WINDOW_BYTES))
    await asyncio.sleep(10)
    (path,) = reports[-1]
    assert (path.peer, path.transport, path.state) == ("Ben", "webrtc", PathState.UP)
    assert (path.messages, path.fragments, path.fragmentation) == (1, 8, None)
    assert [each.peer for each in found] == ["Ben"]
    series = watch.plot_data().series[path.key]
    assert len(series.rtt.values) == path.probes.n > 55
    assert max(abs(value - DELAY_S) for value in series.rtt.values) < 1e-6
    assert sum(a * b for a, b in zip(series.loss_out.values, series.loss_out.counts, strict=True)) > 15
    assert 0 <= path.probes.n - sum(series.jitter_out.counts) < 6  # each once
    assert sum(series.loss_back.values) == 0
    assert max(series.sent.values) > WINDOW_BYTES
    await talk.close()
    await asyncio.sleep(1)
    assert reports[-1][0].state is PathState.CLOSED
    watch.forget_closed()
    assert reports[-1] == ()
    await watch.close()


class Ear:
    """A listener of the watch."""

    def __init__(self, found: list[PathReport]) -> None:
        self.path_found = found.append

    def path_measured(self, *_: object) -> None: ...

    def path_happened(self, *_: object) -> None: ...

    def paths_reported(self, *_: object) -> None: ...
