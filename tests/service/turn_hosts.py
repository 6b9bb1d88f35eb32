"""The embedded TURN server on loopback for tests, and a look at its relays."""

import os
import socket
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from netstack.model.address import Address, Family
from netstack.net.system import SystemNet
from netstack.server.turn import TurnServer
from netstack.server.turn_credentials import Credentials
from netstack.server.turn_peers import PeerPolicy
from netstack.service.serve import ServerHost

LOOPBACK = {Family.IPV4: "127.0.0.1"}


def free_port() -> int:
    """A port that is free for UDP and for TCP: the server takes both, and a connection of somebody else may have one."""
    while True:
        with socket.socket(type=socket.SOCK_DGRAM) as udp, socket.socket() as tcp:
            udp.bind(("127.0.0.1", 0))
            port: int = udp.getsockname()[1]
            try:
                tcp.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port


@asynccontextmanager
async def turn_host(
    *, at: Address | None = None, allow=("127.0.0.0/8",), tls: ssl.SSLContext | None = None, **more
) -> AsyncIterator[TurnServer]:
    """Serves `u`, `p` until left. `allow` empty: it may not reach its own computer. With `tls` it has a `tls_at`."""
    credentials = more.pop("credentials", None) or Credentials("lab", {"u": "p"}, os.urandom(32))
    address = at or Address("127.0.0.1", free_port())
    server = TurnServer((address,), credentials, os.urandom, peers=PeerPolicy(allow, ("127.0.0.1",)), **more)
    host = ServerHost(SystemNet(), server, LOOPBACK, tls=tls, tls_port=0)
    await host.open()
    server.tls_at = host.tls_at
    try:
        yield server
    finally:
        await host.close()
