"""Does a relay answer at all? An Allocate without credentials: whatever comes back, it lives."""

import asyncio
from typing import Final
from urllib.parse import parse_qs

from netstack.core.stun_uri import host_of, parse_stun_uri
from netstack.errors import DecodeError, NetError
from netstack.model.address import Address
from netstack.net.protocol import Net
from netstack.wire import stun
from netstack.wire import stun_attributes as attr
from netstack.wire.stun import MessageClass, Method, StunMessage

SENDS_S: Final = (0.0, 0.25, 0.75)
END_S: Final = 2.0
REPLY_BYTES: Final = 2048


async def reach_turn(net: Net, uri: str) -> bool:
    """Whether the server behind a `turn:` URI answers, over UDP or TCP. Raises InputError for a malformed one."""
    body, _, query = uri.partition("?")
    server = parse_stun_uri("stun:" + body.partition(":")[2])
    wanted = parse_qs(query).get("transport", [""])[0]
    hosts = server.hosts
    if hosts is None:
        try:
            hosts = await net.resolve(host_of(server))
        except NetError:
            return False
    if not hosts:
        return False
    place = Address(hosts[0], server.port)
    ways = [way(net, place) for name, way in (("udp", _udp), ("tcp", _tcp)) if wanted in {"", name}]
    return any(await asyncio.gather(*ways))


def _request(net: Net) -> StunMessage:
    return StunMessage(
        Method.ALLOCATE, MessageClass.REQUEST, net.random_bytes(12), (attr.REQUESTED_TRANSPORT(17),)
    )


class _Answer:
    def __init__(self, transaction_id: bytes) -> None:
        self.came = asyncio.Event()
        self._id = transaction_id

    def datagram_received(self, data: bytes, remote: Address, received_at_s: float) -> None:
        try:
            if stun.decode(data).transaction_id == self._id:
                self.came.set()
        except DecodeError:
            pass

    def datagram_failed(self, error: NetError, remote: Address | None) -> None:
        """Silence says enough here."""


async def _udp(net: Net, place: Address) -> bool:
    request = _request(net)
    answer = _Answer(request.transaction_id)
    try:
        endpoint = await net.open_datagram(answer, family=place.family)
    except NetError:
        return False
    try:
        began_s = net.now()
        for due_s in (*SENDS_S[1:], END_S):
            endpoint.send(stun.encode(request), place)
            try:
                async with asyncio.timeout(began_s + due_s - net.now()):
                    await answer.came.wait()
            except TimeoutError:
                continue
            return True
    except NetError:
        return False
    finally:
        endpoint.close()
    return False


async def _tcp(net: Net, place: Address) -> bool:
    request = _request(net)
    try:
        stream = await net.open_stream(place, timeout_s=END_S)
    except NetError:
        return False
    try:
        async with asyncio.timeout(END_S):
            stream.write(stun.encode(request))
            await stream.drain()
            data = await stream.read(REPLY_BYTES)
        return stun.decode(data).transaction_id == request.transaction_id
    except (NetError, TimeoutError, DecodeError):
        return False
    finally:
        stream.abort()
