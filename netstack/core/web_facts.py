"""What plain web requests prove: does a login page stand in the way, and is this computer's clock right? Pure.

A web check is a URL at which a server answers 204 with no content. A network that wants a login answers in its place, with
a page, a redirection or 511 (RFC 6585). The right answer's Date (RFC 9110 section 6.6.1) tells the time to a second.
"""

from collections.abc import Iterable, Sequence
from datetime import UTC
from email.utils import parsedate_to_datetime
from statistics import median
from typing import Final
from urllib.parse import urlsplit

import msgspec

from netstack.core.doctor_rules import Facts
from netstack.errors import InputError
from netstack.wire.http import HttpResponse

NO_CONTENT: Final = 204
LOGIN_NEEDED: Final = 511
AGREE_S: Final = 10.0  # servers whose clocks differ by more prove nothing
DATE_STEP_S: Final = 1.0


class WebAnswer(msgspec.Struct, frozen=True):
    """One web check. `portal` None: nothing was answered, or nothing that proves anything.

    `clock_off_s` is by how much this computer's clock is ahead; None where no date can be trusted.
    """

    url: str
    portal: bool | None = None
    clock_off_s: float | None = None
    text: str = ""


def parse_web_check(url: str) -> tuple[str, int, str]:
    """Host, port and path of `http://HOST[:PORT]/PATH`. Raises InputError."""
    try:
        parts = urlsplit(url)
        port = parts.port or 80
    except ValueError:
        parts, port = urlsplit(""), 0
    visible = url.isascii() and all(" " < mark < "\x7f" for mark in url) and len(url) <= 512
    if parts.scheme != "http" or not parts.hostname or parts.username is not None or not visible:
        raise InputError(InputError.Reason.USAGE, f"{url}: a web check is http://HOST/PATH")
    path = parts.path or "/"
    return parts.hostname, port, f"{path}?{parts.query}" if parts.query else path


def judge(url: str, response: HttpResponse, sent_at_s: float, received_at_s: float) -> WebAnswer:
    """What one answer proves; times are this computer's wall clock, in seconds since 1970."""
    status = response.status
    if status == NO_CONTENT:
        return WebAnswer(url, False, _clock_off(response.headers.get("date"), sent_at_s, received_at_s))
    if status == LOGIN_NEEDED or status // 100 in {2, 3}:
        where = response.headers.get("location", "")
        return WebAnswer(
            url, True, text=f"answered {status}{f', which leads to {_plain(where)}' if where else ''}"
        )
    return WebAnswer(url, None, text=f"answered {status}")


def _clock_off(date: str | None, sent_at_s: float, received_at_s: float) -> float | None:
    """The date is cut to whole seconds: the middle of that second is the best guess."""
    try:
        told = parsedate_to_datetime(date or "")
    except (ValueError, TypeError):
        return None
    if told.tzinfo is None:
        told = told.replace(tzinfo=UTC)
    return (sent_at_s + received_at_s) / 2 - (told.timestamp() + DATE_STEP_S / 2)


def _plain(text: str) -> str:
    """A stranger's words: one short line of visible ASCII."""
    return "".join(mark for mark in text[:200] if " " < mark < "\x7f")


def web_facts(answers: Sequence[WebAnswer] | None = None) -> Facts:
    """One right answer disproves a login page; a login page has answered for every server, or it is none."""
    every = answers or ()
    portals = {answer.portal for answer in every} - {None}
    portal = None if not portals else portals == {True}
    return {"portal": portal, "clock_off_s": _agreed(answer.clock_off_s for answer in every)}


def _agreed(offsets: Iterable[float | None]) -> float | None:
    known = [offset for offset in offsets if offset is not None]
    if not known or max(known) - min(known) > AGREE_S:
        return None
    return abs(median(known))
