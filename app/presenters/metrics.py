"""The Metrics page: open paths as rows, figures and curves, over the stretch of time that is looked at."""

from typing import Final

import msgspec

from app.presenters.axis import nice_ceiling
from app.presenters.quantity import NOT_MEASURED, THIN, digits, duration, moment
from app.presenters.series_book import METRICS, Series, SeriesBook, Stretch
from app.presenters.tone import Tone
from netstack.model.path import Degradation, PathReport, PathState

NAMES: Final = {"udp": "UDP", "tcp": "TCP", "turn": "TURN relay", "ble": "Bluetooth LE", "webrtc": "WebRTC"}
STYLES: Final = ("solid", "dash", "dot", "dash-dot")
LEAST_PROBES: Final = 5
LOSSY: Final = 0.01
COLUMNS: Final = (
    "Path",
    "Now",
    "Median",
    "95 %",
    "99 %",
    "Floor",
    "Jitter",
    "Lost",
    "Throughput",
    "Packets",
    "n",
)
LOSS_COLUMN: Final = COLUMNS.index("Lost")
HINTS: Final = (
    "A curve in the plots; the colour is the transport's. Click the line to hide it, the row to look at it alone",
    "The newest round trip, without the time the other side took to answer",
    "Half of the round trips were faster (p50)",
    "95 of 100 round trips were faster (p95)",
    "99 of 100 round trips were faster (p99)",
    "The fastest round trip: what the way and both computers cost at least",
    "How much the one-way time varies, there / back (RFC 3550)",
    "Probes that never reached the other side / that did, but whose answer was lost",
    "What the path carried a second, out / in, headers included",
    "Packets for each message, on average",
    "How many round trips the figures stand on, and who noted their arrival: the kernel, or the program, which is later",
)
ARROWS: Final = " / "


class MetricsRow(msgspec.Struct, frozen=True):
    """One path: its curve's look, its tone, a cell for each of `COLUMNS`, and what each cell stands on."""

    key: str
    color: str
    style: str
    tone: Tone
    cells: tuple[str, ...]
    notes: tuple[str, ...] = ("",) * len(COLUMNS)


class Figure(msgspec.Struct, frozen=True):
    """A card: what it is, the figure, and the words beneath. `color` only where it names a transport."""

    name: str
    value: str
    note: str
    color: str = "text"


class MetricsView(msgspec.Struct, frozen=True):
    """The whole page but the curves. `chosen` is the row that histogram and fragments are of."""

    headline: str
    subline: str
    empty: bool
    figures: tuple[Figure, ...]
    rows: tuple[MetricsRow, ...]
    chosen: str = ""
    worse: str = ""


class CurveView(msgspec.Struct, frozen=True):
    """One line of a band: times on the engine's clock, values times `scale` in the band's unit."""

    key: str
    name: str
    color: str
    style: str
    series: Series
    scale: float


class BandView(msgspec.Struct, frozen=True):
    """One plot of the common time axis. `unit` empty: bits a second, in the unit that suits the top."""

    key: str
    title: str
    unit: str
    least_top: float
    curves: tuple[CurveView, ...]


class HistogramView(msgspec.Struct, frozen=True):
    """Round trips of one path by length: edges in ms (one more than counts), and marks (name, ms)."""

    color: str = "text"
    title: str = ""
    edges_ms: tuple[float, ...] = ()
    counts: tuple[int, ...] = ()
    marks: tuple[tuple[str, float], ...] = ()
    note: str = ""


_BANDS: Final = (
    ("latency", "Latency", "ms", 1.0, (("rtt", 1e3, False),)),
    ("jitter", "Jitter", "ms", 0.1, (("jitter_out", 1e3, False), ("jitter_back", 1e3, True))),
    ("loss", "Loss", "%", 1.0, (("loss_out", 100.0, False), ("loss_back", 100.0, True))),
    ("throughput", "Throughput", "", 1000.0, (("sent", 8.0, False), ("received", 8.0, True))),
    ("fragments", "Packets a message", "", 2.0, (("fragments", 1.0, False),)),
)


