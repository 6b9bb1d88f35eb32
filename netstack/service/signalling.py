"""What two peers tell each other while they look for paths: over a mailbox at first, inside the session later."""

import asyncio
import logging
from collections.abc import Callable
from typing import Final, Protocol

from netstack.errors import DecodeError, PeerscopeError
from netstack.model.candidate import PairStory
from netstack.model.pair import NatFacts
from netstack.tasks import TaskScope
from netstack.wire.candidate_note import About, CandidateNote, LadderNote, NatNote, decode, encode

log = logging.getLogger(__name__)

MAX_CHANNELS: Final = 8


class Notes(Protocol):
    """Sealed notes to and from the peer (`service.meeting.Meeting`, `service.session_notes.SessionNotes`)."""

    def send(self, payload: bytes) -> None:
        """Sends one."""

    async def receive(self) -> bytes | None:
        """The next; None at the end."""


class Signalling:
    """Reads every channel that it was given and writes to the newest. `take` gets what is not kept here.

    `introduced` is set once the peer has said who it is. `peer`, `their_facts` and `their_stories` are what the other side has told last; None: nothing yet.
    """

    def __init__(self, take: Callable[[CandidateNote], None], changed: Callable[[], None]) -> None:
        self.peer = About()
        self.their_facts: NatFacts | None = None
        self.their_stories: tuple[PairStory, ...] | None = None
        self.bad_notes = 0
        self.introduced = asyncio.Event()
        self._take = take
        self._changed = changed
        self._channels: list[Notes] = []
        self._tasks = TaskScope("signalling")

    def use(self, notes: Notes) -> None:
        """From now on this channel."""
        if notes in self._channels or self._tasks.closed:
            return
        self._channels = [*self._channels, notes][-MAX_CHANNELS:]
        self._tasks.start(self._read(notes), "notes")

    def send(self, note: CandidateNote) -> None:
        """Tells the peer; where no channel works any more, it is lost."""
        data = encode(note)
        for notes in reversed(self._channels):
            try:
                notes.send(data)
            except PeerscopeError as error:
                log.info("a note was not sent: %s", error.sentence)
            else:
                return

    async def close(self) -> None:
        """Reads no more. May be called twice."""
        await self._tasks.close()

    async def _read(self, notes: Notes) -> None:
        """Takes notes until the channel ends; one that ends early leaves what was told by then."""
        try:
            while (data := await notes.receive()) is not None:
                self._decode(data)
        except PeerscopeError as error:
            log.info("no more notes: %s", error.sentence)
        finally:
            if notes in self._channels:
                self._channels.remove(notes)

    def _decode(self, data: bytes) -> None:
        try:
            note = decode(data)
        except DecodeError:
            self.bad_notes += 1
            return
        if isinstance(note, About):
            self.peer = note
            self.introduced.set()
        elif isinstance(note, NatNote):
            self.their_facts = note.facts
        elif isinstance(note, LadderNote):
            self.their_stories = note.stories()
        else:
            self._take(note)
            return
        self._changed()
