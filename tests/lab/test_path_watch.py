"""Sealed sessions in the lab, watched: the figures are those of the links, known to the lab."""

import asyncio

import pytest

from netstack.lab.net import LabNet
from netstack.model.path import PathReport, PathState
from netstack.service.path_watch import PathWatch
from netstack.service.rehearsal import rehearse
from netstack.tasks import TaskScope
from tests.lab.town import Town


async def _watched(seconds: float, **shape: object) -> tuple[PathWatch, tuple[PathReport, ...]]:
    town = Town()
    me, far = town.host("me", "192.0.2.1", **shape), town.host("far", "192.0.2.7")
    reports: list[tuple[PathReport, ...]] = []
    near, distant = LabNet(me), LabNet(far)
    watch = PathWatch(near, reports.append)
    async with TaskScope("test") as tasks:
        tasks.start(rehearse(near, distant, "192.0.2.7", watch, peer="far"), "rehearsal")
        await asyncio.sleep(seconds)
        last = reports[-1]
    await watch.close()
    return watch, last


async def test_both_transports_are_up_and_measured() -> None:
    _, reports = await _watched(30)
    assert [report.transport for report in reports] == ["udp", "tcp"]
    for report in reports:
        assert report.state is PathState.UP
        assert report.probes.n > 250
        assert report.probes.p50_s is not None
        assert (report.probes.lost_out, report.probes.lost_back) == (0, 0)
        assert report.messages > 100
    udp, tcp = reports
    assert udp.probes.floor_s == pytest.approx(0.040, rel=0.01)  # four links of 10 ms there and back
    assert udp.probes.p50_s == pytest.approx(0.040, rel=0.02)
    assert udp.fragments_per_message == pytest.approx(4000 / 1172, abs=1)
    assert tcp.fragments_per_message == 1


async def test_series_reach_back_as_far_as_is_asked() -> None:
    watch, _ = await _watched(200)
    data = watch.plot_data()
    late = watch.plot_data(data.now_s - 60)
    for key, series in data.series.items():
        assert 1500 < len(series.rtt.times_s) < 2100
        assert 170 < len(series.loss_out.times_s) < 205
        assert sum(series.loss_out.counts) == pytest.approx(len(series.rtt.times_s), abs=30)
        assert 300 < len(late.series[key].rtt.times_s) < 650
        assert data.now_s - late.series[key].rtt.times_s[0] < 61


async def test_throughput_and_fragments_are_what_was_sent() -> None:
    watch, reports = await _watched(30)
    series = watch.plot_data().series
    for report in reports:
        mine = series[report.key]
        talked = sum(v * n for v, n in zip(mine.sent.values, mine.sent.counts, strict=True))
        assert talked == pytest.approx(report.sent_bytes, rel=0.1)
        assert mine.fragments.values[-1] == pytest.approx(report.fragments_per_message, rel=0.05)
        assert report.fragmentation is not None
        assert report.fragmentation.sent_messages >= report.messages > 100
    assert max(series[reports[0].key].jitter_out.values) < 0.001


async def test_what_ends_is_shown_closed_until_it_is_forgotten() -> None:
    seen: list[tuple[PathReport, ...]] = []
    watch, _ = await _watched(5)
    watch._changed = seen.append
    watch._report()
    assert {report.state for report in seen[-1]} == {PathState.CLOSED}
    watch.forget_closed()
    assert seen[-1] == ()
