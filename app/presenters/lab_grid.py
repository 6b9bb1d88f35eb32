"""The NAT x NAT grid: half a matrix of cells, each told by colour, glyph and words."""

from enum import StrEnum

import msgspec

from app.presenters.nat_kinds import kind_words
from app.presenters.quantity import THIN, digits, duration
from app.presenters.tone import Tone
from netstack.model.lab import Cell, GridState, Interval, Matrix

KINDS = (
    "open",
    "firewall",
    "full-cone",
    "address-restricted",
    "port-restricted",
    "port-restricted-nopreserve",
    "addr-dep-mapping",
    "symmetric",
    "symmetric-seq",
    "udp-blocked",
)
PAIRS = len(KINDS) * (len(KINDS) + 1) // 2


class Route(StrEnum):
    """What a cell says."""

    DIRECT = "direct"
    RELAY = "relay"
    NONE = "none"
    EMPTY = "empty"


class GridCell(msgspec.Struct, frozen=True):
    """`row` is at or below `column`. `mark` is a share that needs telling (some tries were otherwise)."""

    row: int
    column: int
    route: Route
    mark: str
    title: str
    lines: tuple[str, ...]


class GridView(msgspec.Struct, frozen=True):
    """The whole grid; `cells` goes by (row, column), in the order of reading."""

    labels: tuple[str, ...]
    hints: tuple[str, ...]
    cells: tuple[GridCell, ...]
    summary: str
    running: bool
    progress: float
    complete: bool
    note: str


ROUTES = {
    Route.DIRECT: ("good", Tone.GOOD, "direct"),
    Route.RELAY: ("relays", Tone.WARN, "over a relay"),
    Route.NONE: ("bad", Tone.BAD, "not at all"),
    Route.EMPTY: ("", Tone.UNKNOWN, "not tried"),
}
"""Icon, tone and words of each."""


def grid(state: GridState) -> GridView:
    """The grid in whatever state it is."""
    known = {frozenset((cell.a, cell.b)): cell for cell in state.cells}
    words = [kind_words(kind) for kind in KINDS]
    cells = tuple(
        _cell(row, column, known.get(frozenset((KINDS[row], KINDS[column]))), running=state.running)
        for row in range(len(KINDS))
        for column in range(row + 1)
    )
    return GridView(
        labels=tuple(word.short for word in words),
        hints=tuple(f"{word.short} ({word.word})\n{word.plain}\n{word.term}" for word in words),
        cells=cells,
        summary=_summary(state),
        running=state.running,
        progress=len(state.cells) / (state.total or PAIRS),
        complete=state.matrix is not None,
        note=state.matrix.note if state.matrix else "",
    )


def _cell(row: int, column: int, cell: Cell | None, *, running: bool) -> GridCell:
    one, other = kind_words(KINDS[row]), kind_words(KINDS[column])
    title = f"{one.short} meets {other.short}"
    if cell is None:
        return GridCell(row, column, Route.EMPTY, "", title, ("Not tried yet" if running else "Not tried",))
    route = Route(cell.route)
    mark = "" if cell.direct in (0, cell.tries) else _share(cell.direct / cell.tries)
    time = (
        "No try connected"
        if cell.connect_p50_s is None
        else f"First byte after {duration(cell.connect_p50_s)} (median, virtual time)"
    )
    return GridCell(
        row,
        column,
        route,
        mark,
        title,
        (
            ROUTES[route][2].capitalize(),
            f"Direct {_rate(cell.direct, cell.tries, cell.direct_interval)}",
            f"Connected {_rate(cell.connected, cell.tries, cell.connected_interval)}",
            time,
        ),
    )


def _rate(count: int, tries: int, interval: Interval) -> str:
    low, high = interval
    return f"{count} of {tries} ({_share(low)} to {_share(high)})"


def _share(share: float) -> str:
    return f"{digits(100 * share)}{THIN}%"


def _summary(state: GridState) -> str:
    if not state.cells and not state.running:
        return "Which kinds of NAT reach which? Let each of the ten meet every other, and count."
    if state.running:
        return f"{len(state.cells)} of {state.total} pairs tried"
    counts = {
        route: sum(cell.route == route for cell in state.cells) for route in ("direct", "relay", "none")
    }
    text = (
        f"{counts['direct']} pairs connect directly, {counts['relay']} over a relay, "
        f"{counts['none']} not at all ({state.tries} tries each)."
    )
    return text if state.matrix else f"Cancelled after {len(state.cells)} of {state.total} pairs: {text}"


def grid_json(matrix: Matrix) -> str:
    """The grid as `peerscope.lab-matrix/1`, indented."""
    return msgspec.json.format(msgspec.json.encode(matrix), indent=2).decode()
