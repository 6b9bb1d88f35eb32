"""The doctor in every scenario of the lab: the expected problems with their side, and no other."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from netstack.lab.lab import Lab, open_scenario
from netstack.lab.scenario import NAMES
from netstack.model.bluetooth_error import BluetoothError
from netstack.model.doctor import DoctorReport, Outcome, Severity, Side
from netstack.service.doctor import Doctor, exit_code, read_rules


def _examine(lab: Lab) -> DoctorReport:
    return lab.run(
        lambda here: Doctor(
            here.net(here.patient), network=here.scenario.name, radio=here.open_radio
        ).examine(here.stun_servers, here.turn_servers, here.web_checks)
    )


@pytest.mark.parametrize("name", NAMES)
def test_every_scenario_gives_its_problems_and_no_other(name: str) -> None:
    lab = open_scenario(name)
    report = _examine(lab)
    problems = {f.rule for f in report.findings if f.severity is Severity.PROBLEM}
    hints = {f.rule for f in report.findings if f.severity is Severity.HINT}
    assert problems == set(lab.scenario.expect.problems)
    assert set(lab.scenario.expect.hints) <= hints
    assert exit_code(report) == (1 if problems else 2 if report.failure else 0)
    assert report.network == name
    assert all(check.outcome is not Outcome.RUNNING for check in report.checks)
    assert report.duration_s < 15


@pytest.mark.parametrize(("name", "refused"), [("home", False), ("wrong-clock", True)])
def test_a_router_that_refuses_ports_is_told_from_one_that_opens_them(name: str, refused: bool) -> None:
    async def open_port(here: Lab) -> DoctorReport:
        doctor = Doctor(here.net(here.patient), network=name)
        await doctor.examine(here.stun_servers)
        await doctor.open_port()
        return doctor.known()

    report = open_scenario(name).run(open_port)
    assert ("mapping.refused" in {f.rule for f in report.findings}) is refused
    assert report.nat is not None
    assert report.nat.verdict == ("moderate" if refused else "open")


def test_home_has_nothing_at_all() -> None:
    report = _examine(open_scenario("home"))
    assert report.findings == ()
    assert report.verdict == "Nothing is wrong on your side."


@pytest.mark.parametrize("seed", range(5))
def test_seeds_change_nothing(seed: int) -> None:
    for name in ("home", "bursty-wifi"):
        lab = open_scenario(name, seed=seed)
        problems = {f.rule for f in _examine(lab).findings if f.severity is Severity.PROBLEM}
        assert problems == set(lab.scenario.expect.problems), name


def test_the_command_prints_the_report_and_its_exit_code() -> None:
    command = [sys.executable, "-m", "app", "doctor", "--lab", "cgnat", "--format", "json"]
    done = subprocess.run(
        command, capture_output=True, text=True, timeout=40, check=False, cwd=Path(__file__).parents[2]
    )
    assert done.returncode == 1, done.stderr
    assert done.stderr == ""
    report = json.loads(done.stdout)
    assert report["schema"] == "peerscope.report/1"
    assert report["findings"][0]["rule"] == "nat.cgnat"
    assert report["findings"][0]["side"] == "provider"


@pytest.mark.slow
def test_two_hundred_homes_with_one_per_cent_loss_raise_no_false_alarm() -> None:
    alarms = []
    for seed in range(200):
        lab = open_scenario("home", seed=seed)

        async def examine(here: Lab) -> DoctorReport:
            here.set_link("anna-router-internet", loss=0.01)
            return await Doctor(here.net("anna")).examine(here.stun_servers, here.turn_servers)

        alarms += [f.rule for f in lab.run(examine).findings if f.severity is Severity.PROBLEM]
    print(f"200 homes with 1 % loss each way: {len(alarms)} false alarms {alarms}")
    assert alarms == []


SHOWN = {
    "dns.failing": ("no-names", Side.NETWORK),
    "portal.captive": ("captive-portal", Side.NETWORK),
    "udp.blocked": ("udp-blocked", Side.NETWORK),
    "vpn.seen": ("vpn", Side.PC),
    "nat.cgnat": ("cgnat", Side.PROVIDER),
    "nat.double": ("double-nat", Side.ROUTER),
    "nat.strict": ("strict-router", Side.ROUTER),
    "mapping.refused": ("wrong-clock", Side.ROUTER),
    "turn.unreachable": ("turn-down", Side.SERVER),
    "turn.unauthorized": ("turn-refuses", Side.SERVER),
    "mtu.blackhole": ("mtu-blackhole", Side.PROVIDER),
    "latency.high": ("satellite", Side.PROVIDER),
    "loss.bursty": ("bursty-wifi", Side.NETWORK),
    "hairpin.missing": ("no-hairpin", Side.ROUTER),
    "ipv6.missing": ("cgnat", Side.PROVIDER),
    "clock.wrong": ("wrong-clock", Side.PC),
    "bluetooth.unavailable": ("hotel-wifi", Side.PC),
}
"""Where each rule can be seen at work, and whose side it is there."""


OBSTACLES = tuple(BluetoothError.Reason)[
    : tuple(BluetoothError.Reason).index(BluetoothError.Reason.NO_PERIPHERAL)
]
"""What the preflight can find."""


def _examined(name: str) -> DoctorReport:
    async def work(here: Lab) -> DoctorReport:
        doctor = Doctor(here.net(here.patient), network=name, radio=here.open_radio)
        await doctor.examine(here.stun_servers, here.turn_servers, here.web_checks)
        await doctor.open_port()
        return doctor.known()

    return open_scenario(name).run(work)


@pytest.mark.parametrize("rule", SHOWN)
def test_each_rule_is_shown_by_a_scenario_with_its_side_and_remedy(rule: str) -> None:
    name, side = SHOWN[rule]
    found = {finding.rule: finding for finding in _examined(name).findings}
    assert found[rule].side is side
    assert found[rule].evidence
    assert found[rule].remedy


def test_an_ordinary_home_contradicts_every_rule() -> None:
    report = _examined("home")
    assert report.findings == ()
    assert set(report.unknown) <= {"bluetooth.unavailable"}
    assert {rule.id for rule in read_rules().rule} - set(SHOWN) == set()


@pytest.mark.parametrize("reason", OBSTACLES)
def test_the_doctor_names_each_obstacle_of_bluetooth_with_its_next_step(
    reason: BluetoothError.Reason,
) -> None:
    async def work(here: Lab) -> DoctorReport:
        here.airspace.adapter(here.patient).remove(reason)
        doctor = Doctor(here.net(here.patient), network="train", radio=here.open_radio)
        return await doctor.retest("bluetooth.unavailable")

    report = open_scenario("train").run(work)
    found = next(each for each in report.findings if each.rule == "bluetooth.unavailable")
    error = BluetoothError(reason)
    assert (found.evidence, found.remedy, found.side) == ((error.sentence,), error.remedy, Side.PC)


def test_bluetooth_says_which_reason_and_what_to_do_and_is_quiet_where_it_works() -> None:
    found = {finding.rule: finding for finding in _examined("hotel-wifi").findings}["bluetooth.unavailable"]
    assert found.evidence == ("Bluetooth is turned off.",)
    assert found.remedy.startswith("Turn Bluetooth on")
    for name in ("train", "no-peripheral-role"):
        report = _examined(name)
        assert not {"bluetooth.unavailable"} & {*report.unknown, *(f.rule for f in report.findings)}
        row = next(check for check in report.checks if check.name == "bluetooth")
        assert row.outcome is Outcome.GOOD
        assert ("not to host" in row.text) is (name == "no-peripheral-role")
