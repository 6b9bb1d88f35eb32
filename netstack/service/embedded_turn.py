"""A TURN server of our own for as long as something is measured or shown: the embedded one, on one address."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final

from netstack.core.turn_uri import TurnUri
from netstack.errors import NetError
from netstack.model.address import Address
from netstack.model.turn import TurnCredentials
from netstack.net.protocol import Net
from netstack.server.turn import TurnServer
from netstack.server.turn_budget import TurnLimits
from netstack.server.turn_credentials import Credentials
from netstack.server.turn_peers import PeerPolicy
from netstack.service.serve import ServerHost

TRIES: Final = 8
_NO_CAP: Final = 1 << 50
FAST: Final = TurnLimits(
    bits_per_s=100e9,
    bits_per_s_per_user=100e9,
    bits_per_s_per_allocation=100e9,
    bytes_a_day=_NO_CAP,
    bytes_a_day_per_user=_NO_CAP,
    bytes_per_allocation=_NO_CAP,
)


class _Nobody:
    def datagram_received(self, data: bytes, remote: Address, received_at_s: float) -> None:
        pass

    def datagram_failed(self, error: NetError, remote: Address | None) -> None:
        pass


@asynccontextmanager
async def embedded_turn(
    net: Net, host: str = "127.0.0.1", *, limits: TurnLimits = FAST
) -> AsyncIterator[tuple[TurnUri, TurnCredentials]]:
    """Serves over UDP and TCP until left, with a fresh password; its relays reach each other and nothing else here.

    Raises NetError where no port can be had.
    """
    user = TurnCredentials("peerscope", net.random_bytes(12).hex())
    for last in (*(False,) * (TRIES - 1), True):
        free = await net.open_datagram(_Nobody(), local=Address(host, 0))
        at = free.local
        free.close()
        server = TurnServer(
            (at,),
            Credentials("peerscope", {user.username: user.password}, net.random_bytes(32)),
            net.random_bytes,
            limits=limits,
            peers=PeerPolicy(own=(host,)),
            families=(at.family,),
        )
        hosted = ServerHost(net, server, {at.family: host})
        try:
            await hosted.open()
        except NetError:  # somebody has that port for TCP
            if last:
                raise
            continue
        break
    try:
        yield TurnUri(host, at.port), user
    finally:
        await hosted.close()