def present(
    paths: tuple[PathReport, ...],
    book: SeriesBook,
    begin_s: float,
    end_s: float,
    *,
    chosen: str = "",
    focused: bool = False,
) -> MetricsView:
    """Rows in the order of opening, judged from `begin_s` to `end_s`; the headline speaks of the lowest median."""
    looks = _looks(paths)
    stretches = {path.key: book.stretch(path.key, begin_s, end_s) for path in paths}
    names = _names(paths)
    rows = tuple(_row(path, stretches[path.key], names[path.key], *looks[path.key]) for path in paths)
    open_paths = [path for path in paths if path.state is not PathState.CLOSED]
    over = _over(book, begin_s, end_s, focused=focused)
    if not open_paths and not (focused and paths):
        return MetricsView(
            headline="Nothing is connected.",
            subline="What the paths of a session do is drawn here.",
            empty=not paths,
            figures=(),
            rows=rows,
        )
    judged = paths if focused else open_paths
    measured = [
        path
        for path in judged
        if stretches[path.key].n >= LEAST_PROBES and stretches[path.key].p50_s is not None
    ]
    if not measured:
        return MetricsView(
            headline="Nothing was measured in that stretch." if focused else "Connected; measuring.",
            subline=f"{_count(len(open_paths), 'path')} open",
            empty=False,
            figures=(),
            rows=rows,
        )
    best = min(measured, key=lambda path: stretches[path.key].p50_s or 0.0)
    known = {path.key for path in measured}
    return MetricsView(
        headline=f"{name_of(best.transport)} to {best.peer}: {_latency_word(stretches[best.key])}.",
        subline=f"{_count(len(open_paths), 'path')} open; {over}",
        empty=False,
        figures=_figures(best, stretches[best.key], best is not None and len(measured) > 1),
        rows=rows,
        chosen=chosen if chosen in known else best.key,
        worse=worse_sentence(paths),
    )


def bands(
    paths: tuple[PathReport, ...], book: SeriesBook, hidden: frozenset[str] = frozenset()
) -> tuple[BandView, ...]:
    """The plots of every path that is not hidden; closed ones stay until they have left the picture."""
    looks = _looks(paths)
    shown = [path for path in paths if path.key not in hidden and path.key in book.paths]
    found = []
    for key, title, unit, least_top, parts in _BANDS:
        curves = []
        for path in shown:
            color, style = looks[path.key]
            for metric, scale, back in parts:
                series = book.series(path.key, metric)
                if series is not None and len(series.times):
                    name = f"{name_of(path.transport)}{' in' if back and key == 'throughput' else ' back' if back else ''}"
                    curves.append(
                        CurveView(
                            f"{path.key} {metric}",
                            name,
                            color,
                            _next_style(style) if back else style,
                            series,
                            scale,
                        )
                    )
        found.append(BandView(key, title, unit, least_top, tuple(curves)))
    return tuple(found)


def histogram(
    path: PathReport | None, book: SeriesBook, begin_s: float, end_s: float, *, bins: int = 32
) -> HistogramView:
    """How often which round trip; the slowest 1 % share the last bar's edge, so that one of them does not squeeze the rest."""
    if path is None:
        return HistogramView()
    ranked = [seconds * 1e3 for seconds in book.round_trips(path.key, begin_s, end_s)]
    if len(ranked) < LEAST_PROBES:
        return HistogramView(color=path.transport, title=f"{name_of(path.transport)} to {path.peer}")
    stretch = book.stretch(path.key, begin_s, end_s)
    p99_ms = (stretch.p99_s or 0.0) * 1e3
    low_ms = 0.0 if ranked[0] < p99_ms / 4 else ranked[0] * 0.98
    high_ms = low_ms + nice_ceiling((p99_ms - low_ms) * 1.1 or ranked[0] * 0.1)
    width_ms = (high_ms - low_ms) / bins
    counts = [0] * bins
    for value in ranked:
        counts[min(bins - 1, int((value - low_ms) / width_ms))] += 1
    beyond = sum(1 for value in ranked if value > high_ms)
    return HistogramView(
        color=path.transport,
        title=f"{name_of(path.transport)} to {path.peer}",
        edges_ms=tuple(low_ms + width_ms * number for number in range(bins + 1)),
        counts=tuple(counts),
        marks=(("p50", (stretch.p50_s or 0) * 1e3), ("p99", p99_ms)),
        note=f"n {_thin(len(ranked))}, stamped by the {_stamps(path)}"
        + (f"; {beyond} slower, in the last bar (up to {duration(ranked[-1] / 1e3)})" if beyond else ""),
    )


def fragmentation(path: PathReport | None) -> tuple[tuple[str, str, str], ...]:
    """Name, value and what it stands on, of the whole session that the path belongs to."""
    stats = None if path is None else path.fragmentation
    if path is None or stats is None:
        return ()
    sent, decided = stats.sent_messages, stats.completed + stats.timeouts
    messages, whole = f"n {_thin(sent)} sent", f"n {_thin(decided)} received"
    per_message = stats.fragments_per_message
    return (
        ("Fragmented messages", _thin(stats.sent_fragmented), messages),
        ("Rate", _percent(stats.fragmentation_rate), messages),
        ("Packets a message", NOT_MEASURED if per_message is None else digits(per_message), messages),
        ("Efficiency", _percent(stats.efficiency), f"{_bytes(stats.sent_payload_bytes)} of payload"),
        ("Overhead", _bytes(stats.overhead_bytes), f"of {_bytes(stats.link_bytes)} given to links"),
        ("Reassembled", _percent(stats.success_rate), whole),
        (
            "Assembly time",
            _time(stats.assembly_s),
            f"n {_thin(stats.completed_fragmented)}, at most {duration(stats.assembly_max_s)}"
            if stats.completed_fragmented
            else "n 0",
        ),
        ("Duplicates", _thin(stats.duplicates), f"of {_thin(stats.received_fragments)} packets"),
        ("Inconsistent", _thin(stats.inconsistencies), f"of {_thin(stats.received_fragments)} packets"),
        ("Timed out", _thin(stats.timeouts), whole),
        ("Lost", _thin(stats.lost_fragments), "fragments of what timed out"),
        ("No room", _thin(stats.refused), "fragments refused by a bound"),
    )


