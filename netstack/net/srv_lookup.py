"""Asks the system's name servers for SRV records, over the seam, so that the lab answers them too."""

import asyncio
from contextlib import suppress
from typing import Final

from netstack.core.srv_order import in_order
from netstack.errors import DecodeError, NetError
from netstack.model.address import Address
from netstack.net.protocol import DatagramEndpoint, Net
from netstack.wire.dns import Srv, decode_srv_answer, encode_srv_query

SENDS_S: Final = (0.0, 0.2, 0.4)
END_S: Final = 0.7
MAX_RECORDS: Final = 8
NOT_OFFERED: Final = "."


class _Answer:
    """Takes the first right answer of a server that was asked."""

    def __init__(self, name: str, query_id: int, asked: tuple[Address, ...]) -> None:
        self.came = asyncio.Event()
        self.records: tuple[Srv, ...] = ()
        self._question = name, query_id
        self._asked = asked

    def datagram_received(self, data: bytes, remote: Address, received_at_s: float) -> None:
        if remote in self._asked and not self.came.is_set():
            with suppress(DecodeError):
                self.records = decode_srv_answer(data, *self._question)
                self.came.set()

    def datagram_failed(self, error: NetError, remote: Address | None) -> None:
        """Silence says enough."""


async def look_up_srv(net: Net, name: str) -> tuple[Srv, ...]:
    """The servers of a service in the order to try them; none where there are none, or nobody says. 0.7 s at most."""
    servers = (await net.name_servers())[:1]
    if not servers:
        return ()
    query_id = int.from_bytes(net.random_bytes(2), "big")
    answer = _Answer(name, query_id, servers)
    endpoint: DatagramEndpoint | None = None
    try:
        query = encode_srv_query(name, query_id)
        endpoint = await net.open_datagram(answer, family=servers[0].family)
        for due_s, next_s in zip(SENDS_S, (*SENDS_S[1:], END_S), strict=True):
            endpoint.send(query, servers[0])
            try:
                async with asyncio.timeout(next_s - due_s):
                    await answer.came.wait()
            except TimeoutError:
                continue
            break
    except (NetError, DecodeError):
        return ()
    finally:
        if endpoint is not None:
            endpoint.close()
    records = answer.records[:MAX_RECORDS]
    return in_order(
        (each for each in records if each.target != NOT_OFFERED), net.random_bytes(2 * len(records))
    )
