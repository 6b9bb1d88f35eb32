"""WebRTC as one way to a peer: the guest offers, the host answers, and what opens is a link like any other.

Nothing of it is loaded, opened or told before one side asks for it.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import Final

from netstack.model.address import Address
from netstack.model.candidate import PairStory
from netstack.model.webrtc import IceServers, WebRtcError
from netstack.service.sessions import Sessions
from netstack.tasks import TaskScope
from netstack.transport.webrtc import WebRtcLink, WebRtcTransport
from netstack.wire.candidate_note import CandidateNote, WebRtcNote, WebRtcStep
from netstack.wire.ice_description import IceDescription

log = logging.getLogger(__name__)

MAX_ATTEMPTS: Final = 4


class WebRtcWay:
    """`opened` hears of the link, `send` tells the peer. `servers` finds the ICE servers when they are needed."""

    def __init__(
        self,
        sessions: Sessions,
        *,
        guest: bool,
        send: Callable[[CandidateNote], None],
        opened: Callable[[int], None],
        servers: Callable[[], Awaitable[IceServers]],
    ) -> None:
        self._sessions = sessions
        self._guest = guest
        self._send = send
        self._opened = opened
        self._servers = servers
        self._transport: WebRtcTransport | None = None
        self._answer: asyncio.Future[IceDescription] | None = None
        self._made: WebRtcLink | None = None
        self._attempts = 0
        self._tasks = TaskScope("webrtc way")

    @property
    def stories(self) -> tuple[PairStory, ...]:
        """What became of every pair of addresses."""
        return () if self._made is None else self._made.stories

    @property
    def remote(self) -> Address | None:
        """The peer's end of the pair that is used."""
        pair = None if self._made is None else self._made.selected
        return None if pair is None else pair.remote.address

    @property
    def relayed(self) -> bool:
        """A TURN server is between."""
        return self._made is not None and self._made.relayed

    def ask(self) -> None:
        """Begins; a host asks the guest to."""
        if self._guest:
            self._begin(None)
        else:
            self._send(WebRtcNote(WebRtcStep.ASK))

    def take(self, note: WebRtcNote) -> None:
        """What the peer says of it. What does not fit our part is ignored."""
        match note.step, note.description:
            case WebRtcStep.ASK, _ if self._guest and self._made is None:
                self._begin(None)
            case WebRtcStep.OFFER, IceDescription() as offer if not self._guest:
                self._begin(offer)
            case WebRtcStep.ANSWER, IceDescription() as answer if self._answer is not None:
                if not self._answer.done():
                    self._answer.set_result(answer)
            case _:
                pass

    def _begin(self, offer: IceDescription | None) -> None:
        if self._attempts < MAX_ATTEMPTS and not self._tasks.closed:
            self._attempts += 1
            self._tasks.start(self._open(offer), f"attempt {self._attempts}")

    async def _open(self, offer: IceDescription | None) -> None:
        if self._transport is None:
            await asyncio.to_thread(WebRtcTransport.load)
            self._transport = self._sessions.add_transport(WebRtcTransport)
        try:
            made = self._made = self._transport.begin(await self._servers(), controlling=offer is None)
            ours = await made.describe()
            if offer is None:
                self._answer = asyncio.get_running_loop().create_future()
                self._send(WebRtcNote.of(WebRtcStep.OFFER, ours))
                offer = await self._answer
            else:
                self._send(WebRtcNote.of(WebRtcStep.ANSWER, ours))
            link = await made.connect(offer)
        except WebRtcError as error:
            log.info("WebRTC did not come about: %s", error.sentence)
            return
        self._opened(link)

    async def close(self) -> None:
        """Begins nothing more; what is open stays, and is closed with the sessions. May be called twice."""
        await self._tasks.close()
        if self._made is not None and self._made.link is None:
            await self._made.close()
