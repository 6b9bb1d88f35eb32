"""The coordinator on real sessions in the lab: backups, preferences, and the state that it tells."""

import asyncio

from netstack.lab.drill import SCENARIO, WIFI, Players, play, ride_wifi
from netstack.lab.lab import Lab
from netstack.lab.scenario import load_scenario
from netstack.model.coordinator import Reason
from netstack.model.session import Priority, TransportKind


def _lab() -> Lab:
    return Lab(load_scenario(SCENARIO), seed=11)


async def test_a_backup_is_opened_on_the_other_interface_and_stays_cheap() -> None:
    async with _lab() as lab, Players.meet(lab) as players:
        first = await ride_wifi(lab, players.anna)
        players.coordinate(warm=True)
        await asyncio.sleep(8.0)
        [peer] = players.anna.coordinator.state.peers
        assert peer.routes == (first, first, first)
        reserve = next(each for each in peer.health if each.path == peer.reserve)
        assert (reserve.transport, reserve.local) == ("udp", "100.64.1.2")
        assert not peer.doubled
        session = players.anna.connection.session
        path = session.paths.table[peer.reserve]
        before = path.sent_bytes
        await play(players, 10.0)
        assert path.sent_bytes - before < 10 * 600  # two probes and answers half a second, nothing else
        assert players.anna.missing_from(players.ben) <= 8


async def test_the_preferred_transport_goes_first_while_it_is_healthy() -> None:
    async with _lab() as lab, Players.meet(lab) as players:
        await ride_wifi(lab, players.anna)
        players.coordinate(warm=True)
        await play(players, 4.0)
        players.ben.coordinator.prefer("", TransportKind.TURN)
        await play(players, 4.0)
        decisions = players.ben.coordinator.state.decisions
        assert {move.priority for move in decisions if move.reason is Reason.PREFERRED} == set(Priority)
        assert "preferred" in decisions[0].sentence
        carried = players.ben.connection.session.paths.table[players.ben.coordinator.state.peers[0].routes[1]]
        assert carried.traits.kind is TransportKind.TURN
        await asyncio.sleep(2.0)
        assert players.ben.missing_from(players.anna) == players.anna.missing_from(players.ben) == 0


async def test_a_preferred_way_that_is_only_known_is_opened() -> None:
    async with _lab() as lab, Players.meet(lab) as players:
        await ride_wifi(lab, players.anna)
        for player in players.both:
            player.coordinate(warm=False)
        session = players.ben.connection.session
        await play(players, 2.0)
        kinds = {path.traits.kind for path in session.paths.table.values() if path.in_use}
        assert TransportKind.TURN not in kinds
        players.ben.coordinator.prefer("", TransportKind.TURN)
        await play(players, 6.0)
        [peer] = players.ben.coordinator.state.peers
        carrying = {each.transport for each in peer.health if each.path in peer.routes}
        assert (carrying, peer.preferred) == ({"turn"}, TransportKind.TURN)


async def test_decisions_are_newest_first_and_end_with_the_connection() -> None:
    async with _lab() as lab, Players.meet(lab) as players:
        await ride_wifi(lab, players.anna)
        players.coordinate(warm=True)
        await play(players, 4.0)
        lab.cut_link(WIFI)
        await play(players, 4.0)
        decisions = players.anna.coordinator.state.decisions
        assert {move.reason for move in decisions} == {Reason.STALLED}
        assert [move.at_s for move in decisions] == sorted((move.at_s for move in decisions), reverse=True)
        assert all(move.sentence.startswith("UDP has delivered nothing for 1.") for move in decisions)
        players.anna.connection.close()
        await asyncio.sleep(1.0)
        assert players.anna.coordinator.state.peers == ()
        assert players.anna.coordinator.state.decisions == decisions
