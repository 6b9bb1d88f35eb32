import asyncio

import pytest

from netstack.errors import NetError
from netstack.lab.link import Shape
from netstack.lab.nat import NatBehaviour
from netstack.lab.net import LabNet
from netstack.lab.router import BoxRules
from netstack.model.address import Address
from netstack.model.nat import Filtering, Mapping
from tests.lab.town import INSIDE, LAN, WAN, Town, bind

FAR = "192.0.2.7"


async def test_what_comes_out_has_the_public_address_and_answers_come_back() -> None:
    town = Town()
    me = town.host("me", INSIDE, behind=town.box("nat", NatBehaviour()))
    far, far_end = await bind(town.host("far", FAR), Address(FAR, 9000))
    mine, my_end = await bind(me, Address(INSIDE, 5000))
    my_end.send(b"hi", Address(FAR, 9000))
    data, source, _ = await far.one()
    assert (data, source) == (b"hi", Address(WAN, 5000))
    far_end.send(b"ho", source)
    assert (await mine.one())[:2] == (b"ho", Address(FAR, 9000))


async def test_strangers_stay_out() -> None:
    town = Town()
    me = town.host("me", INSIDE, behind=town.box("nat", NatBehaviour()))
    _, far_end = await bind(town.host("far", FAR), Address(FAR, 9000))
    _, stranger = await bind(town.host("stranger", "192.0.2.8"))
    mine, my_end = await bind(me, Address(INSIDE, 5000))
    my_end.send(b"hi", Address(FAR, 9000))
    await asyncio.sleep(0.1)
    stranger.send(b"let me in", Address(WAN, 5000))
    stranger.send(b"let me in", Address(WAN, 5001))
    far_end.send(b"ho", Address(WAN, 5000))
    assert (await mine.one())[0] == b"ho"
    assert await mine.one() is None


@pytest.mark.parametrize("hairpin", [False, True])
async def test_hairpin(hairpin: bool) -> None:
    town = Town()
    box = town.box("nat", NatBehaviour(hairpin=hairpin))
    one, two = town.host("one", INSIDE, behind=box), town.host("two", "10.0.1.3", behind=box)
    inbox, end = await bind(one, Address(INSIDE, 5000))
    _, other = await bind(two, Address("10.0.1.3", 6000))
    end.send(b"open", Address(FAR, 1))
    await asyncio.sleep(0.1)
    other.send(b"hello neighbour", Address(WAN, 5000))
    came = await inbox.one()
    assert came is None if not hairpin else came[:2] == (b"hello neighbour", Address(WAN, 6000))


async def test_neighbours_talk_without_the_nat_unless_kept_apart() -> None:
    for isolate in (False, True):
        town = Town()
        box = town.box("nat", NatBehaviour(), rules=BoxRules(isolate=isolate))
        inbox, _ = await bind(town.host("one", INSIDE, behind=box), Address(INSIDE, 5000))
        _, other = await bind(town.host("two", "10.0.1.3", behind=box), Address("10.0.1.3", 6000))
        other.send(b"hi", Address(INSIDE, 5000))
        came = await inbox.one()
        assert came is None if isolate else came[1] == Address("10.0.1.3", 6000)
        town.world.close()


async def test_two_nats_in_a_row() -> None:
    town = Town()
    carrier = town.box("cgn", NatBehaviour(), lan="100.64.0.1")
    home = town.box("home", NatBehaviour(), wan="100.64.1.2", behind=carrier)
    mine, my_end = await bind(town.host("me", INSIDE, behind=home))
    far, far_end = await bind(town.host("far", FAR), Address(FAR, 9000))
    my_end.send(b"hi", Address(FAR, 9000))
    _, source, _ = await far.one()
    assert source.host == WAN
    far_end.send(b"ho", source)
    assert (await mine.one())[0] == b"ho"
    assert home.mappings == carrier.mappings == 1


async def test_blocked_udp_and_a_list_of_allowed_ports() -> None:
    for rejects in (False, True):
        town = Town()
        rules = BoxRules(udp_ports=(53,), tcp_ports=(443,), rejects=rejects)
        me = town.host("me", INSIDE, behind=town.box("nat", NatBehaviour(), rules=rules))
        far_host = town.host("far", FAR)
        far, _ = await bind(far_host, Address(FAR, 9000))
        dns, _ = await bind(far_host, Address(FAR, 53))
        mine, my_end = await bind(me)
        my_end.send(b"hi", Address(FAR, 9000))
        my_end.send(b"name?", Address(FAR, 53))
        assert (await dns.one())[0] == b"name?"
        assert await far.one() is None
        refusal = await mine.refusal()
        assert refusal is None if not rejects else refusal[1] == Address(FAR, 9000)
        await LabNet(far_host).listen_stream(lambda stream: stream.abort(), local=Address(FAR, 80))
        with pytest.raises(NetError) as caught:
            await LabNet(me).open_stream(Address(FAR, 80), timeout_s=3)
        wanted = NetError.Reason.UNREACHABLE if rejects else NetError.Reason.TIMED_OUT
        assert caught.value.reason is wanted
        town.world.close()


