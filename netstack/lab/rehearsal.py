"""Runs one scenario from end to end: what each side's NAT check says, and whether the two can connect."""

import msgspec

from netstack.lab.lab import Lab
from netstack.lab.meet import meet
from netstack.lab.scenario import Scenario, load_scenario
from netstack.lab.workers import spread_beside
from netstack.model.lab import LabRun, PairOutcome
from netstack.model.nat import NatReport
from netstack.service.nat import NatService


def rehearse(scenario: Scenario, *, seed: int = 0) -> LabRun:
    """Checks both sides, each in a world of its own, then lets them connect, while the events happen."""
    reports = {name: _check(scenario, name, seed) for name in scenario.pair}
    return told(scenario, seed, reports, meet(scenario, seed))


def told(scenario: Scenario, seed: int, reports: dict[str, NatReport], outcome: PairOutcome) -> LabRun:
    """What came out, as one value."""
    titles = {host.name: host.title or host.name for host in scenario.host}
    return LabRun(
        scenario=scenario.name,
        title=scenario.title,
        story=scenario.story,
        seed=seed,
        names=titles,
        pair=scenario.pair,
        nat=reports,
        connection=outcome,
        sentence=_sentence(outcome),
        as_expected=_as_expected(scenario, reports, outcome),
    )


async def rehearse_beside(name: str, *, seed: int = 0) -> LabRun:
    """The same for a named scenario, in a child process, while the running loop goes on. Raises WorkerError."""
    (run,) = await spread_beside(_rehearse_named, [(name, seed)], 1)
    return run


def _rehearse_named(job: tuple[str, int]) -> LabRun:
    name, seed = job
    return rehearse(load_scenario(name), seed=seed)


def _check(scenario: Scenario, host: str, seed: int) -> NatReport:
    async def check(lab: Lab) -> NatReport:
        return await NatService(lab.net(host), network=scenario.name).check(lab.stun_servers)

    return Lab(scenario, seed=seed).run(check)


def _sentence(outcome: PairOutcome) -> str:
    if not outcome.connected:
        return "They could not connect."
    way = "directly" if outcome.direct else "over a relay"
    if "bluetooth" in outcome.paths:
        way = "over Bluetooth"
    text = (
        f"They connected {way}; the first byte had come through both ways after {outcome.first_byte_s:.2f} s."
    )
    if outcome.silence_s is not None:
        text += f" The longest silence lasted {outcome.silence_s:.1f} s."
    return text


def _as_expected(scenario: Scenario, reports: dict[str, NatReport], outcome: PairOutcome) -> bool:
    expect = scenario.expect
    facts = {name: msgspec.to_builtins(report) for name, report in reports.items()}
    nat = all(
        facts[host][field] == value for host, wanted in expect.nat.items() for field, value in wanted.items()
    )
    return nat and (outcome.connected, outcome.direct) == (expect.pair.connected, expect.pair.direct)
