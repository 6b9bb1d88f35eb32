"""The NAT check on the lab says what the kernel's NATs and everybody's oracles say."""

from random import Random

import msgspec
import pytest

from netstack.lab.duel import duel
from netstack.lab.kinds import KINDS
from netstack.lab.lab import Lab
from netstack.lab.scenario import BoxPart, HostPart, InterfacePart
from netstack.model.nat import NatReport
from netstack.service.nat import NatService
from tests.expectations import CHAINS, chain, nat


def check(scenario, seed: int = 1) -> NatReport:
    return Lab(scenario, seed=seed).run(
        lambda lab: NatService(lab.net("anna"), network="lab").check(lab.stun_servers)
    )


@pytest.mark.parametrize("hairpin", [False, True])
@pytest.mark.parametrize("kind", KINDS)
def test_every_kind(kind: str, hairpin: bool) -> None:
    report = msgspec.to_builtins(check(duel(kind, "open", Random(1), hairpin=hairpin)))
    expected = nat(kind).facts(hairpin=hairpin)
    assert {fact: report[fact] for fact in expected} == expected


@pytest.mark.parametrize(("home", "carrier"), CHAINS)
def test_two_nats_in_a_row(home: str, carrier: str) -> None:
    scenario = duel(home, "open", Random(1))
    outer = BoxPart(name="carrier", nat=carrier, wan="203.0.113.101", lan="100.64.0.1/10")
    inner = BoxPart(
        name="home", behind="carrier", nat=home, wan="100.64.1.2", lan="10.0.1.1/24", nat_pmp=True
    )
    anna = HostPart(name="anna", interface=(InterfacePart(behind="home", hosts=("10.0.1.2",)),))
    scenario = msgspec.structs.replace(
        scenario, box=(outer, inner, *scenario.box[1:]), host=(anna, *scenario.host[1:])
    )
    report = check(scenario)
    seen = msgspec.to_builtins(report)
    expected = chain(home, carrier).facts()
    assert {fact: seen[fact] for fact in expected} == expected
    assert report.cgnat
