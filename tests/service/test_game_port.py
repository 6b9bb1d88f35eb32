"""My game's port: a program has it, the router forwards it."""

import pytest

from netstack.core.game_ports import parse_port, ports_of
from netstack.errors import InputError, NetError
from netstack.lab.lab import Lab, open_scenario
from netstack.model.address import Address
from netstack.model.doctor import PortReport
from netstack.model.port_mapping import Carried
from netstack.service import game_port
from netstack.service.doctor import Doctor
from netstack.service.game_port import look_at_port, read_games, shipped_games
from tests.service.test_port_mapping import WAN, around, description, fault, quick, soap  # noqa: F401

LISTED = (
    "<u:GetSpecificPortMappingEntryResponse xmlns:u='y'><NewInternalClient>{host}</NewInternalClient>"
    "<NewInternalPort>{port}</NewInternalPort></u:GetSpecificPortMappingEntryResponse>"
)


@pytest.mark.parametrize("carried", Carried)
async def test_a_program_that_has_the_port_is_noticed(quick, carried) -> None:  # noqa: F811
    async with around() as (gateway, service, endpoint):
        net = gateway.net
        if carried is Carried.UDP:
            taken, port = endpoint, endpoint.local.port
        else:
            taken = await net.listen_stream(lambda stream: stream.abort(), local=Address(net.own, 0))
            port = taken.local.port
        assert (await look_at_port(net, service, carried, port)).bound is True
        taken.close()
        report = await look_at_port(net, service, carried, port)
    assert report.bound is False
    assert report.mapped is None
    assert "does not tell" in report.mapped_text


@pytest.mark.parametrize(
    ("answer", "mapped", "text"),
    [
        ("own", True, "to port 7000 of this computer"),
        ("other", False, "to 192.0.2.9, another computer"),
        (fault(714), None, "nothing is listed by UPnP"),
        (fault(606), None, "does not let this computer"),
        (soap("<u:GetSpecificPortMappingEntryResponse xmlns:u='y'/>"), None, "does not follow its protocol"),
    ],
)
async def test_the_router_says_to_whom_it_forwards(quick, answer, mapped, text) -> None:  # noqa: F811
    async with around() as (gateway, service, _endpoint):
        host = gateway.net.own if answer == "own" else "192.0.2.9"
        listed = answer if isinstance(answer, bytes) else soap(LISTED.format(host=host, port=7000))
        gateway.pages = {
            b"/desc.xml": description(),
            b"GetExternalIPAddress": WAN,
            b"GetSpecificPortMappingEntry": listed,
        }
        report = await look_at_port(gateway.net, service, Carried.UDP, 7000, "Chess")
        assert not any(b"AddPortMapping" in request for request in gateway.requests)
    assert report.mapped is mapped, report.mapped_text
    assert text in report.mapped_text
    assert (report.port, report.game, report.reachable) == ("udp/7000", "Chess", None)


async def test_a_port_that_may_not_be_taken_is_not_known(quick) -> None:  # noqa: F811
    async with around() as (gateway, _service, _):

        async def refuse(*_: object, **__: object) -> None:
            raise NetError(NetError.Reason.DENIED)

        gateway.net.open_datagram = refuse
        assert (await game_port._bound(gateway.net, Carried.UDP, 80))[0] is None


def test_the_doctor_keeps_it_in_its_report() -> None:
    async def work(lab: Lab) -> tuple[PortReport, ...]:
        doctor = Doctor(lab.net())
        lab.hosts["anna"].bind(Address("192.168.1.10", 7777), lambda *_: None)
        await doctor.look_at_ports([(Carried.UDP, 7777), (Carried.TCP, 7777)])
        await doctor.examine(lab.stun_servers)
        return doctor.known().ports

    assert [(p.port, p.bound) for p in open_scenario("home").run(work)] == [
        ("udp/7777", True),
        ("tcp/7777", False),
    ]


def test_every_shipped_game_has_ports_and_one_name() -> None:
    games = shipped_games()
    assert len({game.name.casefold() for game in games}) == len(games) > 5
    for game in games:
        assert game.ports
        assert ports_of(game.name, games)[1] == tuple(map(parse_port, game.ports))


def test_a_broken_file_of_the_users_is_one_sentence(tmp_path) -> None:
    file = tmp_path / "games.toml"
    assert read_games(file) == shipped_games()
    file.write_text('[[game]]\nname = "Chess"\nports = ["udp/1"]\n', encoding="utf-8")
    assert "Chess" in {game.name for game in read_games(file)}
    for text in ("[[game]]\nname = 3", "[[", "[[game]]\nnam = 'x'"):
        file.write_text(text, encoding="utf-8")
        with pytest.raises(InputError) as caught:
            read_games(file)
        assert "games.toml" in caught.value.sentence
