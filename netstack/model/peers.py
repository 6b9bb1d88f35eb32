"""The state of meetings and of connected peers, as the window shows it. No key and no secret but the open code."""

from enum import StrEnum

import msgspec

from netstack.model.candidate import PairStory
from netstack.model.chat import ChatLine, FileReport
from netstack.model.guest import GuestInvitation, GuestState
from netstack.model.load import LoadState
from netstack.model.meeting import WayHealth
from netstack.model.pair import PairVerdict
from netstack.model.session import TransportKind


class Stage(StrEnum):
    """How far an attempt is: a code is made, the two look for each other, then for a path."""

    PREPARING = "preparing"
    FINDING = "finding"
    CONNECTING = "connecting"


class InvitationState(msgspec.Struct, frozen=True):
    """Our open invitation. `code` and `link` are secrets of the two until it is used, and go with it.

    `paste` is a whole invitation to be carried by hand, where there is no code; its reply is awaited.
    """

    stage: Stage = Stage.PREPARING
    code: str = ""
    link: str = ""
    left_s: int = 600
    failures: int = 0
    ways: tuple[WayHealth, ...] = ()
    paste: str = ""


class CallState(msgspec.Struct, frozen=True):
    """An attempt to reach somebody who invited us (`peer` empty), or a known peer (its id).

    `reply` is to be carried back by hand, where the invitation was.
    """

    peer: str = ""
    name: str = ""
    stage: Stage = Stage.FINDING
    left_s: int = 600
    ways: tuple[WayHealth, ...] = ()
    reply: str = ""


class KnownPeer(msgspec.Struct, frozen=True):
    """Somebody met before. `peer` is the fingerprint of the key; `seen_at_s` counts from 1970.

    `prefers`: the user wants to talk by that transport while it is healthy; None: by the best.
    """

    peer: str
    name: str
    seen_at_s: float | None = None
    prefers: TransportKind | None = None


class Conversation(msgspec.Struct, frozen=True, kw_only=True):
    """One connected peer, or one that has just left (`ended` says how, in a sentence; empty while it is open).

    `kind` is direct, local or relay. `path` is the key of its main path's `PathReport`. `stories` are our pairs,
    `their_stories` what the peer tells of its own (None: nothing yet), which may be nonsense. `looking`: the peer has
    fallen silent and is looked for by other ways.
    """

    number: int
    peer: str
    name: str
    transport: str
    kind: str
    remote: str
    path: str
    digits: str
    connect_s: float
    since_s: float
    ended: str = ""
    lines: tuple[ChatLine, ...] = ()
    files: tuple[FileReport, ...] = ()
    stories: tuple[PairStory, ...] = ()
    their_stories: tuple[PairStory, ...] | None = None
    verdict: PairVerdict | None = None
    looking: bool = False
    load: LoadState = LoadState()
    guest: GuestState | None = None


class MailboxesState(msgspec.Struct, frozen=True):
    """Mailboxes that this program keeps: where they are reached in this network, the likeliest first, and from outside.

    `outside` is empty while the router lets nobody in; who forwards TCP `port` there is reached, too.
    """

    port: int
    places: tuple[str, ...]
    outside: str = ""


class PeersState(msgspec.Struct, frozen=True):
    """Everything of the Peers page. `ways` are those chosen, empty until somebody has; `brokers` may be offered.

    `hidden`: our address is kept from peers, so that only a relay will do. `open_ports`:
    the router may be asked for ports. `reachable`: known
    peers may call. `failed_stories` tells of the last attempt that agreed on a code and found no path. `undo` names the peer that
    was forgotten last. `mailboxes` are kept by this program. `partner` is the lab's second person, whose code `partner_code` is.
    """

    ways: tuple[str, ...] = ()
    brokers: tuple[str, ...] = ()
    name: str = ""
    hidden: bool = False
    open_ports: bool = False
    reachable: bool = True
    folder: str = ""
    invitation: InvitationState | None = None
    joining: CallState | None = None
    calls: tuple[CallState, ...] = ()
    conversations: tuple[Conversation, ...] = ()
    known: tuple[KnownPeer, ...] = ()
    failed_stories: tuple[PairStory, ...] = ()
    failed_their_stories: tuple[PairStory, ...] | None = None
    failed_verdict: PairVerdict | None = None
    undo: str = ""
    guest_invitation: GuestInvitation | None = None
    mailboxes: MailboxesState | None = None
    partner: str = ""
    partner_code: str = ""
