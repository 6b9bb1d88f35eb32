"""A connected peer: the session, its talk, and what the window shows of both."""

from collections.abc import Callable

from netstack.core.identity import fingerprint
from netstack.model.peers import Conversation
from netstack.model.session import CloseReason, Event, SessionClosed
from netstack.net.protocol import Net
from netstack.service.attempt import Attempt, Met
from netstack.service.chat import Chat
from netstack.service.shelf import Shelf

_ENDINGS = {
    CloseReason.DONE: "NAME has left.",
    CloseReason.SHUTDOWN: "NAME has left.",
    CloseReason.IDLE: "NAME has not been heard of for a minute; the connection is gone.",
    CloseReason.REPLACED: "The two of you are connected anew.",
}


class Talk:
    """One conversation, from the meeting until it is put away. `ending` is why we end it."""

    def __init__(
        self,
        net: Net,
        met: Met,
        name: str,
        number: int,
        watched: int,
        shelf: Shelf,
        attempt: Attempt,
        changed: Callable[[], None],
    ) -> None:
        self.met = met
        self.name = name
        self.number = number
        self.key = met.established.peer_key
        self.ending = ""
        self.ended = ""
        self._watched = watched
        self._attempt = attempt
        self._since_s = net.wall_time()
        self._path = f"{watched}/0"
        self._reason: CloseReason | None = None
        met.connection.listeners.append(self._heard)
        self.chat = Chat(
            net,
            met.connection,
            peer_key=self.key,
            initiator=met.established.initiator,
            shelf=shelf,
            knocks=not attempt.hidden,
            changed=changed,
        )
        self._changed = changed

    def _heard(self, event: Event) -> None:
        if isinstance(event, SessionClosed):
            self._reason = event.reason

    async def run(self) -> None:
        """Until the session is over."""
        try:
            await self.chat.run()
        finally:
            ending = self.ending or _ENDINGS.get(self._reason or CloseReason.DONE) or "The connection broke."
            self.ended = ending.replace("NAME", self.name)
            self._changed()

    async def close(self) -> None:
        """Puts it away."""
        await self.chat.files.close()

    def state(self) -> Conversation:
        """As the window shows it."""
        session = self.met.connection.session
        if session is not None and session.paths.main in session.paths.table:
            self._path = f"{self._watched}/{session.paths.main}"
        reached = self._attempt.reached or self.met.reached
        return Conversation(
            number=self.number,
            peer=fingerprint(self.key),
            name=self.name,
            transport=reached.transport.value,
            kind=reached.kind,
            remote=reached.remote,
            path=self._path,
            digits=self.met.established.safety_digits,
            connect_s=self.met.reached.connect_s,
            since_s=self._since_s,
            ended=self.ended,
            lines=self.chat.lines,
            files=self.chat.file_reports,
            stories=self._attempt.stories,
            load=self.chat.load.state,
            their_stories=self._attempt.their_stories,
            verdict=self._attempt.verdict(reached),
            looking=self._attempt.upkeep is not None and self._attempt.upkeep.silent,
        )
