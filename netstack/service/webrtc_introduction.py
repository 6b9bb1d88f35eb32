"""Introduces two processes of one computer to each other, so that WebRTC between them can be measured: offer there, answer back.

Over a TCP connection on loopback, each description as one line of JSON.
"""

from typing import Final

from netstack.errors import DecodeError, NetError
from netstack.model.address import Address
from netstack.model.webrtc import IceServers, WebRtcError
from netstack.net.protocol import Listener, Net, Stream
from netstack.tasks import TaskScope
from netstack.transport.webrtc import WebRtcTransport
from netstack.wire.ice_description import MAX_BYTES, decode, encode

TIMEOUT_S: Final = 5.0


class Introducer:
    """Answers every offer that comes to `open`'s address with a connection of its own."""

    def __init__(self, net: Net, transport: WebRtcTransport) -> None:
        self._net = net
        self._transport = transport
        self._listener: Listener | None = None
        self._tasks = TaskScope("introducer")

    async def open(self, host: str) -> Address:
        """Listens on a free port. Raises NetError."""
        self._listener = await self._net.listen_stream(self._accept, local=Address(host, 0))
        return self._listener.local

    def _accept(self, stream: Stream) -> None:
        self._tasks.start(self._answer(stream), "answer")

    async def _answer(self, stream: Stream) -> None:
        try:
            theirs = decode(await _line(stream))
            link = self._transport.begin(IceServers(), controlling=False)
            stream.write(encode(await link.describe()) + b"\n")
            await stream.drain()
            await link.connect(theirs)
        except (NetError, DecodeError, WebRtcError):
            pass
        finally:
            stream.close()
            await stream.wait_closed()

    async def close(self) -> None:
        """Stops answering; connections stay. May be called twice."""
        if self._listener is not None:
            self._listener.close()
        await self._tasks.close()


async def introduce(net: Net, transport: WebRtcTransport, at: Address) -> int:
    """Connects to who answers there, and returns the link. Raises NetError, WebRtcError."""
    link = transport.begin(IceServers(), controlling=True)
    try:
        ours = await link.describe()
        if not ours.candidates:
            raise WebRtcError(WebRtcError.Reason.NO_WAY, "this computer has no address but loopback")
        stream = await net.open_stream(at, timeout_s=TIMEOUT_S)
        try:
            stream.write(encode(ours) + b"\n")
            await stream.drain()
            theirs = decode(await _line(stream))
        except DecodeError as error:
            raise WebRtcError(WebRtcError.Reason.CLOSED, error.sentence) from error
        finally:
            stream.close()
            await stream.wait_closed()
        return await link.connect(theirs)
    except BaseException:
        await link.close()
        raise


async def _line(stream: Stream) -> bytes:
    data = b""
    while b"\n" not in data and len(data) <= MAX_BYTES:
        more = await stream.read(MAX_BYTES)
        if not more:
            break
        data += more
    return data.rstrip(b"\n")
