"""The embedded TURN server for a while: its relays meet, and nothing is left."""

import asyncio

import pytest

from netstack.model.address import Address
from netstack.model.turn import ServerTransport, TurnError
from netstack.net.system import SystemNet
from netstack.service.embedded_turn import embedded_turn
from netstack.transport.turn_dial import open_relay
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