def worse_sentence(paths: tuple[PathReport, ...]) -> str:
    """The quiet notice: which path is worse than it was, since when; empty while all are well."""
    told = [(path, path.degraded) for path in paths if path.degraded is not None]
    if not told:
        return ""
    path, worse = max(told, key=lambda each: each[1].since_s)
    more = f", and {_count(len(told) - 1, 'other path')}" if len(told) > 1 else ""
    since = moment(worse.since_s)[11:16]
    return f"{name_of(path.transport)} to {path.peer} is {_worse_word(worse)} since {since}{more}."


def table_text(view: MetricsView) -> str:
    """The table with tabs between the cells, for the clipboard."""
    return "\n".join("\t".join(cells) for cells in (COLUMNS, *(row.cells for row in view.rows)))


def series_csv(
    paths: tuple[PathReport, ...],
    book: SeriesBook,
    begin_s: float = float("-inf"),
    end_s: float = float("inf"),
) -> str:
    """Every point between two times: path, series, when (1970), value in SI units, how much it stands for."""
    names = {path.key: f"{path.transport} {path.peer} {path.remote}" for path in paths}
    lines = ["path,series,at_s,value,n"]
    for key in book.paths:
        for name in METRICS:
            series = book.series(key, name)
            if series is None:
                continue
            first, behind = series.between(begin_s, end_s)
            lines += [
                f'"{_quoted(names.get(key, key))}",{name},{book.wall(series.times[n]):.3f},{series.values[n]:.6g},{series.counts[n]:.6g}'
                for n in range(first, behind)
            ]
    return "\n".join(lines) + "\n"


def name_of(transport: str) -> str:
    """What people call a transport."""
    return NAMES.get(transport, transport or "Path")


def _worse_word(worse: Degradation) -> str:
    if worse.what == "loss":
        return f"losing {digits(worse.now * 100)}{THIN}% of its packets ({digits(worse.before * 100)}{THIN}% before)"
    return f"slower: {duration(worse.now)} ({duration(worse.before)} before)"


def _over(book: SeriesBook, begin_s: float, end_s: float, *, focused: bool) -> str:
    if not focused:
        return f"figures of the last {_span(round(end_s - begin_s))}"
    began, ended = (moment(book.wall(at_s))[11:19] for at_s in (begin_s, end_s))
    return f"figures of {duration(end_s - begin_s)}, {began} to {ended}"


def _span(seconds: int) -> str:
    return (
        "minute"
        if seconds == 60
        else f"{seconds // 60} minutes"
        if seconds % 60 == 0
        else f"{seconds}{THIN}s"
    )


def _looks(paths: tuple[PathReport, ...]) -> dict[str, tuple[str, str]]:
    """Colour by transport, line style by its turn among the paths of that transport."""
    turns: dict[str, int] = {}
    looks = {}
    for path in paths:
        turn = turns[path.transport] = turns.get(path.transport, -1) + 1
        looks[path.key] = (path.transport or "muted", STYLES[turn % len(STYLES)])
    return looks


def _next_style(style: str) -> str:
    return STYLES[(STYLES.index(style) + 2) % len(STYLES)]


def _names(paths: tuple[PathReport, ...]) -> dict[str, str]:
    """Several of one transport to one peer are numbered, in the order of opening."""
    turns: dict[str, int] = {}
    names = {}
    for path in paths:
        name = f"{name_of(path.transport)} to {path.peer}"
        turn = turns[name] = turns.get(name, 0) + 1
        names[path.key] = f"{name} ({turn})" if turn > 1 else name
    return names


