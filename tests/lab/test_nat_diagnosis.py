"""The NAT check on the lab says what the kernel's NATs and everybody's oracles say."""

import asyncio
from random import Random

import msgspec
import pytest

from netstack.core.nat_probe import ANSWER_END_S, TCP_AFTER_S
from netstack.lab.duel import duel
from netstack.lab.kinds import KINDS
from netstack.lab.lab import Lab
from netstack.lab.net import LabNet
from netstack.lab.scenario import BoxPart, HostPart, InterfacePart, ServerPart
from netstack.model.nat import NatReport
from netstack.net.protocol import Gateway
from netstack.server.stun import Behaviour
from netstack.service.nat import CACHE_S, NatService
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


@pytest.mark.parametrize(
    "behaviour", [Behaviour.LIES, Behaviour.SELF_ALTERNATE, Behaviour.RUBBISH, Behaviour.SILENT]
)
@pytest.mark.parametrize("kind", ["port-restricted", "symmetric", "open"])
def test_one_dishonest_server_among_honest_ones_changes_nothing(kind: str, behaviour: Behaviour) -> None:
    scenario = duel(kind, "open", Random(2))
    bad = ServerPart(name="bad", kind="stun", hosts=("203.0.113.66",), dns="bad.example", behaviour=behaviour)
    report = check(msgspec.structs.replace(scenario, server=(*scenario.server, bad)))
    seen, expected = msgspec.to_builtins(report), nat(kind).facts()
    assert {fact: seen[fact] for fact in expected} == expected
    accused = {server.server for server in report.servers if server.struck_for}
    assert accused <= {"stun:bad.example:3478"}
    if behaviour is Behaviour.LIES and kind != "symmetric":  # there every answer differs, honest or not
        assert accused


def test_a_router_that_keeps_silent_delays_no_proof_that_udp_is_blocked() -> None:
    scenario = duel("udp-blocked", "open", Random(1))
    mute = msgspec.structs.replace(scenario.box[0], nat_pmp=False)
    report = check(msgspec.structs.replace(scenario, box=(mute, *scenario.box[1:])))
    over_tcp = [entry.start_s for entry in report.timeline if "TCP" in entry.name]
    assert over_tcp == [TCP_AFTER_S] * 3
    assert report.verdict == "blocked"
    assert report.duration_s == ANSWER_END_S


class _WindowsNet(LabNet):
    """Names the interface of a route by its address, as Windows does."""

    async def gateways(self) -> tuple[Gateway, ...]:
        hosts = {interface.name: interface.hosts[0] for interface in await self.interfaces()}
        return tuple(
            msgspec.structs.replace(gateway, interface=hosts[gateway.interface])
            for gateway in await super().gateways()
        )


def test_an_address_of_the_providers_range_is_cgnat_however_the_route_names_its_interface() -> None:
    scenario = duel("port-restricted", "open", Random(1))
    box = msgspec.structs.replace(scenario.box[0], lan="100.64.1.1/24", nat_pmp=False)
    interface = InterfacePart(behind=box.name, hosts=("100.64.1.2",))
    anna = HostPart(name="anna", interface=(interface,))
    scenario = msgspec.structs.replace(scenario, box=(box, scenario.box[1]), host=(anna, scenario.host[1]))
    report = Lab(scenario).run(lambda lab: NatService(_WindowsNet(lab.hosts["anna"])).check(lab.stun_servers))
    assert report.cgnat is True


def test_an_answer_is_remembered_five_minutes_and_on_this_network_only() -> None:
    async def check(lab: Lab) -> list[bool]:
        host, service = lab.hosts["anna"], NatService(lab.net("anna"))
        interface = host.interfaces[0]
        cached = [(await service.check(lab.stun_servers, fresh=False)).cached]
        await asyncio.sleep(CACHE_S - 1)
        cached.append((await service.check(lab.stun_servers, fresh=False)).cached)
        cached.append((await service.check(lab.stun_servers, fresh=False, lifetime=True)).cached)
        interface.gateways = (*interface.gateways, "10.0.1.77")
        cached.append((await service.check(lab.stun_servers, fresh=False)).cached)
        interface.hosts = (*interface.hosts, "10.0.1.3")
        cached.append((await service.check(lab.stun_servers, fresh=False)).cached)
        cached.append((await service.check(lab.stun_servers, fresh=False)).cached)
        cached.append((await service.check(lab.stun_servers[:2], fresh=False)).cached)
        await asyncio.sleep(CACHE_S)
        cached.append((await service.check(lab.stun_servers[:2], fresh=False)).cached)
        return cached

    found = Lab(duel("full-cone", "open", Random(1))).run(check)
    assert found == [False, True, False, False, False, True, False, False]
