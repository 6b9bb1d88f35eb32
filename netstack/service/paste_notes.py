"""A channel of notes that people carry by hand: all of ours become one text, all of theirs come at once."""

import asyncio
from collections.abc import Callable, Sequence

from netstack.wire.candidate_note import AllTold, CandidateNote, decode, encode


class PasteNotes:
    """Collects what is sent until the last address is told, then hands it to `told`, once.

    `take` is what the peer's text said.
    """

    def __init__(self, told: Callable[[Sequence[CandidateNote]], None]) -> None:
        self._told: Callable[[Sequence[CandidateNote]], None] | None = told
        self._ours: list[CandidateNote] = []
        self._theirs: asyncio.Queue[bytes] = asyncio.Queue()

    def send(self, payload: bytes) -> None:
        """Keeps a note; what comes after the last address cannot be told any more."""
        note = decode(payload)
        if self._told is None:
            return
        self._ours.append(note)
        if isinstance(note, AllTold):
            told, self._told = self._told, None
            told(self._ours)

    def take(self, notes: Sequence[CandidateNote]) -> None:
        """The peer's notes are here."""
        for note in notes:
            self._theirs.put_nowait(encode(note))

    async def receive(self) -> bytes | None:
        """The next of theirs; there is no end but the session."""
        return await self._theirs.get()
