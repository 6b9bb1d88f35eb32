"""Ways to meet, as people write them: `lan`, `ble`, `paste`, `ws://HOST:PORT`, `mqtts://HOST`. Pure."""

import ipaddress
import re
from urllib.parse import urlsplit

import msgspec

from netstack.model.meeting import MeetingError, Way

DEFAULT_PORTS = {"ws": 80, "wss": 443, "mqtt": 1883, "mqtts": 8883, "lan": 0}
LAN_PORT = 21_117
MAX_URI = 200
_HOST = re.compile(r"(?=.{1,253}$)[a-z0-9]([a-z0-9-]{0,62})(\.[a-z0-9]([a-z0-9-]{0,62}))*\.?")
_PATH = re.compile(r"(/[A-Za-z0-9._~-]{0,64}){0,4}")

_R = MeetingError.Reason


class RendezvousUri(msgspec.Struct, frozen=True):
    """A way and where it leads; `host` is empty for ways that need no address."""

    way: Way
    host: str = ""
    port: int = 0
    tls: bool = False
    path: str = ""

    def __str__(self) -> str:
        if not self.host:
            return self.way.value
        host = f"[{self.host}]" if ":" in self.host else self.host
        scheme = {Way.WEBSOCKET: "ws", Way.MQTT: "mqtt", Way.LAN: "lan"}[self.way] + ("s" if self.tls else "")
        return f"{scheme}://{host}:{self.port}{self.path}"


def parse_rendezvous(text: str) -> RendezvousUri:
    """Reads one way. Raises MeetingError."""
    if text in {"lan", "ble", "paste"}:
        return RendezvousUri(Way(text))
    if len(text) > MAX_URI or not text.isascii() or not text.isprintable() or " " in text:
        raise MeetingError(_R.MALFORMED_VIA)
    try:
        parts = urlsplit(text)
        host, port = (parts.hostname or "").lower(), parts.port
    except ValueError:
        raise MeetingError(_R.MALFORMED_VIA, text[:60]) from None
    way = {
        "ws": Way.WEBSOCKET,
        "wss": Way.WEBSOCKET,
        "mqtt": Way.MQTT,
        "mqtts": Way.MQTT,
        "lan": Way.LAN,
    }.get(parts.scheme)
    if (
        way is None
        or parts.username is not None
        or parts.query
        or parts.fragment
        or port == 0
        or not _is_host(host)
        or not _PATH.fullmatch(parts.path)
        or (parts.path not in {"", "/"} and way is not Way.WEBSOCKET)
    ):
        raise MeetingError(_R.MALFORMED_VIA, text[:60])
    tls = parts.scheme in {"wss", "mqtts"}
    default = LAN_PORT if way is Way.LAN else DEFAULT_PORTS[parts.scheme]
    return RendezvousUri(way, host, port or default, tls, parts.path if parts.path != "/" else "")


def _is_host(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return bool(_HOST.fullmatch(host))
    return True
