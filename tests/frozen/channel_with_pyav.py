"""A program with PyAV inside that opens a data channel, and prints what came through and which PyAV it had: to be packaged."""

import asyncio
import sys

from netstack.model.webrtc import IceServers
from netstack.transport.webrtc_channels import Certificate, DataChannels

if "first" in sys.argv:
    import av  # noqa: F401


async def main() -> None:
    ends = [DataChannels(Certificate.make(), IceServers(), controlling=side) for side in (True, False)]
    one, other = [await end.gather() for end in ends]
    carried = 0
    if one.candidates:
        came: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()
        ends[1].on_message = came.set_result
        await asyncio.gather(ends[0].connect(other), ends[1].connect(one))
        ends[0].send(bytes(20_000))
        async with asyncio.timeout(10):
            carried = len(await came)
    for end in ends:
        await end.close()
    # with no address but loopback, ICE has nothing to try
    print(carried or "no network", "av" in sys.modules)


asyncio.run(main())
