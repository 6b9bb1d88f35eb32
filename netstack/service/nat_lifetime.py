"""How long does an idle mapping live? A ladder of sockets, each silent for longer than the one before.

Every socket opens a mapping at the start. After its own time of silence, another socket asks the server to
answer to that mapping (RESPONSE-PORT, RFC 5780 section 4.6): the answer arrives while the mapping lives. A
server without RESPONSE-PORT leaves the question open: asking again from the same port would renew, and a router
that preserves ports would give the same one back.
"""

import asyncio
from collections.abc import Callable

from netstack.core.nat_probe import Kind, Result, State
from netstack.errors import DecodeError, NetError
from netstack.model.address import Address
from netstack.model.nat import Evidence, Lifetime
from netstack.net.protocol import DatagramEndpoint, Net
from netstack.wire import stun
from netstack.wire.stun import MessageClass

LADDER_S = (
    1.0,
    2.0,
    3.0,
    5.0,
    8.0,
    10.0,
    15.0,
    20.0,
    25.0,
    30.0,
    45.0,
    60.0,
    90.0,
    120.0,
    180.0,
    240.0,
    300.0,
)
SENDS = 5
GAP_S = 0.06
REPLY_S = 0.6
UNSUPPORTED = "the servers cannot answer to another port (RESPONSE-PORT), so this cannot be measured"


class _Socket:
    """A socket that remembers the successful answers it got: transaction id -> mapped address."""

    def __init__(self) -> None:
        self.answers: dict[bytes, Address] = {}
        self.errors: set[bytes] = set()
        self.news = asyncio.Event()
        self.endpoint: DatagramEndpoint | None = None

    def datagram_received(self, data: bytes, remote: Address, received_at_s: float) -> None:
        """Keeps a STUN answer; anything else is not for us."""
        try:
            message = stun.decode(data)
        except DecodeError:
            return
        if message.message_class is MessageClass.ERROR:
            self.errors.add(message.transaction_id)
        elif message.mapped_address is not None and len(self.answers) < SENDS * 4:
            self.answers[message.transaction_id] = message.mapped_address
        self.news.set()

    def datagram_failed(self, error: NetError, remote: Address | None) -> None:
        """Silence says enough here."""

    def send(self, data: bytes, remote: Address) -> None:
        """Sends from the open socket. Raises NetError."""
        if self.endpoint is None:
            raise NetError(NetError.Reason.CLOSED)
        self.endpoint.send(data, remote)


async def measure_lifetime(
    net: Net, state: State, tell: Callable[[float, str], None]
) -> tuple[Lifetime | None, Evidence]:
    """Climbs the ladder until a mapping is gone; the lifetime (None: cannot be measured) and why.

    Takes as long as the mapping lives, 300 s at most. May be cancelled at any time.
    """
    answers = [o for o in state.of(Kind.MAPPING) if o.result is Result.ANSWERED]
    for server in (o.probe.target for o in sorted(answers, key=lambda o: o.other is None)):
        sockets = [_Socket() for _ in range(len(LADDER_S) + 2)]
        try:
            for socket in sockets:
                socket.endpoint = await net.open_datagram(socket, family=server.family)
            asker, control, *ladder = sockets
            if not await _reaches(net, asker, control, server):
                continue
            return await _climb(net, asker, ladder, server, tell)
        except NetError as error:
            return None, Evidence("lifetime", error.sentence)
        finally:
            for socket in sockets:
                if socket.endpoint is not None:
                    socket.endpoint.close()
    return None, Evidence("lifetime", UNSUPPORTED)


async def _climb(
    net: Net, asker: _Socket, ladder: list[_Socket], server: Address, tell: Callable[[float, str], None]
) -> tuple[Lifetime, Evidence]:
    opened = await asyncio.gather(*(_open(net, socket, server) for socket in ladder))
    zero_s = net.now()
    alive_s: float | None = None
    for silence_s, socket, mapped in zip(LADDER_S, ladder, opened, strict=True):
        while (left_s := zero_s + silence_s - net.now()) > 0:
            tell(
                min(0.99, (net.now() - zero_s) / LADDER_S[-1]),
                f"Waiting: is a mapping alive after {silence_s:g} s?",
            )
            await asyncio.sleep(min(1.0, left_s))
        if mapped is None:
            continue
        if await _arrives(net, asker, socket, server, mapped.port):
            alive_s = silence_s
            continue
        at_least = f"was alive after {alive_s:g} s and " if alive_s is not None else ""
        text = f"an idle mapping {at_least}was gone after {silence_s:g} s"
        return Lifetime(alive_s=alive_s, gone_s=silence_s), Evidence("lifetime", text)
    return Lifetime(alive_s=alive_s, gone_s=None), Evidence(
        "lifetime", f"an idle mapping was still alive after {LADDER_S[-1]:g} s"
    )


async def _reaches(net: Net, asker: _Socket, control: _Socket, server: Address) -> bool:
    """Whether the server answers to another port at all, told with a mapping that was opened just now."""
    mapped = await _open(net, control, server)
    return mapped is not None and await _arrives(net, asker, control, server, mapped.port)


async def _open(net: Net, socket: _Socket, server: Address) -> Address | None:
    """Opens a mapping; the public address, None when the server stayed silent."""
    sent = await _ask(net, socket, socket, server, None)
    return next((socket.answers[i] for i in sent if i in socket.answers), None)


async def _arrives(net: Net, asker: _Socket, socket: _Socket, server: Address, port: int) -> bool:
    sent = await _ask(net, asker, socket, server, port)
    return any(transaction_id in socket.answers for transaction_id in sent)


async def _ask(
    net: Net, asker: _Socket, awaited: _Socket, server: Address, response_port: int | None
) -> list[bytes]:
    """Asks up to five times; ends with the first answer at `awaited`, an error at `asker`, or after the wait."""
    sent: list[bytes] = []
    for turn in range(SENDS):
        transaction_id = net.random_bytes(12)
        sent.append(transaction_id)
        asker.send(stun.encode(stun.binding_request(transaction_id, response_port=response_port)), server)
        due_s = net.now() + (GAP_S if turn < SENDS - 1 else REPLY_S)
        while (left_s := due_s - net.now()) > 0:
            if any(i in awaited.answers or i in asker.errors for i in sent):
                return sent
            awaited.news.clear()
            try:
                async with asyncio.timeout(left_s):
                    await awaited.news.wait()
            except TimeoutError:
                break
    return sent
