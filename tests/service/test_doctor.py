"""The doctor at work: rows as they come, cancelled in the middle, one rule looked at again."""

import asyncio

import msgspec
import pytest

from netstack.errors import InputError
from netstack.lab.lab import Lab, open_scenario
from netstack.model.config import TurnServer
from netstack.model.doctor import Check, DoctorReport, Outcome, Rung
from netstack.service.doctor import Doctor

Seen = list[tuple[float, dict[str, Check]]]


async def _examined(lab: Lab, seen: Seen | None = None) -> Doctor:
    net = lab.net(lab.patient)
    doctor, began_s = Doctor(net, network=lab.scenario.name), net.now()

    def tell(checks: tuple[Check, ...]) -> None:
        if seen is not None:
            seen.append((net.now() - began_s, {check.name: check for check in checks}))

    await doctor.examine(lab.stun_servers, lab.turn_servers, progress=tell)
    return doctor


def test_rows_keep_their_order_and_the_first_is_measured_at_once() -> None:
    seen: Seen = []
    open_scenario("home").run(lambda lab: _examined(lab, seen))
    assert len({tuple(rows) for _, rows in seen}) == 1
    settled = [at_s for at_s, rows in seen if rows["interfaces"].outcome is Outcome.GOOD]
    assert settled[0] < 2
    assert seen[-1][0] < 15
    assert all(row.outcome is not Outcome.RUNNING for row in seen[-1][1].values())
    done = {
        name: next(at for at, rows in seen if rows[name].outcome is not Outcome.RUNNING)
        for name in seen[0][1]
    }
    assert done["udp"] < done["latency"] < done["mtu"]


def test_the_ladder_has_the_router_the_first_public_station_and_the_server() -> None:
    doctor = open_scenario("home").run(_examined)
    segments = doctor.known().segments
    assert [(s.rung, s.hop, s.answered) for s in segments] == [
        (Rung.ROUTER, 1, 10),
        (Rung.INTERNET, 2, 10),
        (Rung.SERVER, None, 320),
    ]
    times = [segment.rtt_p50_s or 0 for segment in segments]
    assert times == sorted(times)
    assert segments[0].host == doctor.known().nat.gateway


def test_behind_a_carrier_the_first_public_station_is_behind_it() -> None:
    segments = open_scenario("cgnat").run(_examined).known().segments
    assert [(s.rung, s.hop) for s in segments] == [(Rung.ROUTER, 1), (Rung.INTERNET, 3), (Rung.SERVER, None)]


@pytest.mark.parametrize(
    ("link", "side"), [("anna-anna-router", "network"), ("anna-router-internet", "provider")]
)
def test_whose_side_the_loss_is_follows_from_where_it_begins(link: str, side: str) -> None:
    async def work(lab: Lab) -> DoctorReport:
        lab.set_link(link, loss=0.25)
        return (await _examined(lab)).known()

    report = open_scenario("home").run(work)
    loss = next(finding for finding in report.findings if finding.rule == "loss.bursty")
    assert loss.side == side
    assert len(loss.evidence) == 2


def test_cancelling_keeps_what_is_known() -> None:
    async def work(lab: Lab) -> DoctorReport:
        net = lab.net(lab.patient)
        doctor = Doctor(net, network="cgnat")
        examining = asyncio.ensure_future(doctor.examine(lab.stun_servers, lab.turn_servers))  # noqa: TID251
        await asyncio.sleep(3)
        examining.cancel()
        with pytest.raises(asyncio.CancelledError):
            await examining
        return doctor.known()

    report = open_scenario("cgnat").run(work)
    assert report.failure == "cancelled"
    assert report.findings[0].rule == "nat.cgnat"
    rows = {check.name: check for check in report.checks}
    assert rows["udp"].outcome is Outcome.GOOD
    assert (rows["mtu"].outcome, rows["mtu"].text) == (Outcome.UNKNOWN, "cancelled")
    assert "loss.bursty" in report.unknown
    assert 2.9 < report.duration_s < 3.1


