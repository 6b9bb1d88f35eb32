"""STUN server URIs (RFC 7064): `stun:HOST[:PORT]`, also written without `stun:`."""

import ipaddress
import re

from netstack.core.nat_probe import Server
from netstack.errors import InputError

DEFAULT_PORT = 3478
_LABEL = re.compile(r"(?!-)[A-Za-z0-9_-]{1,63}(?<!-)")


def parse_stun_uri(text: str) -> Server:
    """The server that `text` names. Raises InputError that says what is wrong with it."""
    scheme, colon, rest = text.strip().partition(":")
    if colon and scheme.lower() == "stuns":
        raise _refuse(text, "stuns: is STUN over TLS, which says nothing about UDP; use stun:")
    if colon and rest.startswith("//"):
        raise _refuse(text, "it is written without slashes")
    body = rest if colon and scheme.lower() == "stun" else text.strip()
    try:
        host, given = split_host_port(body)
    except ValueError as error:
        raise _refuse(text, str(error)) from None
    port = given or DEFAULT_PORT
    shown = f"[{host}]" if ":" in host else host
    return Server(name=f"{shown}:{port}", port=port, hosts=(host,) if is_address(host) else None)


def split_host_port(body: str, scheme: str = "stun") -> tuple[str, int | None]:
    """`HOST[:PORT]` of a URI of `scheme`; the host is a name or an IP address. Raises ValueError that says why."""
    if body.startswith("["):
        host, bracket, tail = body[1:].partition("]")
        if not bracket or (tail and not tail.startswith(":")):
            raise ValueError(f"an IPv6 address is written in brackets: {scheme}:[2001:db8::1]:3478")
        port_text = tail[1:] if tail else ""
        has_port = bool(tail)
    elif body.count(":") > 1:
        host, port_text, has_port = body, "", False
    else:
        host, colon, port_text = body.partition(":")
        has_port = bool(colon)
    if has_port and not (port_text.isascii() and port_text.isdigit() and 0 < int(port_text[:6]) < 65_536):
        raise ValueError("the port is a number from 1 to 65535")
    if not _is_host(host):
        raise ValueError("it names no host" if not host else "that is neither a host name nor an IP address")
    return host, int(port_text) if has_port else None


def host_of(server: Server) -> str:
    """The host name to look up."""
    return server.name.rpartition(":")[0].strip("[]")


def _refuse(text: str, why: str) -> InputError:
    shown = "".join(char if char.isprintable() else "?" for char in text[:80])
    return InputError(InputError.Reason.SERVER, f"{shown!r}: {why}")


def is_address(host: str) -> bool:
    """Whether it is a numeric IP address."""
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


def _is_host(host: str) -> bool:
    if is_address(host):
        return True
    try:
        labels = host.encode("idna").decode("ascii").removesuffix(".").split(".")
    except UnicodeError:
        return False
    numeric = all(label.isdigit() for label in labels)
    return len(host) <= 253 and not numeric and all(_LABEL.fullmatch(label) for label in labels)
