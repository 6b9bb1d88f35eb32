"""Guests who come by browser, as the window shows them. The link is a secret of the two until it is used, and goes with it."""

import msgspec

from netstack.model.meeting import WayHealth
from netstack.model.path import ProbeSummary


class GuestInvitation(msgspec.Struct, frozen=True):
    """A link that waits for its guest; empty while it is made. `others` are the same by other addresses of ours.

    `trying`: a browser with the secret is connecting. `refused` counts notes and proofs that were made without it.
    `encrypted`: the page travels by https.
    """

    link: str = ""
    others: tuple[str, ...] = ()
    via: str = ""
    left_s: int = 600
    trying: bool = False
    refused: int = 0
    encrypted: bool = False
    ways: tuple[WayHealth, ...] = ()


class GuestState(msgspec.Struct, frozen=True):
    """What a guest's browser tells of itself and of the connection, and our own round trips; None: not told.

    `silent`: it has not answered for two seconds.
    """

    browser: str = ""
    local: str | None = None
    remote: str | None = None
    protocol: str | None = None
    rtt_s: float | None = None
    probes: ProbeSummary = ProbeSummary()
    silent: bool = False
