"""Asks STUN servers from a socket that has other work too: what is its public address?"""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from typing import Final

from netstack.errors import DecodeError
from netstack.model.address import Address
from netstack.net.protocol import Net
from netstack.wire import stun
from netstack.wire.stun import MessageClass

SENDS_S: Final = (0.0, 0.15, 0.4, 0.9)
END_S: Final = 2.0


class StunQuery:
    """`received` takes every STUN message of the socket; `send` is how one leaves it. `answers` counts servers."""

    def __init__(self, net: Net, send: Callable[[bytes, Address], None]) -> None:
        self._net = net
        self._send = send
        self._asked: set[bytes] = set()
        self._found: asyncio.Queue[Address] = asyncio.Queue(16)
        self.answers = 0

    def received(self, data: bytes) -> bool:
        """True when it was the answer to one of ours."""
        try:
            message = stun.decode(data)
        except DecodeError:
            return False
        if message.transaction_id not in self._asked:
            return False
        if (
            message.message_class is MessageClass.SUCCESS
            and message.mapped_address is not None
            and not self._found.full()
        ):
            self._found.put_nowait(message.mapped_address)
        return True

    async def public_addresses(self, servers: Sequence[Address]) -> AsyncIterator[Address]:
        """Distinct public addresses as they are found; ends after 2 s, or once every server has answered."""
        zero_s = self._net.now()
        known: set[Address] = set()
        answers = self.answers = 0
        for sends, due_s in enumerate((*SENDS_S, END_S)):
            while (left_s := zero_s + due_s - self._net.now()) > 0 and answers < len(servers):
                try:
                    async with asyncio.timeout(left_s):
                        address = await self._found.get()
                except TimeoutError:
                    break
                answers = self.answers = answers + 1
                if address not in known:
                    known.add(address)
                    yield address
            if answers >= len(servers) or sends == len(SENDS_S):
                return
            for server in servers:
                transaction_id = self._net.random_bytes(12)
                self._asked.add(transaction_id)
                self._send(stun.encode(stun.binding_request(transaction_id)), server)
