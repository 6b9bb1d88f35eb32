"""The lab's second person: answers every code, reads out one of its own, and sends back what it gets."""

import asyncio
import functools
import shutil
import tempfile
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Final

from netstack.core.identity import Identity
from netstack.core.session_code import SessionCode
from netstack.errors import PeerscopeError
from netstack.model.config import Config
from netstack.model.meeting import Role
from netstack.net.protocol import Net
from netstack.rendezvous.driver import Driver
from netstack.service.attempt import Attempt, Met
from netstack.service.chat import Chat
from netstack.service.peer_book import PeerBook
from netstack.service.peers import Peers
from netstack.service.shelf import Shelf
from netstack.tasks import TaskScope

TYPING_S: Final = 1.5
AGAIN_S: Final = 1.0
MAX_FILE_BYTES: Final = 1 << 30


class EchoPeer:
    """`driver` makes a way to be found by. `says` hears the code that it reads out, as often as there is a new one. `key` is its public key."""

    def __init__(
        self,
        net: Net,
        driver: Callable[[], Driver],
        name: str,
        config: Config,
        says: Callable[[str], None],
    ) -> None:
        self._net = net
        self._driver = driver
        self._says = says
        self._peers = Peers(
            net, Identity(net.random_bytes(32)), PeerBook(), name=name, stun=config.stun, turn=config.turn
        )
        self._folder: Path | None = None
        self._tasks = TaskScope("echo peer")

    def start(self) -> None:
        """Begins to wait."""
        self._tasks.start(self._keep_inviting(), "invite")

    def hears(self, code: SessionCode) -> None:
        """Types the code after the time that a person needs."""
        self._tasks.start(self._join(code), "join")

    def is_called(self, caller: bytes) -> None:
        """Connects to somebody whom it knows."""
        self._tasks.start(self._reconnect(caller), "reconnect")

    async def close(self) -> None:
        """Goes away, and forgets what it got."""
        await self._tasks.close()
        await self._peers.close()
        if self._folder is not None:
            shutil.rmtree(self._folder, ignore_errors=True)

    async def _keep_inviting(self) -> None:
        while True:
            attempt = Attempt()
            attempt.changed = functools.partial(self._tell, attempt)
            with suppress(PeerscopeError):
                met = await self._peers.invite(self._drivers, attempt)
                self._tasks.start(self._talk(met), "talk")
            await asyncio.sleep(AGAIN_S)

    def _drivers(self) -> list[Driver]:
        return [self._driver()]

    def _tell(self, attempt: Attempt) -> None:
        if attempt.meeting is not None:
            self._says("" if attempt.agreed else str(attempt.meeting.code))

    async def _join(self, code: SessionCode) -> None:
        await asyncio.sleep(TYPING_S)
        with suppress(PeerscopeError):
            met = await self._peers.meet(Role.GUEST, code, self._drivers(), make_drivers=self._drivers)
            await self._talk(met)

    async def _reconnect(self, caller: bytes) -> None:
        with suppress(PeerscopeError):
            await self._talk(await self._peers.reconnect(caller, self._drivers, side=Role.HOST))

    async def _talk(self, met: Met) -> None:
        """Says hello, then echoes until the other hangs up."""
        if self._folder is None:
            self._folder = Path(await asyncio.to_thread(tempfile.mkdtemp, prefix="peerscope-lab-"))
        chat = Chat(
            self._net,
            met.connection,
            peer_key=met.established.peer_key,
            initiator=met.established.initiator,
            shelf=Shelf(self._folder, MAX_FILE_BYTES),
            accept_all=True,
            echo=True,
        )
        chat.files.arrived = functools.partial(_send_back, chat)
        try:
            async with TaskScope("echo talk") as tasks:
                running = tasks.start(chat.run(), "chat")
                hello = f"Hello {met.name}! I send back whatever you send: words, bytes, files."
                with suppress(PeerscopeError):
                    await chat.send_text(hello.replace("  ", " "))
                await running
        finally:
            await self._peers.hang_up(met.connection)


def _send_back(chat: Chat, place: Path) -> None:
    with suppress(PeerscopeError):
        chat.send_file(place)
