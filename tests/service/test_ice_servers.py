"""aioice takes one STUN and one TURN server: of the configuration's, those that answer."""

from netstack.model.config import TurnServer
from netstack.model.webrtc import IceServers
from netstack.net.system import SystemNet
from netstack.service.ice_servers import choose_ice_servers
from tests.service.turn_hosts import turn_host

NOBODY = "127.0.0.1:9"


async def test_of_several_the_one_that_answers_is_taken() -> None:
    async with turn_host() as server:
        at = server.addresses[0]
        relays = (
            TurnServer(f"turn:{NOBODY}", "u", "p"),
            TurnServer("turn://nonsense", "u", "p"),
            TurnServer(f"turn:{at}?transport=udp", "me", "secret"),
        )
        stun = (f"stun:{NOBODY}", "no server", f"stun:{at}")
        chosen = await choose_ice_servers(SystemNet(), stun, relays)
        assert chosen == IceServers((at.host, at.port), f"turn:{at}?transport=udp", "me", "secret")
        by_tcp = (
            TurnServer(f"turn:{NOBODY}?transport=tcp"),
            TurnServer(f"turn:{at}?transport=tcp", "me", "s"),
        )
        chosen = await choose_ice_servers(SystemNet(), (), by_tcp)
        assert chosen == IceServers(None, f"turn:{at}?transport=tcp", "me", "s")


async def test_where_nobody_answers_a_relay_is_the_last_hope() -> None:
    relay = TurnServer(f"turn:{NOBODY}", "u", "p")
    assert await choose_ice_servers(SystemNet(), (f"stun:{NOBODY}",), (relay,)) == IceServers(
        None, f"turn:{NOBODY}?transport=udp", "u", "p"
    )
    assert await choose_ice_servers(SystemNet(), (), ()) == IceServers()
