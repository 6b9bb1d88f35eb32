"""A TURN server that is found by its SRV records, in the lab: RFC 5928 over the engine's own seam."""

import msgspec

from netstack.core.turn_uri import parse_turn_uri
from netstack.lab.lab import Lab
from netstack.lab.scenario import TURN_PASSWORD, TURN_USERNAME, ServerPart, SrvPart, load_scenario
from netstack.model.turn import ServerTransport
from netstack.service.turn import TurnService
from netstack.service.turn_login import TurnLogin
from netstack.transport.turn_dial import Place, find_places

LOGIN = TurnLogin(TURN_USERNAME, TURN_PASSWORD)


def _lab(*srv: SrvPart, down: bool = False) -> Lab:
    home = load_scenario("home")
    names = ServerPart(
        name="names",
        title="Name server",
        kind="dns",
        hosts=("203.0.113.53",),
        dns="ns.example",
        srv=srv,
        down=down,
    )
    return Lab(msgspec.structs.replace(home, server=(*home.server, names)))


UDP = SrvPart(name="_turn._udp.club.example", target="relay.example", port=3478)


def test_the_records_say_where_each_transport_is() -> None:
    lab = _lab(UDP, SrvPart(name="_turn._tcp.club.example", target="relay.example", port=80))

    async def look(here: Lab) -> tuple[Place, ...]:
        return await find_places(here.net("anna"), parse_turn_uri("turn:club.example"))

    places = lab.run(look)
    assert [(each.transport, each.server.port, each.srv) for each in places] == [
        (ServerTransport.UDP, 3478, "relay.example:3478"),
        (ServerTransport.TCP, 80, "relay.example:80"),
    ]


def test_the_doctor_follows_them_and_says_so() -> None:
    async def check(here: Lab):
        return await TurnService(here.net("anna")).check("turn:club.example", LOGIN)

    report = _lab(UDP).run(check)
    assert "SRV relay.example:3478 (udp)" in report.stages[0].detail
    assert report.relayed_address is not None


def test_without_records_the_name_itself_counts() -> None:
    not_offered = SrvPart(name="_turn._udp.relay.example", target="", port=0)
    for lab in (_lab(), _lab(not_offered), _lab(UDP, down=True), Lab(load_scenario("home"))):

        async def look(here: Lab) -> tuple[Place, ...]:
            return await find_places(here.net("anna"), parse_turn_uri("turn:relay.example"))

        assert {each.srv for each in lab.run(look)} == {""}


def test_a_port_or_an_address_asks_nobody() -> None:
    async def look(here: Lab) -> float:
        began_s = here.net("anna").now()
        for uri in ("turn:relay.example:3478", "turn:203.0.113.40"):
            await find_places(here.net("anna"), parse_turn_uri(uri))
        return here.net("anna").now() - began_s

    assert _lab(UDP, down=True).run(look) == 0.0
