"""Relays by button: several at once, what they do on show, and given back at the end."""

import asyncio

import pytest

from netstack.errors import InputError
from netstack.model.config import Config, TurnServer
from netstack.model.turn import KnownServer, RelayPhase, StageName, TurnError, TurnState
from netstack.net.system import SystemNet
from netstack.node import Node
from netstack.server.turn_budget import TurnLimits
from netstack.service.relay_desk import RelayDesk
from netstack.service.turn_login import TurnLogin
from netstack.tasks import TaskScope
from tests.service.turn_hosts import turn_host

LOGIN = TurnLogin("u", "p")


async def test_several_at_once_and_what_they_do() -> None:
    shown: list[TurnState] = []
    async with turn_host() as server:
        desk = RelayDesk(SystemNet(), shown.append)
        uri = f"turn:{server.addresses[0]}"
        one, two = await asyncio.gather(desk.allocate(uri, LOGIN), desk.allocate(uri, LOGIN))
        await desk.let_in(one, "127.0.0.9")
        await desk.let_in(one, " 127.0.0.9:9 ")
        for nonsense in ("", "ana", "127.0.0.9:x", "1.2.3:4"):
            with pytest.raises(InputError):
                await desk.let_in(one, nonsense)
        [first, second] = desk.state.relays
        assert (first.relay_id, second.relay_id) == (one, two)
        assert [p.host for p in first.permissions] == ["127.0.0.9"]
        assert [c.number for c in first.channels] == [0x4000]
        assert 590 < first.remaining_s <= 600
        assert first.uri == uri
        assert shown[1].relays[0].phase is RelayPhase.OPENING
        desk.refresh(one)
        await asyncio.sleep(0.05)
        await desk.release(one)
        assert [relay.relay_id for relay in desk.state.relays] == [two]
        assert server.gauges()["allocations"][0] == 1
        await desk.close()
        await desk.close()
        assert server.gauges()["allocations"][0] == 0
        with pytest.raises(TurnError):
            await desk.permit(two, "127.0.0.9")


async def test_what_failed_stays_on_show_until_it_is_dismissed() -> None:
    async with turn_host(limits=TurnLimits(allocations_per_user=1)) as server:
        desk = RelayDesk(SystemNet(), lambda _: None)
        uri = f"turn:{server.addresses[0]}?transport=udp"
        await desk.allocate(uri, LOGIN)
        with pytest.raises(TurnError):
            await desk.allocate(uri, LOGIN)
        [_, failed] = desk.state.relays
        assert (failed.phase, failed.failure) == (RelayPhase.FAILED, "quota")
        assert failed.remedy
        await desk.release(failed.relay_id)
        assert len(desk.state.relays) == 1
        await desk.close()


async def test_a_malformed_uri_is_an_error_and_shows_nothing() -> None:
    desk = RelayDesk(SystemNet(), lambda _: None)
    for ask in (desk.allocate("turn:", LOGIN), desk.check("http://x", LOGIN)):
        with pytest.raises(TurnError):
            await ask
    assert desk.state == TurnState()


async def test_the_node_checks_with_what_the_configuration_knows() -> None:
    async with turn_host() as server:
        uri = f"turn:{server.addresses[0]}"
        node = Node(SystemNet(), Config(turn=(TurnServer(uri, "u", "p"),)))
        assert node.snapshot.turn.servers == (KnownServer(uri, "u", password_known=True),)
        report = await node.relays.check(uri)
        assert report.failure is None
        assert node.snapshot.turn.report == report
        assert not node.snapshot.turn.running
        number = await node.relays.allocate(uri)
        assert node.snapshot.turn.relays[0].relay_id == number
        await node.close()
        assert server.gauges()["allocations"][0] == 0


async def test_the_speed_is_measured_by_itself_when_it_is_asked_for() -> None:
    shown: list[TurnState] = []
    async with turn_host() as server:
        desk = RelayDesk(SystemNet(), shown.append)
        assert await desk.measure_speed() is None
        before = await desk.check(f"turn:{server.addresses[0]}", LOGIN)
        assert before.throughput_relay_bps is None
        sent = server.relayed_bytes
        after = await desk.measure_speed()
        assert server.relayed_bytes - sent <= 2 * 5_000_000
        assert after.throughput_relay_bps > 0
        assert 0 < after.throughput_relay_n <= 4167
        [stage] = [each for each in after.stages if each.name is StageName.THROUGHPUT]
        assert stage.ok
        assert f"n={after.throughput_relay_n}" in stage.detail
        assert (desk.state.report, desk.state.measuring) == (after, None)
        assert [each.measuring for each in shown if each.measuring] == sorted(
            each.measuring for each in shown if each.measuring
        )
        assert server.gauges()["allocations"][0] == 0


async def test_a_speed_that_is_cancelled_or_fails_leaves_nothing_behind() -> None:
    begun = asyncio.Event()
    async with turn_host() as server:
        desk = RelayDesk(SystemNet(), lambda state: begun.set() if state.measuring else None)
        before = await desk.check(f"turn:{server.addresses[0]}", LOGIN)
        async with TaskScope("test") as tasks:
            measuring = tasks.start(desk.measure_speed(), "speed")
            await asyncio.wait_for(begun.wait(), 5)
            measuring.cancel()
            await asyncio.wait([measuring])
        assert (desk.state.report, desk.state.measuring) == (before, None)
        await asyncio.sleep(0.05)
        assert server.gauges()["allocations"][0] == 0
    after = await desk.measure_speed()
    assert after.throughput_relay_bps is None
    [stage] = [each for each in after.stages if each.name is StageName.THROUGHPUT]
    assert (stage.ok, stage.failure) == (False, "refused")
    assert stage.next_step
