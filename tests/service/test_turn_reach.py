"""Whether a relay answers, as the whole check asks it: over TLS where that is what it is named for."""

import pytest

from netstack.core.doctor_rows import relay_row
from netstack.errors import NetError
from netstack.model.config import TurnServer
from netstack.model.turn import TurnError
from netstack.net.system import SystemNet
from netstack.service.turn_reach import reach_turn
from tests.coturn import NAME, coturn, needs_coturn
from tests.service.turn_hosts import turn_host

pytestmark = needs_coturn


class Named(SystemNet):
    """Knows one name, as a name server would."""

    async def resolve(self, host: str) -> tuple[str, ...]:
        return ("127.0.0.1",) if host == NAME else await super().resolve(host)


async def test_tls_is_tls_and_a_strangers_certificate_is_told() -> None:
    with coturn() as server:
        ours = TurnServer(f"turns:{NAME}:{server.tls.port}", "u", "p")
        reach = await reach_turn(Named(), ours, tls=server.client_tls)
        assert [(way.transport, way.state) for way in reach.ways] == [("tls", "ok")]
        assert reach.ways[0].allocate_s is not None
        wrong = TurnServer(ours.url, "u", "wrong")
        assert (await reach_turn(Named(), wrong, tls=server.client_tls)).state == "unauthorized"
        stranger = await reach_turn(Named(), ours)
        assert stranger.state == "untrusted"
        assert "certificate" in stranger.ways[0].text
    async with turn_host() as plain:
        there = TurnServer(f"turns:{NAME}:{plain.addresses[0].port}", "u", "p")
        assert (await reach_turn(Named(), there, tls=server.client_tls)).state == "unreachable"


@pytest.mark.parametrize("query", ["", "?transport=udp", "?transport=tcp"])
async def test_a_relay_takes_us_or_says_that_it_does_not(query: str) -> None:
    with coturn() as server:
        url = f"turn:127.0.0.1:{server.udp.port}{query}"
        assert (await reach_turn(SystemNet(), TurnServer(url, "u", "p"))).state == "ok"
        assert (await reach_turn(SystemNet(), TurnServer(url, "u", "wrong"))).state == "unauthorized"
        assert (await reach_turn(SystemNet(), TurnServer(url, "nobody", "p"))).state == "unauthorized"
        assert (await reach_turn(SystemNet(), TurnServer(url))).state == "ok"


async def test_a_full_server_answers_all_the_same() -> None:
    with coturn("--total-quota=0", "--no-udp-relay") as server:
        reach = await reach_turn(SystemNet(), TurnServer(f"turn:127.0.0.1:{server.udp.port}", "u", "p"))
        assert reach.state == "ok"
        assert all(way.text for way in reach.ways)


async def test_nobody_and_nonsense() -> None:
    assert (await reach_turn(SystemNet(), TurnServer("turn:127.0.0.1:9"))).state == "unreachable"
    with pytest.raises(TurnError):
        await reach_turn(SystemNet(), TurnServer("turn://x"))


class NoTcp(SystemNet):
    """Lets no connection out."""

    async def push_stream(self, receiver, remote, **_options):
        raise NetError(NetError.Reason.REFUSED, str(remote))


async def test_each_way_is_told_apart() -> None:
    with coturn() as server:
        reach = await reach_turn(NoTcp(), TurnServer(f"turn:127.0.0.1:{server.udp.port}", "u", "p"))
    assert [(way.transport, way.state) for way in reach.ways] == [("udp", "ok"), ("tcp", "unreachable")]
    assert reach.state == "ok"
    assert relay_row((reach,)).text == "answers over UDP; not over TCP"


class WebPort(Named):
    """Its host's port 443 is somewhere else."""

    def __init__(self, port: int) -> None:
        super().__init__()
        self.port = port

    async def push_stream(self, receiver, remote, **options):
        there = remote._replace(port=self.port) if remote.port == 443 else remote
        return await super().push_stream(receiver, there, **options)


async def test_tls_on_the_web_port_is_found_though_nobody_named_it() -> None:
    with coturn() as server:
        ours = TurnServer(f"turn:{NAME}:{server.udp.port}", "u", "p")
        reach = await reach_turn(WebPort(server.tls.port), ours, tls=server.client_tls)
        assert reach.tls_url == f"turns:{NAME}:443"
        assert f"TLS answers at turns:{NAME}:443." in relay_row((reach,)).detail
        assert (await reach_turn(WebPort(9), ours, tls=server.client_tls)).tls_url is None
        assert (await reach_turn(WebPort(server.tls.port), ours)).tls_url is None  # a stranger's certificate
