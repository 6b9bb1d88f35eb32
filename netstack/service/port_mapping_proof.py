"""Does the opened port really let a stranger in? A STUN server is asked to answer to that port instead.

RESPONSE-PORT (RFC 5780 section 7.5) makes the server's answer go to another port of our public address. Asked from
a second socket, it is a datagram that the mapped socket never invited. A server that does not do so is told
apart by a control: the same request, with a port that is surely open.
"""

import asyncio
from contextlib import suppress

import msgspec

from netstack.errors import DecodeError, NetError
from netstack.model.address import Address
from netstack.model.port_mapping import PortMapping
from netstack.net.protocol import DatagramEndpoint, Net
from netstack.wire import stun
from netstack.wire.stun import MessageClass

SENDS_S = (0.0, 0.2, 0.5, 0.9, 1.4)
END_S = 2.0
MAX_SERVERS = 4


class Proof(msgspec.Struct, frozen=True):
    """`reachable`: True a stranger came in, False none did though the server sent, None no server could test it."""

    reachable: bool | None
    server: str | None
    text: str


class ProofSocket:
    """A socket that notes which transactions' answers reach it (a `DatagramReceiver`)."""

    def __init__(self) -> None:
        self.endpoint: DatagramEndpoint | None = None
        self.arrived: dict[bytes, stun.StunMessage] = {}
        self._awaited: frozenset[bytes] = frozenset()
        self._news = asyncio.Event()

    async def open(self, net: Net) -> None:
        """Binds a fresh port. Raises NetError."""
        self.endpoint = await net.open_datagram(self)

    @property
    def local(self) -> Address:
        """Where it is bound."""
        if self.endpoint is None:
            raise RuntimeError("not open")
        return self.endpoint.local

    def expect(self, transaction_id: bytes) -> None:
        """Only what is expected is kept."""
        self._awaited |= {transaction_id}

    def send(self, data: bytes, remote: Address) -> None:
        """Sends, if the network lets it."""
        if self.endpoint is not None:
            with suppress(NetError):
                self.endpoint.send(data, remote)

    async def wait(self, transaction_id: bytes, timeout_s: float) -> stun.StunMessage | None:
        """The answer to a transaction, if it comes in time."""
        with suppress(TimeoutError):
            async with asyncio.timeout(timeout_s):
                while transaction_id not in self.arrived:
                    self._news.clear()
                    await self._news.wait()
        return self.arrived.get(transaction_id)

    def close(self) -> None:
        """Releases the socket."""
        if self.endpoint is not None:
            self.endpoint.close()

    def datagram_received(self, data: bytes, remote: Address, received_at_s: float) -> None:
        """Keeps an expected answer."""
        with suppress(DecodeError):
            message = stun.decode(data)
            if message.transaction_id in self._awaited and message.message_class is MessageClass.SUCCESS:
                self.arrived[message.transaction_id] = message
                self._news.set()

    def datagram_failed(self, error: NetError, remote: Address | None) -> None:
        """A closed port is as good as silence."""


async def prove(net: Net, mapped: ProofSocket, mapping: PortMapping, servers: tuple[Address, ...]) -> Proof:
    """Asks up to four servers at once to answer to the mapped port; 4 s at most. `mapped` is the socket behind it.

    It must be fresh: what it had sent before would let the answer in without the mapping. Raises NetError.
    """
    asker, control = ProofSocket(), ProofSocket()
    servers = servers[:MAX_SERVERS]
    try:
        await asker.open(net)
        await control.open(net)
        answers = await asyncio.gather(
            *(_arrives(net, asker, mapped, mapping.external.port, server) for server in servers)
        )
        for server, arrived in zip(servers, answers, strict=True):
            if arrived:
                return Proof(
                    True, str(server), f"an uninvited answer of {server} came in by {mapping.external}"
                )
        able = await asyncio.gather(*(_is_able(net, asker, control, server) for server in servers))
        for server, can in zip(servers, able, strict=True):
            if can:
                text = f"{server} sent to port {mapping.external.port} outside, and nothing came in"
                return Proof(False, str(server), text)
    finally:
        asker.close()
        control.close()
    return Proof(None, None, "no STUN server here can send to another port (RESPONSE-PORT, RFC 5780)")


async def _arrives(net: Net, asker: ProofSocket, sink: ProofSocket, port: int, server: Address) -> bool:
    """Whether `server`, asked by `asker` to answer to `port`, reaches `sink`."""
    transaction_id = net.random_bytes(12)
    sink.expect(transaction_id)
    data = stun.encode(stun.binding_request(transaction_id, response_port=port))
    for until_s, since_s in zip((*SENDS_S[1:], END_S), SENDS_S, strict=True):
        asker.send(data, server)
        if await sink.wait(transaction_id, until_s - since_s):
            return True
    return False


async def _is_able(net: Net, asker: ProofSocket, control: ProofSocket, server: Address) -> bool:
    """Whether `server` answers to another port at all: to one that `control` has opened toward it."""
    transaction_id = net.random_bytes(12)
    control.expect(transaction_id)
    control.send(stun.encode(stun.binding_request(transaction_id)), server)
    seen = await control.wait(transaction_id, SENDS_S[2])
    if seen is None or seen.mapped_address is None:
        return False
    return await _arrives(net, asker, control, seen.mapped_address.port, server)
