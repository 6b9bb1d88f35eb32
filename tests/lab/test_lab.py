import asyncio

import pytest

from netstack.errors import InputError
from netstack.lab.lab import Lab, open_scenario
from netstack.lab.picture import topology
from netstack.lab.scenario import NAMES, load_scenario
from netstack.model.address import Address
from netstack.model.topology import NodeKind, Topology, TopologyLink
from netstack.service.nat import NatService
from tests.lab.town import Inbox


async def ask_stun(lab: Lab, host: str = "anna", wait_s: float = 3.0):
    """Sends one binding request; what came back, and when."""
    net = lab.net(host)
    inbox = Inbox()
    end = await net.open_datagram(inbox)
    asked_s = net.now()
    end.send(
        bytes.fromhex("0001000 02112a442".replace(" ", "")) + net.random_bytes(12),
        Address("203.0.113.20", 3478),
    )
    came = await inbox.one(wait_s)
    end.close()
    return None if came is None else net.now() - asked_s


async def test_links_obey_at_once() -> None:
    async with Lab(load_scenario("home")) as lab:
        before_s = await ask_stun(lab)
        lab.set_link("anna-router-internet", delay_s=0.5, jitter_s=0.0)
        slow_s = await ask_stun(lab)
        assert slow_s - before_s == pytest.approx(2 * 0.49, abs=0.02)
        lab.cut_link("anna-router-internet")
        assert await ask_stun(lab) is None
        lab.cut_link("anna-router-internet", cut=False)
        assert await ask_stun(lab) == pytest.approx(slow_s, abs=0.02)
        lab.set_link("anna-router-internet", loss=1.0)
        assert await ask_stun(lab) is None


async def test_what_cannot_be_done_gets_a_sentence() -> None:
    async with Lab(load_scenario("home")) as lab:
        for wrong in (
            lambda: lab.set_link("anna-router-internet", loss=2.0),
            lambda: lab.set_link("anna-router-internet", colour="red"),
            lambda: lab.set_link("nowhere", loss=0.1),
            lambda: lab.cut_link("nowhere"),
            lambda: lab.reboot_nat("anna"),
        ):
            with pytest.raises(InputError) as caught:
                wrong()
            assert caught.value.reason is InputError.Reason.USAGE
        assert await ask_stun(lab) is not None


async def test_a_reboot_forgets_the_mappings() -> None:
    async with Lab(load_scenario("home")) as lab:
        await ask_stun(lab)
        assert lab.boxes["anna-router"].mappings == 1
        lab.reboot_nat("anna-router")
        assert lab.boxes["anna-router"].mappings == 0


async def test_the_first_of_the_pair_is_who_one_is() -> None:
    async with open_scenario("home") as lab:
        assert lab.net().host.name == "anna"
        assert [gateway.host for gateway in await lab.net("ben").gateways()] == ["192.168.178.1"]
        assert await lab.net().resolve("stun1.example") == ("203.0.113.10", "2001:db8:ff::10")


async def test_ipv6_goes_all_the_way() -> None:
    async with Lab(load_scenario("ipv6-one-side")) as lab:
        inbox = Inbox()
        end = await lab.net().open_datagram(inbox, local=Address("2001:db8:a::10", 0))
        request = bytes.fromhex("000100002112a442") + bytes(12)
        end.send(request, Address("2001:db8:ff::10", 3478))
        assert (await inbox.one())[1] == Address("2001:db8:ff::10", 3478)


def test_the_same_check_in_virtual_and_in_real_time() -> None:
    def check(real_time: bool):
        lab = open_scenario("home", real_time=real_time)
        return lab.run(lambda lab: NatService(lab.net(), network="home").check(lab.stun_servers))

    virtual, real = check(False), check(True)
    assert virtual.network == real.network == "home"
    assert (virtual.verdict, virtual.mapping, virtual.filtering) == (
        real.verdict,
        real.mapping,
        real.filtering,
    )


@pytest.mark.parametrize("name", NAMES)
async def test_every_scenario_can_be_drawn(name: str) -> None:
    async with open_scenario(name) as lab:
        picture = topology(lab)
    assert (picture.scenario, picture.title) == (name, lab.scenario.title)
    nodes = {node.name: node for node in picture.nodes}
    assert all(0 <= node.x <= 1 and 0 <= node.y <= 1 for node in picture.nodes)
    assert len({(node.x, node.y) for node in picture.nodes}) == len(nodes)
    assert all(link.a in nodes and link.b in nodes for link in picture.links)
    assert set(picture.pair) <= {node.name for node in picture.nodes if node.kind is NodeKind.HOST}


async def test_the_picture_moves() -> None:
    def sent(picture: Topology) -> dict[str, tuple[int, int]]:
        return {link.name: (link.a_to_b.packets, link.b_to_a.packets) for link in picture.links}

    async with open_scenario("turn-down") as lab:
        assert not any(sum(counts) for counts in sent(topology(lab)).values())
        await ask_stun(lab)
        await asyncio.sleep(1)
        lab.set_link("ben-ben-router", loss=0.25)
        picture = topology(lab)
    moved = {name for name, counts in sent(picture).items() if sum(counts)}
    assert moved == {"anna-anna-router", "anna-router-internet", "stun2-internet"}
    nodes = {node.name: node for node in picture.nodes}
    assert (nodes["stun1"].server, nodes["relay"].server, nodes["anna"].server) == ("stun", "turn", None)
    assert nodes["anna-router"].mappings == 1
    assert nodes["anna-router"].nat == "symmetric"
    assert nodes["relay"].down
    assert next(link.loss for link in picture.links if link.name == "ben-ben-router") == 0.25
    assert picture.now_s > 1


def links(lab: Lab) -> dict[str, TopologyLink]:
    return {link.name: link for link in topology(lab).links}


async def test_a_changed_link_says_so_until_it_is_reset() -> None:
    async with open_scenario("bursty-wifi") as lab:
        before = links(lab)
        assert before["anna-anna-router"].burst_loss == pytest.approx(0.8 * 0.08 / 1.08)
        assert not any(link.changed for link in before.values())
        lab.set_link("anna-anna-router", delay_s=0.3, loss=0.1)
        lab.cut_link("ben-router-internet")
        changed = {name: (link.changed, link.cut) for name, link in links(lab).items()}
        assert changed["anna-anna-router"] == (True, False)
        assert changed["ben-router-internet"] == (True, True)
        for name in ("anna-anna-router", "ben-router-internet"):
            lab.reset_link(name)
        assert links(lab) == before
        with pytest.raises(InputError):
            lab.reset_link("nowhere")


async def test_what_a_router_lets_through_to_nobody_is_counted() -> None:
    async with open_scenario("home") as lab:
        end = await lab.net("anna").open_datagram(Inbox())
        end.send(b"hello", Address("203.0.113.102", 4000))
        await asyncio.sleep(1)
        end.close()
        assert {node.name: node.dropped for node in topology(lab).nodes if node.dropped} == {"ben-router": 1}


async def test_a_silent_black_hole_is_told() -> None:
    async with open_scenario("mtu-blackhole") as lab:
        assert {(link.mtu_bytes, link.tells_too_big) for link in links(lab).values()} == {
            (1500, True),
            (1280, False),
        }
