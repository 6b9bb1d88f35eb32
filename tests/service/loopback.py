"""Hosts a server machine on loopback addresses, over the real network."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from netstack.errors import NetError
from netstack.model.address import Address
from netstack.net.protocol import DatagramEndpoint
from netstack.net.system import SystemNet
from netstack.server.machine import Server


class _Door:
    """One bound socket of the server."""

    def __init__(self, server: Server, doors: dict[Address, DatagramEndpoint]) -> None:
        self._server = server
        self._doors = doors
        self.local = Address("", 0)

    def datagram_received(self, data: bytes, remote: Address, received_at_s: float) -> None:
        self._server.receive(data, remote, self.local, received_at_s)
        while (transmit := self._server.poll_transmit()) is not None:
            self._doors[transmit.local].send(transmit.data, transmit.remote)

    def datagram_failed(self, error: NetError, remote: Address | None) -> None:
        """A client that has gone is no matter."""


@asynccontextmanager
async def serving(*servers: Server) -> AsyncIterator[None]:
    """Answers over UDP on every address of `servers` until left."""
    net = SystemNet()
    doors: dict[Address, DatagramEndpoint] = {}
    try:
        for server in servers:
            for address in server.addresses:
                door = _Door(server, doors)
                doors[address] = await net.open_datagram(door, local=address)
                door.local = address
        yield
    finally:
        for endpoint in doors.values():
            endpoint.close()
