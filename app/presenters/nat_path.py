"""The way from this computer to the internet, station by station, with what each does to the answer."""

import msgspec

from app.presenters.tone import Tone
from app.presenters.veil import HIDDEN, Veil
from netstack.model.nat import Mapping, NatReport, Udp


class Station(msgspec.Struct, frozen=True):
    """One place on the way; `tone` and `does`: what it means for direct connections; `cut`: UDP ends before it."""

    icon: str
    title: str
    detail: str
    tone: Tone
    does: str = ""
    cut: bool = False


def stations(report: NatReport | None, veil: Veil) -> tuple[Station, ...]:
    """From this computer to the internet. A station that nobody saw is not drawn, but the router."""
    given = report or NatReport()
    way = [Station("pc", "This computer", _shown(given.local_addresses, veil), Tone.PLAIN)]
    if given.vpn:
        way.append(Station("vpn", "VPN", given.vpn, Tone.WARN, "decides what you see here"))
    if given.mapping is not Mapping.NONE:
        tone, does = _ROUTER[given.mapping]
        way.append(Station("router", "Router", _shown((given.gateway,), veil), tone, does))
    if given.cgnat:
        way.append(
            Station(
                "provider",
                "Provider's NAT",
                _shown((given.gateway_wan,), veil),
                Tone.BAD,
                "shared with others",
            )
        )
    elif given.double_nat:
        way.append(
            Station(
                "router", "Second router", _shown((given.gateway_wan,), veil), Tone.WARN, "translates again"
            )
        )
    tone, does = _INTERNET[given.udp]
    shown = _shown(given.public_addresses, veil)
    way.append(Station("internet", "Internet", shown, tone, does, cut=given.udp is Udp.BLOCKED))
    return tuple(way)


def _shown(hosts: tuple[str | None, ...], veil: Veil) -> str:
    first = veil(next(iter(hosts), None) or "")
    return "address hidden" if first == HIDDEN else first


_ROUTER = {
    Mapping.ENDPOINT_INDEPENDENT: (Tone.GOOD, "one port for everyone"),
    Mapping.ADDRESS_DEPENDENT: (Tone.BAD, "a new port for each address"),
    Mapping.ADDRESS_AND_PORT_DEPENDENT: (Tone.BAD, "a new port for each destination"),
    Mapping.UNKNOWN: (Tone.UNKNOWN, ""),
}
_INTERNET = {
    Udp.OK: (Tone.GOOD, "UDP passes"),
    Udp.BLOCKED: (Tone.BAD, "UDP is blocked"),
    Udp.UNKNOWN: (Tone.UNKNOWN, ""),
}
