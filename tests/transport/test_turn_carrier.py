"""The way to a TURN server is given up whole, whoever is cancelled meanwhile."""

import asyncio
import contextlib

import pytest

from netstack.model.address import Address
from netstack.net.system import SystemNet
from netstack.tasks import TaskScope
from netstack.transport.turn_carrier import StreamCarrier


class _Deaf:
    def carrier_opened(self, carrier):
        pass

    def carrier_received(self, data, segment_bytes, received_at_s):
        pass

    def carrier_failed(self, error):
        pass

    def carrier_writable(self):
        pass


@pytest.mark.parametrize("flush", [False, True])
@pytest.mark.parametrize("turns", range(5))
async def test_a_close_that_is_cancelled_still_closes(flush, turns):
    ended = asyncio.Event()

    async def serve(reader, writer):
        with contextlib.suppress(ConnectionResetError):
            await reader.read()
        ended.set()
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    carrier = StreamCarrier(Address(*server.sockets[0].getsockname()), _Deaf())
    await carrier.open(SystemNet(), None, "")
    async with TaskScope("test") as tasks:
        closing = tasks.start(carrier.close(flush=flush), "close")
        for _ in range(turns):
            await asyncio.sleep(0)
        closing.cancel()
        await asyncio.wait([closing])
    if turns:  # it had begun
        await asyncio.wait_for(ended.wait(), 5)
    await carrier.close()
    await asyncio.wait_for(ended.wait(), 5)
    server.close()
    await server.wait_closed()