async def test_a_refusal_comes_back_through_the_nat() -> None:
    town = Town()
    me = town.host("me", INSIDE, behind=town.box("nat", NatBehaviour()))
    town.host("far", FAR)
    mine, my_end = await bind(me)
    my_end.send(b"anyone?", Address(FAR, 9))
    error, remote = await mine.refusal()
    assert (error.reason, remote) == (NetError.Reason.REFUSED, Address(FAR, 9))


async def test_a_refusal_goes_out_through_the_nat() -> None:
    town = Town()
    box = town.box("nat", NatBehaviour(filtering=Filtering.ENDPOINT_INDEPENDENT))
    me = town.host("me", INSIDE, behind=box)
    _, my_end = await bind(me, Address(INSIDE, 5000))
    my_end.send(b"open", Address(FAR, 1))
    my_end.close()
    inbox, stranger = await bind(town.host("stranger", "192.0.2.8"))
    await asyncio.sleep(0.1)
    stranger.send(b"hi", Address(WAN, 5000))
    error, remote = await inbox.refusal()
    assert (error.reason, remote) == (NetError.Reason.REFUSED, Address(WAN, 5000))


async def test_ttl_runs_out_at_each_hop_in_turn() -> None:
    town = Town()
    me = town.host("me", INSIDE, behind=town.box("nat", NatBehaviour()))
    far, _ = await bind(town.host("far", FAR), Address(FAR, 9000))
    for ttl, hop in ((1, LAN), (2, town.internet.address)):
        inbox, end = await bind(me, ttl=ttl)
        end.send(b"x", Address(FAR, 9000))
        error, remote = await inbox.refusal()
        assert (error.reason, remote) == (NetError.Reason.HOP_LIMIT, Address(FAR, 9000))
        assert error.reporter == hop
    _, end = await bind(me, ttl=3)
    end.send(b"x", Address(FAR, 9000))
    assert await far.one() is not None


async def test_too_big_comes_back_through_the_nat() -> None:
    town = Town()
    me = town.host("me", INSIDE, behind=town.box("nat", NatBehaviour()))
    town.host("far", FAR, shape=Shape(mtu_bytes=1280))
    inbox, end = await bind(me, dont_fragment=True)
    end.send(bytes(1400), Address(FAR, 9000))
    error, remote = await inbox.refusal()
    assert (error.reason, remote) == (NetError.Reason.TOO_BIG, Address(FAR, 9000))


async def test_a_firewall_translates_nothing_and_lets_only_answers_in() -> None:
    town = Town()
    box = town.box(
        "wall", NatBehaviour(mapping=Mapping.NONE), lan="198.51.100.1", routed=("198.51.100.0/24",)
    )
    me = town.host("me", "198.51.100.2", behind=box)
    mine, my_end = await bind(me, Address("198.51.100.2", 5000))
    far, far_end = await bind(town.host("far", FAR), Address(FAR, 9000))
    far_end.send(b"too early", Address("198.51.100.2", 5000))
    assert await mine.one() is None
    my_end.send(b"hi", Address(FAR, 9000))
    assert (await far.one())[1] == Address("198.51.100.2", 5000)
    far_end.send(b"ho", Address("198.51.100.2", 5000))
    assert (await mine.one())[0] == b"ho"


async def test_a_reboot_closes_every_hole() -> None:
    town = Town()
    box = town.box("nat", NatBehaviour())
    mine, my_end = await bind(town.host("me", INSIDE, behind=box), Address(INSIDE, 5000))
    _, far_end = await bind(town.host("far", FAR), Address(FAR, 9000))
    my_end.send(b"hi", Address(FAR, 9000))
    await asyncio.sleep(0.1)
    box.reboot()
    far_end.send(b"ho", Address(WAN, 5000))
    assert await mine.one() is None
    my_end.send(b"again", Address(FAR, 9000))
    await asyncio.sleep(0.1)
    far_end.send(b"ho", Address(WAN, 5000))
    assert (await mine.one())[0] == b"ho"
    assert box.reboots == 1


async def test_the_box_itself_refuses_what_it_does_not_serve() -> None:
    town = Town()
    inbox, end = await bind(town.host("me", INSIDE, behind=town.box("nat", NatBehaviour())))
    end.send(b"x", Address(LAN, 5351))
    error, remote = await inbox.refusal()
    assert (error.reason, remote) == (NetError.Reason.REFUSED, Address(LAN, 5351))


async def test_ipv6_passes_untranslated_and_filtered() -> None:
    town = Town()
    box = town.box("nat", NatBehaviour(), routed=("2001:db8:a::/64",))
    box.address6 = "2001:db8:a::1"
    me6, far6 = Address("2001:db8:a::2", 5000), Address("2001:db8:1::7", 9000)
    mine, my_end = await bind(town.host("me", me6.host, behind=box), me6)
    far, far_end = await bind(town.host("far", far6.host), far6)
    far_end.send(b"too early", me6)
    assert await mine.one() is None
    my_end.send(b"hi", far6)
    assert (await far.one())[1] == me6
    far_end.send(b"ho", me6)
    assert (await mine.one())[0] == b"ho"


async def test_private_addresses_lead_nowhere_on_the_internet() -> None:
    town = Town()
    inbox, end = await bind(town.host("far", FAR))
    end.send(b"x", Address("10.99.0.1", 1))
    assert await inbox.refusal() is None