def test_cancelled_at_once_it_knows_that_it_knows_nothing() -> None:
    async def work(lab: Lab) -> DoctorReport:
        doctor = Doctor(lab.net())
        examining = asyncio.ensure_future(doctor.examine(lab.stun_servers))  # noqa: TID251
        await asyncio.sleep(0)
        examining.cancel()
        with pytest.raises(asyncio.CancelledError):
            await examining
        return doctor.known()

    report = open_scenario("home").run(work)
    assert report.verdict == "The check was cancelled; this is what was known until then."
    assert report.findings == ()


def test_a_retest_asks_only_what_settles_the_rule() -> None:
    async def work(lab: Lab) -> tuple[DoctorReport, DoctorReport, float, Seen]:
        doctor = await _examined(lab)
        before, seen, began_s = doctor.known(), [], lab.net().now()
        for host in lab.servers["relay"]:
            await host.close()
        after = await doctor.retest(
            "turn.unreachable", progress=lambda checks: seen.append((0.0, {c.name: c for c in checks}))
        )
        return before, after, lab.net().now() - began_s, seen

    before, after, took_s, seen = open_scenario("home").run(work)
    assert before.findings == ()
    assert [finding.rule for finding in after.findings] == ["turn.unreachable"]
    running = {name for _, rows in seen for name, row in rows.items() if row.outcome is Outcome.RUNNING}
    assert running == {"relay"}
    assert took_s < 5
    kept = {c.name: c for c in before.checks if c.name != "relay"}
    assert kept == {c.name: c for c in after.checks if c.name != "relay"}


def test_a_cancelled_retest_leaves_everything_as_it_was() -> None:
    async def work(lab: Lab) -> tuple[DoctorReport, DoctorReport]:
        doctor = await _examined(lab)
        before = doctor.known()
        testing = asyncio.ensure_future(doctor.retest("mtu.blackhole"))  # noqa: TID251
        await asyncio.sleep(0.1)
        testing.cancel()
        with pytest.raises(asyncio.CancelledError):
            await testing
        return before, doctor.known()

    before, after = open_scenario("mtu-blackhole").run(work)
    assert before.findings[0].rule == "mtu.blackhole"
    assert before == after


def test_what_is_not_known_cannot_be_asked() -> None:
    async def work(lab: Lab) -> None:
        with pytest.raises(KeyError):
            await Doctor(lab.net()).retest("nat.rude")
        with pytest.raises(InputError):
            await Doctor(lab.net()).examine(["stun:a b"])

    open_scenario("home").run(work)


def test_no_report_holds_a_relays_name_or_password() -> None:
    async def work(lab: Lab) -> bytes:
        relay = TurnServer(lab.turn_servers[0].url, "ana-of-the-relay", "correct-horse")
        return msgspec.json.encode(await Doctor(lab.net()).examine(lab.stun_servers, (relay,)))

    text = open_scenario("home").run(work)
    assert b"relay.example" in text
    assert b"ana-of-the-relay" not in text
    assert b"correct-horse" not in text


def test_a_slow_start_leaves_the_ladder_out_rather_than_the_bound(monkeypatch) -> None:
    monkeypatch.setattr("netstack.service.measurements.WITHIN_S", 5.0)
    report = open_scenario("home").run(_examined).known()
    rows = {check.name: check for check in report.checks}
    assert (rows["way"].outcome, rows["way"].text) == (Outcome.UNKNOWN, "no time was left")
    assert [segment.rung for segment in report.segments] == [Rung.SERVER]
    assert rows["loss"].outcome is Outcome.GOOD


def test_another_network_in_the_middle_ends_it_and_says_so() -> None:
    async def work(lab: Lab) -> DoctorReport:
        net = lab.net(lab.patient)
        doctor = Doctor(net, network="home")
        examining = asyncio.ensure_future(doctor.examine(lab.stun_servers, lab.turn_servers))  # noqa: TID251
        await asyncio.sleep(4)
        for interface in net.host.interfaces:
            interface.up = False
        net.host.routes_changed()
        return await examining

    report = open_scenario("home").run(work)
    assert report.failure == "network-changed"
    assert report.verdict.startswith("The way to the internet went away")
    assert report.duration_s < 6
    rows = {check.name: check for check in report.checks}
    assert rows["udp"].outcome is Outcome.GOOD
    assert rows["mtu"].outcome is Outcome.UNKNOWN
