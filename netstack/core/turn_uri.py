"""TURN server URIs (RFC 7065): `turn[s]:HOST[:PORT][?transport=udp|tcp]`."""

from typing import NamedTuple

from netstack.core.stun_uri import split_host_port
from netstack.model.turn import ServerTransport, TurnError

DEFAULT_PORT = 3478
DEFAULT_TLS_PORT = 5349
MAX_CHARACTERS = 512


class TurnUri(NamedTuple):
    """A TURN server: `port` None is the default one (or whatever SRV says), `transport` None is any."""

    host: str
    port: int | None = None
    secure: bool = False
    transport: ServerTransport | None = None

    @property
    def port_or_default(self) -> int:
        """The port to use."""
        return self.port or (DEFAULT_TLS_PORT if self.secure else DEFAULT_PORT)

    @property
    def transports(self) -> tuple[ServerTransport, ...]:
        """What to try, all at once: UDP and TCP where the URI leaves it open."""
        if self.secure:
            return (ServerTransport.TLS,)
        return (ServerTransport.UDP, ServerTransport.TCP) if self.transport is None else (self.transport,)

    def __str__(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        port = "" if self.port is None else f":{self.port}"
        asked = "" if self.transport is None else f"?transport={self.transport}"
        return f"turn{'s' if self.secure else ''}:{host}{port}{asked}"


def parse_turn_uri(text: str) -> TurnUri:
    """Reads a URI. Raises TurnError: malformed, or one that asks for DTLS."""
    body = text.strip()
    scheme, colon, rest = body.partition(":")
    scheme = scheme.lower()
    if len(body) > MAX_CHARACTERS or not colon or scheme not in {"turn", "turns"}:
        raise _malformed(text, "it begins with turn: or turns:")
    if rest.startswith("//"):
        raise _malformed(text, f"there are no slashes in it: {scheme}:{rest[2:][:80]}")
    where, question, query = rest.partition("?")
    if "@" in where:
        raise _malformed("...", "a username and a password are not part of it")
    try:
        host, port = split_host_port(where, scheme)
    except ValueError as error:
        raise _malformed(text, str(error)) from None
    transport: ServerTransport | None = None
    if question:
        key, _, value = query.partition("=")
        if key.lower() != "transport" or value.lower() not in {"udp", "tcp"}:
            raise _malformed(text, "after the question mark stands transport=udp or transport=tcp")
        transport = ServerTransport(value.lower())
    if scheme == "turns" and transport is ServerTransport.UDP:
        raise TurnError(TurnError.Reason.DTLS)
    return TurnUri(host, port, scheme == "turns", transport)


def _malformed(text: str, why: str) -> TurnError:
    shown = "".join(char if char.isprintable() else "?" for char in text[:80])
    return TurnError(TurnError.Reason.URI, f"{shown!r}: {why}")
