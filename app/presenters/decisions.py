"""What carries what, and every move of it with its reason, in words."""

from collections.abc import Callable
from typing import Final, NamedTuple

from app.presenters.peer_talk import TRANSPORTS
from app.presenters.quantity import moment
from netstack.model.coordinator import CoordinatorState, Decision, PathHealth, PeerPaths
from netstack.model.session import Priority, TransportKind

SHOWN: Final = 8
_NAMES: Final = {Priority.CRITICAL: "Critical", Priority.REALTIME: "Realtime", Priority.BULK: "Bulk"}


class MoveRow(NamedTuple):
    """One move: the local time, the priorities that moved for the same reason, whose path, and the reason."""

    at: str
    exact: str
    what: str
    peer: str
    reason: str


class DecisionsView(NamedTuple):
    """`routes` are (peer, what carries what, what is kept warm)."""

    headline: str
    routes: tuple[tuple[str, str, str], ...] = ()
    moves: tuple[MoveRow, ...] = ()


def present_decisions(state: CoordinatorState, wall: Callable[[float], float]) -> DecisionsView:
    """`wall` turns the engine's clock into seconds since 1970."""
    rows = _rows(state.decisions, wall)
    if not state.peers and not rows:
        return DecisionsView("No peer is connected: nothing to choose between.")
    if any(peer.doubled for peer in state.peers):
        headline = "A path is in doubt: what matters travels on two at once."
    elif not rows:
        headline = "Everything rides the path that it began on: no other is better by enough."
    else:
        headline = f"{rows[0].what} last moved at {rows[0].at}."
    return DecisionsView(headline, tuple(map(_route, state.peers)), rows)


def moves_text(view: DecisionsView) -> str:
    """For the clipboard: a move a line, with tabs."""
    return "\n".join(f"{row.exact}\t{row.peer}\t{row.what}\t{row.reason}" for row in view.moves)


def _rows(decisions: tuple[Decision, ...], wall: Callable[[float], float]) -> tuple[MoveRow, ...]:
    rows: list[MoveRow] = []
    before: Decision | None = None
    for each in decisions:
        same = before is not None and (each.at_s, each.peer, each.sentence) == (
            before.at_s,
            before.peer,
            before.sentence,
        )
        before = each
        if same:
            rows[-1] = rows[-1]._replace(what=f"{_NAMES[each.priority]}, {rows[-1].what}")
            continue
        if len(rows) == SHOWN:
            break
        exact = moment(wall(each.at_s))
        rows.append(MoveRow(exact[11:19], exact, _NAMES[each.priority], each.peer, each.sentence))
    return tuple(rows)


def _route(peer: PeerPaths) -> tuple[str, str, str]:
    paths = {each.path: each for each in peer.health}
    names = [_name(paths.get(number)) for number in peer.routes]
    if len(set(names)) == 1:
        carries = f"everything by {names[0]}"
    else:
        carries = ", ".join(f"{_NAMES[each]} by {name}" for each, name in zip(Priority, names, strict=True))
    reserve = paths.get(peer.reserve)
    backup = f"backup {_name(reserve)}" if reserve is not None else "no backup"
    if peer.preferred is not None:
        carries = f"{carries}; {_wish(peer, peer.preferred)}"
    return peer.peer, carries, f"{backup}; on two paths now" if peer.doubled else backup


def _wish(peer: PeerPaths, kind: TransportKind) -> str:
    """What has become of the user's wish."""
    word = TRANSPORTS[kind.value]
    wanted = [each for each in peer.health if each.transport == kind.value]
    if not wanted:
        return f"you prefer {word}, which is not open"
    if {each.path for each in wanted} & set(peer.routes):
        return f"as you prefer {word}"
    if any(each.n for each in wanted):
        return f"you prefer {word}, which is not healthy enough now"
    return f"you prefer {word}, which is being measured"


def _name(path: PathHealth | None) -> str:
    if path is None:
        return "a path that is gone"
    return f"{path.name}, metered" if path.metered else path.name
