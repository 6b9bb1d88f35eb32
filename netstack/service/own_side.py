"""Our own side of every meeting: the key, the name, whom we ask, how much may flow. Made when it is first needed."""

import asyncio
import logging
import os
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from netstack.core.identity import Identity
from netstack.core.rate_limits import RateLimits
from netstack.model.config import Cap, TurnServer
from netstack.model.guard import GuardState
from netstack.model.pair import NatFacts
from netstack.net.protocol import Net
from netstack.service.identity import load_identity
from netstack.service.mtu_book import MtuBook
from netstack.service.peer_book import PeerBook
from netstack.service.peers import Peers
from netstack.service.port_mapping import PortMappingService
from netstack.service.turn_login import with_passwords

log = logging.getLogger(__name__)


class OwnSide:
    """`nat` is what our NAT check found out, which a peer may know; `mappings` opens ports, where the user has agreed,
    as to `guess_ports`.

    `peers` is None until somebody is met: the key is only asked for then, as a keyring may want a password.
    """

    def __init__(
        self,
        net: Net,
        *,
        stun: Sequence[str],
        turn: Sequence[TurnServer],
        caps: Sequence[Cap],
        limits: RateLimits | None,
        webrtc: bool,
    ) -> None:
        self.stun, self.turn = stun, turn
        self.peers: Peers | None = None
        self.nat: Callable[[], NatFacts | None] = lambda: None
        self.mappings: PortMappingService | None = None
        self.guess_ports = False
        self._net = net
        self._caps = caps
        self._limits = limits
        self._webrtc = webrtc
        self._mtu_book = MtuBook(None, net.now(), net.wall_time())
        self._getting_ready = asyncio.Lock()

    def read(self, home: Path) -> None:
        """What was found out about paths before. Blocks. Raises PeerscopeError."""
        self._mtu_book = MtuBook(home, self._net.now(), self._net.wall_time())

    def store(self) -> None:
        """Keeps it. Blocks."""
        self._mtu_book.store(self._net.now(), self._net.wall_time())

    async def ready(self, home: Path | None, book: PeerBook, name: str, *, open_ports: bool) -> Peers:
        """Ourselves, ready to meet. Raises IdentityError."""
        async with self._getting_ready:
            if self.peers is None:
                self.peers = Peers(
                    self._net,
                    await self._identity(home),
                    book,
                    name=name,
                    stun=self.stun,
                    turn=await with_passwords(self.turn),
                    caps=self._caps,
                    limits=self._limits,
                    mtu_cache=self._mtu_book.cache,
                    webrtc=self._webrtc,
                )
            self.peers.nat = self.nat()
            self.peers.guess_ports = self.guess_ports
            if self.mappings is not None:
                self.mappings.allow(open_ports)
            self.peers.mappings = self.mappings if open_ports else None
            return self.peers

    async def _identity(self, home: Path | None) -> Identity:
        if home is None:
            return Identity(self._net.random_bytes(32))
        await asyncio.to_thread(home.mkdir, 0o700, True, True)
        return await load_identity(home, os.urandom, log.warning)

    async def set_servers(self, stun: Sequence[str], turn: Sequence[TurnServer]) -> None:
        """Whom to ask from the next meeting on. Raises InputError, TurnError."""
        self.stun, self.turn = stun, turn
        if self.peers is not None:
            self.peers.set_servers(stun, await with_passwords(turn))

    def set_caps(self, caps: Sequence[Cap]) -> None:
        """How much may flow, from now on."""
        self._caps = caps
        if self.peers is not None:
            self.peers.set_caps(caps)

    def set_limits(self, limits: RateLimits) -> None:
        """How much may come in, from now on."""
        self._limits = limits
        if self.peers is not None:
            self.peers.set_limits(limits)

    def guard_state(self) -> GuardState:
        """Who is suspect, and what was not let in."""
        if self.peers is None:
            return GuardState()
        dropped, _ = self.peers.guard()
        return GuardState(self.peers.suspects(), tuple(sorted(dropped.items())))

    def guard(self) -> tuple[Mapping[str, int], int]:
        """Packets that were not let in, by reason, and how many peers are suspect now."""
        return (Counter[str](), 0) if self.peers is None else self.peers.guard()

    async def close(self) -> None:
        """Ends every session and socket. May be called twice."""
        if self.peers is not None:
            await self.peers.close()
