"""An attempt to meet, as the window shows it."""

from collections.abc import Sequence

from netstack.core.rendezvous_uri import parse_rendezvous
from netstack.core.session_code import SessionCode
from netstack.core.session_link import MAX_VIAS, SessionLink
from netstack.model.meeting import MeetingError
from netstack.model.peers import CallState, InvitationState, Stage
from netstack.service.attempt import Attempt, PasteAttempt


def invitation_state(attempt: Attempt | None, left_s: int, ways: Sequence[str]) -> InvitationState | None:
    """Our invitation; the code goes once it is used. `ways` are for its link."""
    if attempt is None:
        return None
    if isinstance(attempt, PasteAttempt):
        stage = Stage.CONNECTING if attempt.replied else Stage.FINDING if attempt.text else Stage.PREPARING
        return InvitationState(stage=stage, paste=attempt.text, left_s=left_s)
    meeting = attempt.meeting
    if attempt.agreed or meeting is None:
        stage = Stage.CONNECTING if attempt.agreed else Stage.PREPARING
        return InvitationState(stage=stage, ways=attempt.ways)
    return InvitationState(
        stage=Stage.FINDING,
        code=str(meeting.code),
        link=_link(meeting.code, ways),
        left_s=left_s,
        failures=attempt.failures,
        ways=attempt.ways,
    )


def call_state(attempt: Attempt, left_s: int, peer: str = "", name: str = "") -> CallState:
    """An attempt to reach somebody."""
    stage = Stage.CONNECTING if attempt.agreed else Stage.FINDING
    reply = attempt.text if isinstance(attempt, PasteAttempt) else ""
    return CallState(peer, name, stage, left_s, attempt.ways, reply)


def _link(code: SessionCode, ways: Sequence[str]) -> str:
    """Without ways where they would not fit."""
    try:
        return str(SessionLink(code, tuple(parse_rendezvous(way) for way in ways)[:MAX_VIAS]))
    except MeetingError:
        return str(SessionLink(code))
