"""The Metrics page: open paths as rows, figures and curves."""

import math
from itertools import pairwise

import msgspec

from app.presenters.quantity import NOT_MEASURED, THIN, digits, duration
from app.presenters.tone import Tone
from netstack.model.path import PathReport, PathSeries, PathState, PlotData, Samples

NAMES = {"udp": "UDP", "tcp": "TCP", "turn": "TURN relay", "ble": "Bluetooth LE", "webrtc": "WebRTC"}
STYLES = ("solid", "dash", "dot", "dash-dot")
LEAST_PROBES = 5
GAP_S = 1.5
LOSSY = 0.01
COLUMNS = (
    "Path",
    "State",
    "Last",
    "Median",
    "99 %",
    "Least",
    "Jitter",
    "Lost there / back",
    "Packets",
    "Probes",
)
LOSS_COLUMN = COLUMNS.index("Lost there / back")
HINTS = (
    "A curve in the plots; the colour is the transport's",
    "Opening, up, or closed",
    "The newest round trip, without the time the other side took to answer",
    "Half of the last minute's round trips were faster (p50)",
    "99 of 100 of the last minute's round trips were faster (p99)",
    "The floor: the fastest round trip of the last minute",
    "How much the one-way time varies on the way there (RFC 3550)",
    "Probes of the last minute that never reached the other side / that did, but whose answer was lost",
    "Packets for each message, on average",
    "How many probes the figures stand on, and who noted their arrival: the kernel, or the program, which is later",
)


class MetricsRow(msgspec.Struct, frozen=True):
    """One path: its curve's look, its tone, and a cell for each of `COLUMNS`."""

    key: str
    color: str
    style: str
    tone: Tone
    cells: tuple[str, ...]


class Figure(msgspec.Struct, frozen=True):
    """A card: what it is, the figure, and the words beneath. `color` only where it names a transport."""

    name: str
    value: str
    note: str
    color: str = "text"


class MetricsView(msgspec.Struct, frozen=True):
    """The whole page but the curves."""

    headline: str
    subline: str
    empty: bool
    figures: tuple[Figure, ...]
    rows: tuple[MetricsRow, ...]


class CurveView(msgspec.Struct, frozen=True):
    """Points for a plot: seconds ago, and values in the plot's unit; NaN breaks the line."""

    ago_s: tuple[float, ...]
    values: tuple[float, ...]
    color: str
    style: str


class PlotsView(msgspec.Struct, frozen=True):
    """Curves by key for each of the three plots: ms, per cent, packets."""

    latency: dict[str, CurveView]
    loss: dict[str, CurveView]
    fragments: dict[str, CurveView]


def present(paths: tuple[PathReport, ...]) -> MetricsView:
    """Rows in the order of opening; the headline speaks of the path with the lowest median."""
    looks = _looks(paths)
    rows = tuple(_row(path, *looks[path.key]) for path in paths)
    open_paths = [path for path in paths if path.state is not PathState.CLOSED]
    if not open_paths:
        return MetricsView(
            headline="Nothing is connected.",
            subline="Once a session is up, its latency, loss and fragments are drawn here.",
            empty=not paths,
            figures=(),
            rows=rows,
        )
    measured = [
        path for path in open_paths if path.probes.n >= LEAST_PROBES and path.probes.p50_s is not None
    ]
    if not measured:
        return MetricsView(
            headline="Connected; measuring.",
            subline=f"{_count(len(open_paths), 'path')} open",
            empty=False,
            figures=(),
            rows=rows,
        )
    best = min(measured, key=lambda path: path.probes.p50_s or 0.0)
    return MetricsView(
        headline=f"{NAMES.get(best.transport, best.transport)} to {best.peer}: {_latency_word(best)}.",
        subline=f"{_count(len(open_paths), 'path')} open; figures of the last minute",
        empty=False,
        figures=_figures(best),
        rows=rows,
    )


def plots(paths: tuple[PathReport, ...], data: PlotData) -> PlotsView:
    """The curves of every path that is not closed."""
    looks = _looks(paths)
    latency, loss, fragments = {}, {}, {}
    for path in paths:
        series = data.series.get(path.key)
        if series is None or path.state is PathState.CLOSED:
            continue
        color, style = looks[path.key]
        latency[path.key] = _curve(series.rtt, data.now_s, 1e3, color, style)
        loss[f"{path.key} there"] = _curve(series.loss_out, data.now_s, 100, color, style)
        loss[f"{path.key} back"] = _curve(series.loss_back, data.now_s, 100, color, _next_style(style))
        fragments[path.key] = _curve(series.fragments, data.now_s, 1, color, style)
    return PlotsView(latency, loss, fragments)


