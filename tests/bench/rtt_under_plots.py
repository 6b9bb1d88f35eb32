"""Is a round trip measured right while the window draws? `python -m tests.bench.rtt_under_plots [SECONDS]`.

A session over loopback, whose delay is known to be nothing, to another process: ten probes a second by `PathWatch` in the
engine's thread, once alone and once while five bands of five paths are painted ten times a second in the same process. What
is printed is thus all error: medians and 99th percentiles with their n. Asserts nothing.
"""

import asyncio
import os
import statistics
import sys
import threading
import time
from multiprocessing import get_context
from multiprocessing.connection import Connection as Pipe

os.environ["QT_API"] = "pyside6"
os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")

from netstack.core.identity import Identity, KnownPeer
from netstack.model.address import Address
from netstack.model.path import PathReport, PathSeries, PathState, PlotData, Samples
from netstack.net.system import SystemNet
from netstack.service.path_watch import PathWatch
from netstack.service.peer_book import PeerBook
from netstack.service.sessions import Sessions

PSK, HOST = bytes(32), "127.0.0.1"
PICTURES_PER_S = 10


def far(pipe: Pipe) -> None:
    """Answers until told to end."""
    asyncio.run(_answer(pipe))


async def _answer(pipe: Pipe) -> None:
    net = SystemNet()
    identity, book = Identity(net.random_bytes(32)), PeerBook()
    book.keep(KnownPeer(await asyncio.to_thread(pipe.recv), PSK))
    sessions = Sessions(net, identity, book)
    at = await sessions.open_udp(local=Address(HOST, 0))
    pipe.send((at, identity.public))
    await asyncio.to_thread(pipe.recv)
    await sessions.close()


async def measure(pipe: Pipe, seconds: float) -> list[float]:
    """Round trips in seconds."""
    net = SystemNet()
    identity, book = Identity(net.random_bytes(32)), PeerBook()
    pipe.send(identity.public)
    at, key = await asyncio.to_thread(pipe.recv)
    book.keep(KnownPeer(key, PSK))
    sessions = Sessions(net, identity, book)
    await sessions.open_udp(local=Address(HOST, 0))
    connection = await sessions.connect(at, peer_key=key)
    watch = PathWatch(net, lambda _: None)
    watch.watch(connection, "far")
    await asyncio.sleep(seconds)
    (series,) = watch.plot_data().series.values()
    await watch.close()
    await sessions.close()
    pipe.send(None)
    return list(series.rtt.values[5:])


def draw(until: "threading.Event") -> int:
    """Paints as the Metrics page does, until the measuring has ended; returns how many pictures."""
    from PySide6.QtCore import QTimer
    from PySide6.QtWidgets import QApplication

    from app.presenters.metrics import bands
    from app.presenters.series_book import SeriesBook
    from app.widgets.theme import Choice, Theme
    from app.widgets.time_bands import TimeBands

    app = QApplication.instance() or QApplication([])
    plots = TimeBands(Theme(app, Choice.LIGHT))
    plots.resize(1000, 520)
    plots.show()
    kinds = ("udp", "tcp", "turn", "ble", "webrtc")
    paths = tuple(
        PathReport(key=f"{n}/0", peer="Ben", transport=kind, remote="", state=PathState.UP)
        for n, kind in enumerate(kinds)
    )
    times = tuple(n / 10 for n in range(600))
    book, shown = SeriesBook(), 0
    trips = Samples(times, tuple(0.02 + n % 37 / 1000 for n in range(600)))
    each = Samples(times[::10], tuple(0.02 + n % 7 / 100 for n in range(60)))
    rest = {name: each for name in PathSeries.__struct_fields__ if name != "rtt"}
    book.take(PlotData(60.0, {path.key: PathSeries(rtt=trips, **rest) for path in paths}))

    def picture() -> None:
        nonlocal shown
        shown += 1
        plots.show_bands(bands(paths, book), 60.0 + shown / 1000, 0.0)
        if until.is_set():
            app.quit()

    timer = QTimer()
    timer.timeout.connect(picture)
    timer.start(1000 // PICTURES_PER_S)
    app.exec()
    timer.stop()
    plots.close()
    return shown


def once(seconds: float, *, drawing: bool) -> None:
    """Prints one line."""
    context = get_context("spawn")
    ours, theirs = context.Pipe()
    process = context.Process(target=far, args=(theirs,), daemon=True)
    process.start()
    found: list[float] = []
    ended = threading.Event()

    def engine() -> None:
        try:
            with asyncio.Runner(loop_factory=asyncio.SelectorEventLoop) as runner:
                found.extend(runner.run(measure(ours, seconds)))
        finally:
            ended.set()

    thread = threading.Thread(target=engine)
    began = time.monotonic()
    thread.start()
    pictures = draw(ended) if drawing else 0
    thread.join()
    took = time.monotonic() - began
    process.join(5)
    words = f"{pictures / took:.1f} pictures a second" if drawing else "nothing drawn"
    print(f"{words:<24}{_figures(found)}", flush=True)


def _figures(values_s: list[float]) -> str:
    ranked = sorted(values_s)
    if not ranked:
        return "not measured"
    p99_s = ranked[max(0, int(0.99 * len(ranked) + 0.999) - 1)]
    return f"p50 {statistics.median(ranked) * 1e3:.3f} ms, p99 {p99_s * 1e3:.3f} ms, n {len(ranked)}"


def main() -> None:
    """Alone, then drawing."""
    seconds = float(sys.argv[1]) if len(sys.argv) > 1 else 20.0
    for drawing in (False, True):
        once(seconds, drawing=drawing)


if __name__ == "__main__":
    main()