def _row(path: PathReport, stretch: Stretch, name: str, color: str, style: str) -> MetricsRow:
    lossy = (stretch.loss_out or 0) > LOSSY or (stretch.loss_back or 0) > LOSSY
    tone = {PathState.OPENING: Tone.UNKNOWN, PathState.CLOSED: Tone.PLAIN, PathState.UP: Tone.GOOD}[
        path.state
    ]
    if path.state is not PathState.UP:
        name += f" ({path.state.value})"
    cells = (
        name,
        _time(stretch.last_s) if path.state is not PathState.CLOSED else "",
        _time(stretch.p50_s),
        _time(stretch.p95_s),
        _time(stretch.p99_s),
        _time(stretch.floor_s),
        _pair(stretch.jitter_out_s, stretch.jitter_back_s, duration),
        _pair(stretch.loss_out, stretch.loss_back, _loss),
        _pair(stretch.sent_bps, stretch.received_bps, _rate),
        digits(stretch.fragments) if stretch.fragments is not None else NOT_MEASURED,
        f"{_thin(stretch.n)} {_stamps(path)}" if stretch.n else "0",
    )
    trips = f"n {_thin(stretch.n)} round trips, stamped by the {_stamps(path)}"
    lost = f"{stretch.lost_out} there and {stretch.lost_back} back, of {_thin(stretch.probes)} probes"
    notes = (
        f"{path.remote}, packets of up to {path.mtu_bytes} B" if path.mtu_bytes else path.remote,
        trips,
        *(trips,) * 4,
        f"n {_thin(stretch.jitter_n)}",
        lost,
        f"Over {stretch.rate_s:.0f} s",
        f"n {_thin(stretch.messages)} messages",
        f"Slowest {_time(stretch.worst_s)}, mean {_time(stretch.mean_s)}",
    )
    return MetricsRow(
        path.key, color, style, Tone.WARN if lossy and tone is Tone.GOOD else tone, cells, notes
    )


def _figures(best: PathReport, stretch: Stretch, several: bool) -> tuple[Figure, ...]:
    lost = stretch.lost_out + stretch.lost_back
    return (
        Figure(
            "Quickest path" if several else "Path", name_of(best.transport), f"to {best.peer}", best.transport
        ),
        Figure(
            "Latency, median / 99 %",
            _pair(stretch.p50_s, stretch.p99_s, duration),
            f"floor {_time(stretch.floor_s)}, n {_thin(stretch.n)}, {_stamps(best)}",
        ),
        Figure(
            "Loss, there / back",
            _pair(stretch.loss_out, stretch.loss_back, _loss),
            f"{lost} of {_thin(stretch.probes)} probes",
        ),
        Figure(
            "Jitter, there / back",
            _pair(stretch.jitter_out_s, stretch.jitter_back_s, duration),
            f"RFC 3550, n {_thin(stretch.jitter_n)}",
        ),
        Figure(
            "Throughput, out / in",
            _pair(stretch.sent_bps, stretch.received_bps, _rate),
            f"on the path, over {stretch.rate_s:.0f}{THIN}s",
        ),
    )


def _pair(first: float | None, second: float | None, say: object) -> str:
    """Two figures; the unit once where it is the same."""
    texts = [NOT_MEASURED if value is None else say(value) for value in (first, second)]  # type: ignore[operator]
    if NOT_MEASURED in texts:
        return NOT_MEASURED if texts[0] == texts[1] else ARROWS.join(texts)
    (one, unit), (two, other) = (text.rsplit(THIN, 1) if THIN in text else (text, "") for text in texts)
    if unit == other:
        return f"{one}{ARROWS}{two}{THIN}{unit}" if unit else f"{one}{ARROWS}{two}"
    return ARROWS.join(texts)


def _stamps(path: PathReport) -> str:
    return "kernel" if path.probes.kernel_stamps else "program"


def _latency_word(stretch: Stretch) -> str:
    lost = (stretch.loss_out or 0) + (stretch.loss_back or 0)
    loss = f"{_loss(lost)} lost" if lost else "nothing lost"
    return f"{_time(stretch.p50_s)}, {loss}"


def _time(seconds: float | None) -> str:
    return NOT_MEASURED if seconds is None else duration(seconds)


def _loss(share: float) -> str:
    return f"{digits(share * 100)}{THIN}%"


def _percent(share: float | None) -> str:
    return NOT_MEASURED if share is None else f"{digits(share * 100)}{THIN}%"


def _rate(bits_per_s: float) -> str:
    for size, unit in ((1e9, "Gbit/s"), (1e6, "Mbit/s"), (1e3, "kbit/s")):
        if bits_per_s >= size * 0.9995:
            return f"{digits(bits_per_s / size)}{THIN}{unit}"
    return f"{digits(bits_per_s)}{THIN}bit/s"


def _bytes(count: int) -> str:
    for size, unit in ((1e9, "GB"), (1e6, "MB"), (1e3, "kB")):
        if count >= size:
            return f"{digits(count / size)}{THIN}{unit}"
    return f"{count}{THIN}B"


def _thin(number: int) -> str:
    return f"{number:,}".replace(",", THIN)


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def _quoted(text: str) -> str:
    return text.replace('"', '""')