def table_text(view: MetricsView) -> str:
    """The table with tabs between the cells, for the clipboard."""
    return "\n".join("\t".join(cells) for cells in (COLUMNS, *(row.cells for row in view.rows)))


def series_csv(paths: tuple[PathReport, ...], data: PlotData) -> str:
    """Every point: path, series, seconds ago, value in SI units."""
    names = {path.key: f"{path.transport} {path.peer} {path.remote}" for path in paths}
    lines = ["path,series,ago_s,value"]
    for key, series in data.series.items():
        for name in PathSeries.__struct_fields__:
            points: Samples = getattr(series, name)
            for at_s, value in zip(points.times_s, points.values, strict=True):
                lines.append(f'"{names.get(key, key)}",{name},{data.now_s - at_s:.3f},{value:.6g}')
    return "\n".join(lines) + "\n"


def _looks(paths: tuple[PathReport, ...]) -> dict[str, tuple[str, str]]:
    """Colour by transport, line style by its turn among the paths of that transport."""
    turns: dict[str, int] = {}
    looks = {}
    for path in paths:
        turn = turns[path.transport] = turns.get(path.transport, -1) + 1
        looks[path.key] = (path.transport, STYLES[turn % len(STYLES)])
    return looks


def _next_style(style: str) -> str:
    return STYLES[(STYLES.index(style) + 2) % len(STYLES)]


def _row(path: PathReport, color: str, style: str) -> MetricsRow:
    probes = path.probes
    lossy = (probes.loss_out or 0) > LOSSY or (probes.loss_back or 0) > LOSSY
    tone = {PathState.OPENING: Tone.UNKNOWN, PathState.CLOSED: Tone.PLAIN, PathState.UP: Tone.GOOD}[
        path.state
    ]
    cells = (
        f"{NAMES.get(path.transport, path.transport)} to {path.peer}",
        {PathState.OPENING: "Opening", PathState.UP: "Up", PathState.CLOSED: "Closed"}[path.state],
        _time(probes.last_s),
        _time(probes.p50_s),
        _time(probes.p99_s),
        _time(probes.floor_s),
        _time(probes.jitter_out_s),
        f"{_loss(probes.loss_out)} / {_loss(probes.loss_back)}" if probes.sent else NOT_MEASURED,
        digits(path.fragments_per_message) if path.fragments_per_message is not None else NOT_MEASURED,
        f"{probes.n}, {'kernel' if probes.kernel_stamps else 'program'}" if probes.n else "0",
    )
    return MetricsRow(path.key, color, style, Tone.WARN if lossy and tone is Tone.GOOD else tone, cells)


def _figures(best: PathReport) -> tuple[Figure, ...]:
    probes = best.probes
    lost = probes.lost_out + probes.lost_back
    per_message = best.fragments_per_message
    return (
        Figure("Best path", NAMES.get(best.transport, best.transport), f"to {best.peer}", best.transport),
        Figure(
            "Latency, median / 99 %",
            f"{_time(probes.p50_s)} / {_time(probes.p99_s)}",
            f"{probes.n} probes, stamped by the {'kernel' if probes.kernel_stamps else 'program'}",
        ),
        Figure(
            "Loss, there / back",
            f"{_loss(probes.loss_out)} / {_loss(probes.loss_back)}",
            f"{lost} of {probes.sent} probes",
        ),
        Figure(
            "Packets a message",
            digits(per_message) if per_message is not None else NOT_MEASURED,
            f"{_count(best.messages, 'message')}, packets of up to {best.mtu_bytes}{THIN}B"
            if best.mtu_bytes
            else _count(best.messages, "message"),
        ),
    )


def _latency_word(path: PathReport) -> str:
    lost = (path.probes.loss_out or 0) + (path.probes.loss_back or 0)
    loss = f"{_loss(lost)} lost" if lost else "nothing lost"
    return f"{_time(path.probes.p50_s)}, {loss}"


def _curve(samples: Samples, now_s: float, scale: float, color: str, style: str) -> CurveView:
    """Points as seconds ago; a pause longer than 1.5 s breaks the line."""
    ago: list[float] = []
    values: list[float] = []
    for (at_s, value), (next_s, _) in pairwise(
        (*zip(samples.times_s, samples.values, strict=True), (math.inf, 0.0))
    ):
        ago.append(now_s - at_s)
        values.append(value * scale)
        if math.isfinite(next_s) and next_s - at_s > GAP_S:
            ago.append(now_s - at_s)
            values.append(math.nan)
    return CurveView(tuple(ago), tuple(values), color, style)


def _time(seconds: float | None) -> str:
    return NOT_MEASURED if seconds is None else duration(seconds)


def _loss(share: float | None) -> str:
    return NOT_MEASURED if share is None else f"{digits(share * 100)}{THIN}%"


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"
