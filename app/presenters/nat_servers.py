"""The STUN servers as rows: what each did in this check, and what it is worth."""

import msgspec

from app.presenters.quantity import ago, duration, percent
from app.presenters.tone import Tone
from app.presenters.veil import Veil
from netstack.core.nat_probe import MAX_SERVERS
from netstack.core.stun_uri import parse_stun_uri
from netstack.errors import InputError
from netstack.model.nat import NatReport, ServerReport

SLOWER = "slower than the others, not waited for"


class ServerRow(msgspec.Struct, frozen=True):
    """One server; empty text is "nothing known"."""

    server: str
    tone: Tone
    state: str
    address: str = ""
    rtt: str = ""
    average: str = ""
    success: str = ""
    strikes: str = ""
    last_used: str = ""
    note: str = ""


def problem(server: str, servers: tuple[str, ...]) -> str:
    """Why `server` cannot be added to `servers`, in a sentence; empty when it can."""
    try:
        parse_stun_uri(server)
    except InputError as error:
        return error.sentence
    if canonical(server) in map(canonical, servers):
        return "That server is in the list already."
    if len(servers) >= MAX_SERVERS:
        return f"At most {MAX_SERVERS} servers are asked; remove one first."
    return ""


def canonical(server: str) -> str:
    """The way the stack writes a server, `stun:HOST:PORT`; a malformed one stays as it is."""
    try:
        return f"stun:{parse_stun_uri(server).name}"
    except InputError:
        return server


def server_rows(
    servers: tuple[str, ...], report: NatReport | None, veil: Veil, *, running: bool, age_s: float = 0.0
) -> tuple[ServerRow, ...]:
    """A row for each configured server, in their order. `age_s` is how old the report is."""
    known = {server.server: server for server in (report.servers if report else ())}
    waiting = ServerRow("", Tone.UNKNOWN, "asking" if running else "not asked yet")
    return tuple(
        _row(server, found, veil, running=running, age_s=age_s)
        if (found := known.get(canonical(server)))
        else msgspec.structs.replace(waiting, server=server)
        for server in servers
    )


def _row(server: str, known: ServerReport, veil: Veil, *, running: bool, age_s: float) -> ServerRow:
    if known.struck_for:
        tone, state = Tone.BAD, "lied"
    elif known.answered:
        tone, state = (Tone.WARN, "answered, lied before") if known.strikes else (Tone.GOOD, "answered")
    elif running:
        tone, state = Tone.UNKNOWN, "asking"
    else:
        tone, state = (Tone.BAD, "no answer") if known.failure != SLOWER else (Tone.UNKNOWN, "not waited for")
    note = known.struck_for or ("" if state in {"asking", known.failure} else known.failure) or ""
    if not known.answered and known.consecutive_failures > 1:
        note = f"{note}; " * bool(note) + f"{known.consecutive_failures} checks in a row"
    return ServerRow(
        server=server,
        tone=tone,
        state=state,
        address=known.address or "",
        rtt="" if known.rtt_s is None else duration(known.rtt_s),
        average="" if known.response_time_s is None else duration(known.response_time_s),
        success="" if known.success_rate is None else percent(known.success_rate),
        strikes=str(known.strikes),
        last_used="" if known.last_used_s_ago is None else ago(known.last_used_s_ago + age_s),
        note=veil(note),
    )
