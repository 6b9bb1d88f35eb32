"""The embedded TURN server for a while: its relays meet, and nothing is left."""

import asyncio
import os
import ssl

import pytest

from netstack.core.turn_uri import TurnUri
from netstack.model.address import Address, Family
from netstack.model.turn import ServerTransport, TurnCredentials, TurnError
from netstack.net.system import SystemNet
from netstack.server.turn import TurnServer
from netstack.server.turn_credentials import Credentials
from netstack.service.embedded_turn import embedded_turn
from netstack.service.serve import ServerHost
from netstack.transport.turn_dial import open_relay
from tests.lab.certificates import pem
from tests.transport.test_turn_coturn import Inbox


@pytest.mark.parametrize("transport", [ServerTransport.UDP, ServerTransport.TCP])
async def test_two_of_its_relays_talk_and_reach_nothing_else_here(transport):
    net = SystemNet()
    async with embedded_turn(net) as (uri, user):
        one, two = await asyncio.gather(
            *(open_relay(net, uri._replace(transport=transport), lambda: user) for _ in range(2))
        )
        inbox = two.receiver = Inbox()
        await two.permit(one.relayed.host)
        await one.bind(two.relayed)
        assert one.send_burst(b"aabb", 2, two.relayed)
        assert [await inbox.one() for _ in range(2)] == [(one.relayed, b"aa"), (one.relayed, b"bb")]
        with pytest.raises(TurnError) as refused:
            await one.bind(Address("127.0.0.1", 22))
        assert refused.value.reason is TurnError.Reason.FORBIDDEN
        await one.release()
        await two.release()


async def test_it_takes_tls_and_is_known_by_its_certificate(tmp_path):
    certificate, private = pem("turn.example")
    (tmp_path / "cert.pem").write_text(certificate)
    (tmp_path / "key.pem").write_text(private)
    ours = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    ours.load_cert_chain(tmp_path / "cert.pem", tmp_path / "key.pem")
    machine = TurnServer((Address("127.0.0.1", 0),), Credentials("lab", {"u": "p"}, bytes(32)), os.urandom)
    host = ServerHost(SystemNet(), machine, {Family.IPV4: "127.0.0.1"}, tls=ours, tls_port=0)
    await host.open()
    try:
        uri = TurnUri("turn.example", host.tls_at.port, secure=True)
        user = TurnCredentials("u", "p")
        there = (host.tls_at,)
        trusting = ssl.create_default_context(cadata=certificate)
        relay = await open_relay(SystemNet(), uri, lambda: user, servers=there, tls=trusting)
        assert relay.transport is ServerTransport.TLS
        assert relay.relayed.host == "127.0.0.1"
        await relay.release()
        with pytest.raises(TurnError) as refused:
            await open_relay(SystemNet(), uri, lambda: user, servers=there)
        assert refused.value.reason is TurnError.Reason.CERTIFICATE_UNTRUSTED
    finally:
        await host.close()
        async with asyncio.timeout(5):  # asyncio's own task of the handshake that the client broke off
            while len(asyncio.all_tasks()) > 1:  # noqa: ASYNC110
                await asyncio.sleep(0.01)
