"""The code entry: what somebody typed or pasted -> whether it can be joined, and what to say about it."""

import msgspec

from netstack.core.paste_invitation import INVITATION, REPLY, read_invitation
from netstack.core.session_code import parse_session_code
from netstack.core.session_link import PREFIX, parse_session_link
from netstack.model.meeting import MeetingError

HINT = "A number and three words, a link, or a whole invitation: pasted or dropped here, also as a picture of its QR code"
_R = MeetingError.Reason


class CodeView(msgspec.Struct, frozen=True):
    """`code` is set when it can be joined, over `ways` (empty: the chosen ones). `meant` is a whole code to offer."""

    code: str = ""
    ways: tuple[str, ...] = ()
    says: str = ""
    problem: bool = False
    meant: str = ""


def check_code(typed: str, wall_s: float) -> CodeView:
    """What to show under the entry. Nothing is a problem while it may still become a code."""
    text = typed.strip()
    if not text:
        return CodeView(says=HINT)
    if text.startswith((INVITATION, REPLY)):
        return _check_invitation(text, wall_s)
    if text.startswith("peerscope:"):
        return _check_link(text)
    try:
        return CodeView(code=str(parse_session_code(text)), says="That is a whole code.")
    except MeetingError as error:
        meant = error.detail.removeprefix("did you mean ").removesuffix("?")
        if error.reason is _R.UNKNOWN_WORD and meant != error.detail:
            return CodeView(says=MeetingError(_R.UNKNOWN_WORD).sentence, problem=True, meant=meant)
        if error.reason is _R.MALFORMED_CODE and _may_become(text):
            return CodeView(says=HINT)
        return CodeView(says=error.sentence, problem=True)


def is_invitation(code: str) -> bool:
    """Whether it is a whole invitation, which needs no way to meet."""
    return code.startswith(INVITATION)


def _check_invitation(text: str, wall_s: float) -> CodeView:
    if text.startswith(REPLY):
        return CodeView(says="That is a reply: paste it where the invitation was made.", problem=True)
    try:
        invitation = read_invitation(text, wall_s)
    except MeetingError as error:
        return CodeView(says=error.sentence, problem=True)
    minutes = max(1, int(invitation.expires_at_s - wall_s) // 60)
    return CodeView(
        "".join(text.split()),
        (),
        f"An invitation without a server, good for {minutes} more minute{'s' if minutes > 1 else ''}. "
        "Join makes a reply for you to send back.",
    )


def _check_link(text: str) -> CodeView:
    try:
        link = parse_session_link(text)
    except MeetingError as error:
        if PREFIX.startswith(text):
            return CodeView(says=HINT)
        return CodeView(says=error.sentence, problem=True)
    ways = tuple(str(via) for via in link.vias)
    by = f" It meets by {_list(ways)}." if ways else ""
    return CodeView(
        str(link.code), ways, f"From a link: {link.code}.{by} Nothing happens before you press Join."
    )


def _may_become(text: str) -> bool:
    """Fewer digits or words than a code has: somebody is still typing."""
    parts = text.replace("-", " ").split()
    digits = "".join(part for part in parts if part.isdigit())
    words = [part for part in parts if part.isalpha()]
    return len(digits) + sum(map(len, words)) == sum(map(len, parts)) and len(digits) <= 6 and len(words) <= 2


def _list(ways: tuple[str, ...]) -> str:
    return ways[0] if len(ways) == 1 else ", ".join(ways[:-1]) + f" or {ways[-1]}"
