"""SSDP (UPnP Device Architecture 1.1, section 1.3): the search for an Internet Gateway Device."""

import ipaddress
import re
from urllib.parse import urlsplit

from netstack.errors import DecodeError
from netstack.model.address import Address

GROUP = Address("239.255.255.250", 1900)
PORT = 1900
TARGETS = (
    "urn:schemas-upnp-org:device:InternetGatewayDevice:1",
    "urn:schemas-upnp-org:device:InternetGatewayDevice:2",
)
MAX_BYTES = 4096
_STATUS = re.compile(rb"HTTP/1\.[01] 200(?: |$)")


def encode_search(target: str, remote: Address) -> bytes:
    """M-SEARCH to the group or, unicast, to one gateway (which then does not wait: no MX)."""
    wait = "MX: 1\r\n" if remote == GROUP else ""
    return (
        f"M-SEARCH * HTTP/1.1\r\nHOST: {remote}\r\n"
        f'MAN: "ssdp:discover"\r\n{wait}ST: {target}\r\nUSER-AGENT: UPnP/1.1 Peerscope/1\r\n\r\n'
    ).encode("ascii")


def decode_answer(data: bytes) -> tuple[str, str]:
    """Reads an answer to a search: its ST and its LOCATION. Raises DecodeError."""
    if len(data) > MAX_BYTES:
        raise DecodeError(DecodeError.Reason.OVERSIZED, "SSDP answer")
    head, *lines = data.split(b"\r\n\r\n", 1)[0].split(b"\r\n")
    if not _STATUS.match(head):
        raise DecodeError(DecodeError.Reason.MALFORMED, "not an SSDP answer")
    fields: dict[str, str] = {}
    for line in lines:
        name, colon, value = line.partition(b":")
        if not colon or not value.isascii():
            raise DecodeError(DecodeError.Reason.MALFORMED, "SSDP header")
        fields.setdefault(name.strip().decode("latin-1").lower(), value.strip().decode("ascii"))
    if "location" not in fields or "st" not in fields:
        raise DecodeError(DecodeError.Reason.MALFORMED, "an SSDP answer without LOCATION or ST")
    return fields["st"], fields["location"]


def read_http_url(url: str) -> tuple[Address, str]:
    """Splits `http://IP:PORT/PATH` into address and path. Raises DecodeError for every other kind of URL."""
    if len(url) > 1024 or not url.isascii() or any(not " " < mark < "\x7f" for mark in url):
        raise DecodeError(DecodeError.Reason.MALFORMED, "URL")
    try:
        parts = urlsplit(url)
        host = str(ipaddress.ip_address(parts.hostname or ""))
        port = 80 if parts.port is None else parts.port
    except ValueError:
        raise DecodeError(DecodeError.Reason.MALFORMED, "the URL names no IP address and port") from None
    if parts.scheme != "http" or parts.username is not None or port == 0:
        raise DecodeError(DecodeError.Reason.MALFORMED, "the URL is not plain http")
    path = parts.path or "/"
    return Address(host, port), f"{path}?{parts.query}" if parts.query else path
