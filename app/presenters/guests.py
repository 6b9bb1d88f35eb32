"""Guests by browser: the link that waits for one, how far its page may be trusted, and who has come."""

from functools import lru_cache
from urllib.parse import urlsplit

import msgspec

from app.presenters.peer_ways import WayLine, way_lines
from app.presenters.quantity import duration
from app.presenters.tone import Tone
from netstack.core.session_link import qr_rows
from netstack.model.guest import GuestState
from netstack.model.peers import Conversation, PeersState

IDLE = (
    "For a friend who cannot install anything: a link that opens in any browser. You chat, see the connection from both "
    "ends, and send files; a guest has none of the rights of a known peer."
)
HERE = "On this network"
PLAIN = (
    "The page travels by plain http, so it is as trustworthy as this network. Where you do not trust it, save the page "
    "as a file and send that: then nobody on the way can change it."
)
ENCRYPTED = "The page comes by https, so it is as trustworthy as HOST."


class GuestLine(msgspec.Struct, frozen=True):
    """A guest who is here."""

    number: int
    text: str
    tone: Tone


class GuestsView(msgspec.Struct, frozen=True):
    """The card. `places` are (label, via) to choose from; `link` is empty while there is none."""

    possible: bool
    busy: bool
    places: tuple[tuple[str, str], ...]
    says: str
    link: str
    shown: str
    qr: tuple[tuple[bool, ...], ...]
    left: str
    trust: str
    warning: str
    others: str
    ways: tuple[WayLine, ...]
    guests: tuple[GuestLine, ...]


def guests(state: PeersState) -> GuestsView:
    """The card as it stands."""
    invitation = state.guest_invitation
    here = tuple(_line(each) for each in state.conversations if each.guest is not None and not each.ended)
    servers = tuple(
        (f"Through {_host(way)}", way) for way in state.ways if way.startswith(("ws://", "wss://"))
    )
    places = ((HERE, ""), *servers)
    if invitation is None:
        return GuestsView(
            not state.partner and not state.hidden, False, places, IDLE, "", "", (), "", "", "", "", (), here
        )
    link = invitation.link
    says = "Making a link…"
    if invitation.trying:
        says = "A browser has opened it and is connecting…"
    elif link:
        says = "Send your friend this link, or let them scan it. It is good for one guest, once."
    warning = ""
    if invitation.refused:
        tries = "Somebody tried" if invitation.refused == 1 else f"{invitation.refused} times somebody tried"
        warning = f"{tries} to come in without the link's secret, and was refused."
    trust = ENCRYPTED.replace("HOST", _host(link)) if invitation.encrypted else PLAIN
    others = ", ".join(filter(None, (urlsplit(each).hostname for each in invitation.others)))
    return GuestsView(
        possible=True,
        busy=True,
        places=places,
        says=says,
        link=link,
        shown=link.partition("#")[0] + "#…" if link else "",
        qr=_qr(link) if link else (),
        left=f"{invitation.left_s // 60}:{invitation.left_s % 60:02d}",
        trust=trust if link else "",
        warning=warning,
        others=f"This computer is also at {others}." if others else "",
        ways=way_lines(invitation.ways),
        guests=here,
    )


def told_by(guest: GuestState) -> str:
    """What a guest's card says instead of six digits."""
    ends = {
        "host": "its own address",
        "srflx": "its router's outside address",
        "prflx": "an address found on the way",
    }
    parts = [f"{guest.browser or 'A browser'}, with nothing installed."]
    if guest.local is not None:
        parts.append(
            f"Its end is {ends.get(guest.local, 'a relay')} ({guest.local}, {guest.protocol or 'udp'})."
        )
    if guest.rtt_s is not None:
        parts.append(f"It measures {duration(guest.rtt_s)}.")
    parts.append("Whoever had the link is here: the secret in it has been proved, and is used up.")
    return " ".join(parts)


def _line(guest: Conversation) -> GuestLine:
    state = guest.guest or GuestState()
    if state.silent:
        return GuestLine(guest.number, f"{guest.name} does not answer…", Tone.WARN)
    rtt = "" if state.probes.p50_s is None else f", {duration(state.probes.p50_s)}"
    where = {"local": "direct in this network", "relay": "by a relay"}.get(guest.kind, guest.kind)
    return GuestLine(guest.number, f"{guest.name}, {state.browser or 'a browser'}, {where}{rtt}", Tone.GOOD)


def _host(url: str) -> str:
    return urlsplit(url).hostname or url


@lru_cache(maxsize=1)
def _qr(link: str) -> tuple[tuple[bool, ...], ...]:
    return qr_rows(link)
