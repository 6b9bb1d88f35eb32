"""The window's Node in the lab, in real time."""

import asyncio
import multiprocessing

import pytest

from netstack.errors import InputError
from netstack.lab.loop import RealTimeLabLoop
from netstack.lab.node import LabNode
from netstack.model.config import Config
from netstack.model.lab import GridState
from netstack.model.snapshot import Snapshot
from netstack.tasks import TaskScope


@pytest.fixture
def loop_factory():
    """Real time, as in the window."""
    return RealTimeLabLoop


async def test_a_check_in_the_lab_says_where_it_was_and_the_picture_moves() -> None:
    node = LabNode("cgnat", Config(stun=("stun:192.0.2.1",)))
    await node.start()
    seen: list[Snapshot] = []
    node.subscribe(seen.append)
    try:
        report = await asyncio.wait_for(node.check_nat(), 20)
        await asyncio.sleep(0.3)
    finally:
        await node.close()
        await node.close()
    assert report.network == node.snapshot.network == "cgnat"
    assert report.cgnat
    assert {server.server for server in report.servers} >= {"stun:stun1.example:3478"}
    pictures = [snapshot.lab for snapshot in seen if snapshot.lab is not None]
    sent = [sum(link.a_to_b.packets + link.b_to_a.packets for link in picture.links) for picture in pictures]
    assert sent == sorted(sent)
    assert sent[-1] > 50
    assert len(set(sent)) > 2


async def test_hands_show_at_once_and_what_cannot_be_is_a_sentence() -> None:
    node = LabNode()
    await node.start()
    try:
        node.set_link("anna-router-internet", delay_s=0.25)
        node.cut_link("ben-router-internet")
        node.reboot_nat("anna-router")
        links = {link.name: link for link in node.snapshot.lab.links}
        assert links["anna-router-internet"].delay_s == 0.25
        assert links["ben-router-internet"].cut
        with pytest.raises(InputError):
            node.set_link("anna-router-internet", delay_s="much")
    finally:
        await node.close()


async def test_a_picture_that_does_not_change_is_not_sent_again() -> None:
    node = LabNode()
    await node.start()
    try:
        await asyncio.sleep(0.15)
        version = node.snapshot.lab
        await asyncio.sleep(0.3)
        assert node.snapshot.lab is version
    finally:
        await node.close()


async def test_an_unknown_scenario_is_told_before_anything_starts() -> None:
    with pytest.raises(InputError):
        LabNode("nowhere")


async def test_closing_in_the_middle_of_a_check_leaves_nothing() -> None:
    node = LabNode("hotel-wifi")
    await node.start()
    async with TaskScope("test") as scope:
        checking = scope.start(node.check_nat(), "check")
        await asyncio.sleep(0.2)
        assert node.snapshot.nat.running
        checking.cancel()
        with pytest.raises(asyncio.CancelledError):
            await checking
    await node.close()
    assert not node.lab.hosts["anna"]._udp
    assert node.lab.world.closed


async def test_the_grid_is_filled_in_beside_and_can_be_interrupted() -> None:
    kept = GridState(tries=3)
    node = LabNode(grid=kept)
    await node.start()
    try:
        assert node.snapshot.grid is kept
        async with asyncio.timeout(30):
            filling = asyncio.get_running_loop().create_task(node.fill_grid(1))
            while not node.snapshot.grid.cells:  # noqa: ASYNC110
                await asyncio.sleep(0.02)
            filling.cancel()
            with pytest.raises(asyncio.CancelledError):
                await filling
        await asyncio.get_running_loop().shutdown_default_executor()
        assert not multiprocessing.active_children()
        grid = node.snapshot.grid
        assert (grid.running, grid.tries, grid.total, grid.matrix) == (False, 1, 55, None)
        assert 0 < len(grid.cells) < 55
    finally:
        await node.close()


async def test_a_story_is_told_in_the_snapshot() -> None:
    node = LabNode("strict-router")
    await node.start()
    try:
        run = await asyncio.wait_for(node.play(), 40)
        assert node.snapshot.story.run is run
        assert run.as_expected
        node.set_link("anna-router-internet", loss=0.5)
        assert [link.name for link in node.snapshot.lab.links if link.changed] == ["anna-router-internet"]
        node.reset_link("anna-router-internet")
        assert not any(link.changed for link in node.snapshot.lab.links)
    finally:
        await node.close()


async def test_the_doctor_examines_the_patient_and_the_nat_page_learns_of_it() -> None:
    node = LabNode("mtu-blackhole")
    await node.start()
    try:
        assert node.net.host.name == "ben"
        examining = asyncio.ensure_future(node.examine())  # noqa: TID251
        while not any(  # noqa: ASYNC110 - what the window would see
            check.name == "udp" and check.text == "passes" for check in node.snapshot.doctor.checks
        ):
            await asyncio.sleep(0.02)
        assert node.snapshot.doctor.running
        examining.cancel()
        with pytest.raises(asyncio.CancelledError):
            await examining
        state = node.snapshot.doctor
        assert not state.running
        assert state.report is not None
        assert state.report.failure == "cancelled"
        assert state.report.network == "mtu-blackhole"
        assert node.snapshot.nat.report == state.report.nat
        await node.retest("udp.blocked")
        assert not node.snapshot.doctor.running
        assert node.snapshot.doctor.retesting == ""
    finally:
        await node.close()


async def test_nothing_can_be_looked_at_again_before_it_was_looked_at() -> None:
    node = LabNode()
    await node.start()
    try:
        with pytest.raises(LookupError):
            await node.retest("nat.strict")
    finally:
        await node.close()


async def test_the_other_person_knocks_at_a_port_from_outside() -> None:
    node = LabNode()
    await node.start()
    try:
        with pytest.raises(InputError, match="run the check first"):
            await node.knock(1)
        await asyncio.wait_for(node.check_nat(), 20)
        async with TaskScope("test") as scope:
            inviting = scope.start(node.peers.invite(), "invite")
            number = await asyncio.wait_for(inviting, 20)
            await node.look_at_port("udp/7777")
            await asyncio.wait_for(node.knock(number), 20)
        (port,) = node.snapshot.doctor.ports
        assert port.reachable is False
        assert "asked Ben: nothing of a knock from outside came in" in port.reachable_text
    finally:
        await node.close()


async def test_every_lane_of_a_race_runs_through_the_labs_lines() -> None:
    node = LabNode("home", Config(stun=("stun:192.0.2.1",)))
    await node.start()
    try:
        await asyncio.wait_for(node.race(1.0), 30)
    finally:
        await node.close()
    lanes = {lane.transport: lane for lane in node.snapshot.race.lanes}
    assert {name: lane.failure for name, lane in lanes.items()} == dict.fromkeys(lanes)
    udp, webrtc = lanes["udp"], lanes["webrtc"]
    assert min(udp.series.values) > 0.001
    assert min(webrtc.series.values) > 0.9 * min(udp.series.values)
