"""My game's port, as rows: on this computer, in the router, from outside."""

from app.presenters.check import RowView
from app.presenters.tone import Tone
from netstack.model.doctor import PortReport
from netstack.model.peers import PeersState

NOBODY = "To see it from outside, connect to somebody on the Peers page: they can knock."

_TONES = {True: Tone.GOOD, False: Tone.WARN, None: Tone.UNKNOWN}


def port_rows(ports: tuple[PortReport, ...]) -> tuple[RowView, ...]:
    """Three rows a port."""
    rows = []
    for port in ports:
        for where, known, text, hint in (
            (
                "here",
                port.bound,
                port.bound_text,
                "The port was taken for a moment, to see whether it is free.",
            ),
            ("router", port.mapped, port.mapped_text, "Asked by UPnP; nothing was changed."),
            ("outside", port.reachable, port.reachable_text, "Only somebody outside can tell."),
        ):
            name = f"{port.port} {where}"
            rows.append(RowView(name, name, _TONES[known], False, text, hint))
    return tuple(rows)


def knockers(peers: PeersState) -> tuple[tuple[int, str], ...]:
    """Who is connected and can knock: the conversation's number and the name."""
    return tuple((each.number, each.name) for each in peers.conversations if not each.ended)
