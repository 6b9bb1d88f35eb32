"""UPnP Internet Gateway Device: its description, and the SOAP calls to its WAN connection service.

WANIPConnection:1 and :2 and WANPPPConnection:1 (UPnP Forum); SOAP is that of UPnP Device Architecture 1.1, section 3.
"""

import re
from urllib.parse import urljoin
from xml.sax.saxutils import escape

import msgspec

from netstack.errors import DecodeError
from netstack.model.address import Address
from netstack.wire import upnp_xml
from netstack.wire.ssdp import read_http_url

SERVICE_TYPES = (
    "urn:schemas-upnp-org:service:WANIPConnection:2",
    "urn:schemas-upnp-org:service:WANIPConnection:1",
    "urn:schemas-upnp-org:service:WANPPPConnection:1",
)
MAX_SERVICES = 4
_NUMBER = re.compile(r"[0-9]{1,6}")


class WanService(msgspec.Struct, frozen=True):
    """A service that maps ports: its type and where it takes calls."""

    service_type: str
    control: Address
    path: str


class SoapFault(msgspec.Struct, frozen=True):
    """A refusal: the UPnP error code (0 where none is told) and its description."""

    code: int
    description: str


def read_description(data: bytes, location: str) -> tuple[str, tuple[WanService, ...]]:
    """The device's friendly name, and its WAN services, the best first. Raises DecodeError."""
    root = upnp_xml.parse(data)
    if root.name != "root":
        raise DecodeError(DecodeError.Reason.MALFORMED, "not a UPnP device description")
    base = root.text_of("URLBase") or location
    found = []
    for element in root.descendants():
        kind = element.text_of("serviceType")
        if element.name == "service" and kind in SERVICE_TYPES:
            try:
                url = urljoin(base, element.text_of("controlURL"))
            except ValueError:
                raise DecodeError(DecodeError.Reason.MALFORMED, "controlURL") from None
            found.append(WanService(kind, *read_http_url(url)))
    found.sort(key=lambda service: SERVICE_TYPES.index(service.service_type))
    device = root.find("device")
    name = (device.text_of("friendlyName") or device.text_of("modelName")) if device else ""
    return "".join(mark for mark in name if mark.isprintable())[:64], tuple(found[:MAX_SERVICES])


def encode_call(service: WanService, action: str, arguments: dict[str, str]) -> tuple[dict[str, str], bytes]:
    """The headers and the body of a POST that calls `action`."""
    inner = "".join(f"<{name}>{escape(value)}</{name}>" for name, value in arguments.items())
    body = (
        '<?xml version="1.0"?>\r\n<s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/" '
        's:encodingStyle="http://schemas.xmlsoap.org/soap/encoding/"><s:Body>'
        f'<u:{action} xmlns:u="{service.service_type}">{inner}</u:{action}></s:Body></s:Envelope>\r\n'
    )
    headers = {
        "Content-Type": 'text/xml; charset="utf-8"',
        "SOAPAction": f'"{service.service_type}#{action}"',
    }
    return headers, body.encode()


def read_reply(data: bytes, action: str) -> dict[str, str] | SoapFault:
    """What `action` returned, by name, or its refusal. Raises DecodeError."""
    envelope = upnp_xml.parse(data)
    body = envelope.find("Body")
    if envelope.name != "Envelope" or body is None or not body.children:
        raise DecodeError(DecodeError.Reason.MALFORMED, "not a SOAP envelope")
    said = body.children[0]
    if said.name == f"{action}Response":
        return {child.name: child.text for child in said.children}
    if said.name != "Fault":
        raise DecodeError(DecodeError.Reason.MALFORMED, f"not an answer to {action}")
    for element in said.descendants():
        code = element.text_of("errorCode")
        if element.name == "UPnPError" and _NUMBER.fullmatch(code):
            description = "".join(mark for mark in element.text_of("errorDescription") if mark.isprintable())
            return SoapFault(int(code), description[:80])
    return SoapFault(0, said.text_of("faultstring")[:80])
