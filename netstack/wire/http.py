"""The little of HTTP/1.1 (RFC 9112) that gateways and web checks need: one request, one whole response."""

import re

import msgspec

from netstack.errors import DecodeError
from netstack.model.address import Address

_STATUS = re.compile(rb"HTTP/1\.[01] (\d{3})(?: |$)")
_SIZE = re.compile(rb"[0-9A-Fa-f]{1,8}")
_WITHOUT_BODY = frozenset({204, 304})
_LENGTH = re.compile(r"[0-9]{1,9}")


class HttpResponse(msgspec.Struct, frozen=True):
    """A whole response; header names are in lower case."""

    status: int
    headers: dict[str, str]
    body: bytes


def encode_request(
    method: str, remote: Address, path: str, headers: dict[str, str] | None = None, body: bytes = b""
) -> bytes:
    """Writes a request after which the connection ends. Raises ValueError for line breaks in a field."""
    fields = {"Host": str(remote), "Connection": "close", **(headers or {})}
    if method == "POST":
        fields["Content-Length"] = str(len(body))
    lines = [f"{method} {path} HTTP/1.1", *(f"{name}: {value}" for name, value in fields.items())]
    if any("\r" in line or "\n" in line for line in lines):
        raise ValueError("a line break in a header")
    return "\r\n".join([*lines, "", ""]).encode("ascii") + body


def decode_response(data: bytes, *, ended: bool) -> HttpResponse | None:
    """Reads a response; None while more bytes must come. `ended`: none will. Raises DecodeError."""
    head, blank, rest = data.partition(b"\r\n\r\n")
    if not blank:
        if ended:
            raise DecodeError(DecodeError.Reason.TRUNCATED, "HTTP response")
        return None
    status_line, *lines = head.split(b"\r\n")
    status = _STATUS.match(status_line)
    if status is None:
        raise DecodeError(DecodeError.Reason.MALFORMED, "not an HTTP response")
    headers: dict[str, str] = {}
    for line in lines:
        name, colon, value = line.partition(b":")
        if not colon:
            raise DecodeError(DecodeError.Reason.MALFORMED, "HTTP header")
        headers[name.decode("latin-1").strip().lower()] = value.decode("latin-1").strip()
    code = int(status[1])
    body = b"" if code in _WITHOUT_BODY else _body(headers, rest, ended=ended)
    if body is None and ended:
        raise DecodeError(DecodeError.Reason.TRUNCATED, "HTTP response")
    return None if body is None else HttpResponse(code, headers, body)


def _body(headers: dict[str, str], rest: bytes, *, ended: bool) -> bytes | None:
    if headers.get("transfer-encoding", "").lower() == "chunked":
        return _unchunk(rest)
    if (stated := headers.get("content-length")) is not None:
        if not _LENGTH.fullmatch(stated):
            raise DecodeError(DecodeError.Reason.MALFORMED, "Content-Length")
        return rest[: int(stated)] if len(rest) >= int(stated) else None
    return rest if ended else None


def _unchunk(rest: bytes) -> bytes | None:
    body = bytearray()
    while True:
        line, end, rest = rest.partition(b"\r\n")
        if not end:
            return None
        size = _SIZE.fullmatch(line.partition(b";")[0].strip())
        if size is None:
            raise DecodeError(DecodeError.Reason.MALFORMED, "HTTP chunk")
        length = int(size[0], 16)
        if length == 0:
            return bytes(body)
        if len(rest) < length + 2:
            return None
        body += rest[:length]
        rest = rest[length + 2 :]
