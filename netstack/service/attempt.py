"""One attempt to meet somebody, as it is looked at while it goes: by a mailbox, or by texts that people carry."""

from collections.abc import Callable, Sequence
from typing import NamedTuple

from netstack.core.paste_invitation import (
    KEY_BYTES,
    MAX_PAYLOAD,
    NONCE_BYTES,
    PasteInvitation,
    read_invitation,
)
from netstack.errors import DecodeError
from netstack.model.candidate import PairStory
from netstack.model.meeting import MeetingError, WayHealth
from netstack.model.pair import PairVerdict
from netstack.model.session import Established, TransportKind
from netstack.service.connection import Connection
from netstack.service.coordinator import Ways
from netstack.service.meeting import Meeting
from netstack.service.paste_notes import PasteNotes
from netstack.service.path_upkeep import PathUpkeep
from netstack.service.traversal import Reached, Traversal
from netstack.wire.candidate_note import CandidateNote, TcpCandidate, UdpCandidate
from netstack.wire.candidate_pack import pack, unpack


class Attempt:
    """One attempt to meet, to be looked at while it goes. `changed` is called when there is something new.

    `told` is called with each of our addresses, `moved` when the session goes another way; `reached` is where it is
    then. `hidden`: our addresses are kept from the peer, so only a relay will do; `only`: no other transport is tried.
    """

    def __init__(
        self,
        changed: Callable[[], None] = lambda: None,
        *,
        told: Callable[[UdpCandidate | TcpCandidate], None] = lambda _: None,
        moved: Callable[[Reached], None] = lambda _: None,
        hidden: bool = False,
        only: TransportKind | None = None,
    ) -> None:
        self.changed = changed
        self.told = told
        self.hidden = hidden
        self.only = only
        self.reached: Reached | None = None
        self._moved = moved
        self.meeting: Meeting | None = None
        self.traversal: Traversal | None = None
        self.upkeep: PathUpkeep | None = None

    @property
    def agreed(self) -> bool:
        """Both have proved the code; now they look for a path."""
        return self.traversal is not None

    @property
    def ways(self) -> tuple[WayHealth, ...]:
        """How each way to find each other fares."""
        return self.meeting.health if self.meeting is not None else ()

    @property
    def failures(self) -> int:
        """How many wrong codes were tried."""
        return self.meeting.failures if self.meeting is not None else 0

    def move(self, reached: Reached) -> None:
        """The session has found a better way."""
        self.reached = reached
        self._moved(reached)
        self.changed()

    @property
    def stories(self) -> tuple[PairStory, ...]:
        """What became of every pair of addresses."""
        return self.traversal.stories if self.traversal is not None else ()

    @property
    def their_stories(self) -> tuple[PairStory, ...] | None:
        """What the other side tells of its pairs; None while it has not."""
        return self.traversal.signalling.their_stories if self.traversal is not None else None

    def verdict(self, reached: Reached | None) -> PairVerdict | None:
        """Both networks as a pair; None before the two have agreed on a key."""
        return None if self.traversal is None else self.traversal.verdict(reached)


class PasteAttempt(Attempt):
    """An attempt whose notes people carry by hand. `text` is what is to be given to the other side; empty until it is."""

    def __init__(
        self,
        changed: Callable[[], None] = lambda: None,
        *,
        told: Callable[[UdpCandidate | TcpCandidate], None] = lambda _: None,
        moved: Callable[[Reached], None] = lambda _: None,
        hidden: bool = False,
        only: TransportKind | None = None,
    ) -> None:
        super().__init__(changed, told=told, moved=moved, hidden=hidden, only=only)
        self.text = ""
        self.invitation: PasteInvitation | None = None
        self.replied = False
        self.notes = PasteNotes(lambda _: None)

    def make(
        self, ours: Sequence[CandidateNote], wall_s: float, random_bytes: Callable[[int], bytes]
    ) -> bytes:
        """The host's invitation, which gives the psk."""
        payload = pack(ours, MAX_PAYLOAD)
        self.invitation = PasteInvitation.make(random_bytes(KEY_BYTES), payload, wall_s)
        self.text = self.invitation.text
        self.changed()
        return self.invitation.psk

    def open(self, text: str, wall_s: float, random_bytes: Callable[[int], bytes]) -> bytes:
        """The guest reads an invitation, which gives the psk. Raises MeetingError."""
        invitation = self.invitation = read_invitation(text, wall_s)
        theirs = _unpacked(invitation.payload)

        def told(ours: Sequence[CandidateNote]) -> None:
            self.text = invitation.reply(pack(ours, MAX_PAYLOAD), random_bytes(NONCE_BYTES))
            self.changed()

        self.notes = PasteNotes(told)
        self.notes.take(theirs)
        return invitation.psk

    def take_reply(self, text: str, wall_s: float) -> None:
        """The host gets the reply. Raises MeetingError: not whole, over, or the answer to another invitation."""
        if self.invitation is None:
            raise MeetingError(MeetingError.Reason.WRONG_CODE, "no invitation is open")
        self.notes.take(_unpacked(self.invitation.read_reply(text, wall_s)))
        self.replied = True
        self.changed()


def _unpacked(payload: bytes) -> list[CandidateNote]:
    try:
        return unpack(payload)
    except DecodeError as error:
        raise MeetingError(MeetingError.Reason.MALFORMED_PASTE, "its addresses are none") from error


class Met(NamedTuple):
    """The two are connected. `name` is what the peer calls itself, `established` has the digits to compare.

    `ways` are those that are known, open or not; `local` tells of a link which address of ours it is bound to.
    """

    connection: Connection
    name: str
    reached: Reached
    established: Established
    ways: Ways = lambda: ()
    local: Callable[[int], str] = lambda _: ""
