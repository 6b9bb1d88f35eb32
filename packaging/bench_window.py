"""What the window costs: `python3 packaging/bench_window.py`, in per cent of one core, on a virtual screen.

Three times the whole program, processor seconds of its process over a bounded time: idle on the Check page; the Metrics
page with two real sessions over loopback; and the Metrics page with five transports that a stand-in for the engine's Node
feeds as `PathWatch` would, ten probes a second each, so that every band has all its curves. Prints; asserts nothing.
"""

import os
import sys
import tempfile
import time
from pathlib import Path

from environment import PYTHON, ROOT, program
from shown_window import ShownWindow
from virtual_display import virtual_display

MEASURED_S = 20.0
SETTLE_S = 6.0
FILL_S = 62.0
TICKS = os.sysconf("SC_CLK_TCK") if hasattr(os, "sysconf") else 100
FIVE = "--five-transports"


def cpu_s(pid: int) -> float:
    """Processor seconds of a process and its threads so far (Linux)."""
    fields = Path(f"/proc/{pid}/stat").read_text("utf-8").rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / TICKS


def share(window: ShownWindow) -> float:
    """Of one core, over the next 20 s."""
    before, began = cpu_s(window.process.pid), time.monotonic()
    time.sleep(MEASURED_S)
    return (cpu_s(window.process.pid) - before) / (time.monotonic() - began)


def main() -> None:
    """Prints a line for each."""
    with tempfile.TemporaryDirectory(prefix="peerscope-bench-") as name, virtual_display() as screen:
        folder = Path(name)
        for words, command, page, keys, settle_s in (
            ("idle, Check page", [program("peerscope")], "check", (), SETTLE_S),
            ("two sessions over loopback, Metrics page", [program("peerscope")], "metrics", ("F5",), FILL_S),
            (
                "five transports drawn ten times a second",
                [str(PYTHON), str(Path(__file__)), FIVE],
                "metrics",
                (),
                SETTLE_S,
            ),
        ):
            home = folder / words.split(",")[0].replace(" ", "-")
            (home / "peerscope").mkdir(parents=True)
            (home / "peerscope" / "window.ini").write_text(f"[window]\npage={page}\n", "utf-8")
            homes = {f"XDG_{each}_HOME": str(home) for each in ("CONFIG", "CACHE", "DATA", "STATE")}
            env = {**os.environ, **screen, **homes, "HOME": str(home), "PYTHONPATH": str(ROOT)}
            window = ShownWindow(command, env, home / "output", 40.0)
            try:
                time.sleep(1.0)
                if keys:
                    window.press(*keys)
                time.sleep(settle_s)
                print(f"{words}: {100 * share(window):.1f} % of a core over {MEASURED_S:.0f} s", flush=True)
                window.close()
            finally:
                window.kill()


def five_transports() -> int:
    """The program, with five paths whose figures are made up."""
    sys.path[:0] = [str(ROOT)]
    import app.main
    from netstack.model.path import PathReport, PathSeries, PathState, PlotData, ProbeSummary, Samples
    from netstack.model.session import FragmentStats
    from netstack.node import Node

    kinds = {"udp": 0.012, "tcp": 0.023, "turn": 0.031, "ble": 0.095, "webrtc": 0.027}
    stats = FragmentStats(sent_messages=100, sent_fragments=300, link_bytes=9000, sent_payload_bytes=8000)

    class Five(Node):
        """Says that it has five paths, and gives their points since the last question."""

        async def start(self) -> None:
            await super().start()
            self._tasks.start(self._pretend(), "pretend")

        async def _pretend(self) -> None:
            import asyncio

            while True:
                self._store.update(
                    paths=tuple(
                        PathReport(
                            key=f"{number}/0",
                            peer="Ben",
                            transport=kind,
                            remote="203.0.113.9:4000",
                            state=PathState.UP,
                            probes=ProbeSummary(n=600, kernel_stamps=True),
                            sent_bytes=int(self.net.now() * 1000),
                            fragmentation=stats,
                        )
                        for number, kind in enumerate(kinds)
                    )
                )
                await asyncio.sleep(0.5)

        def plot_data(self, since_s: float | None = None) -> PlotData:
            now = self.net.now()
            start = now - 600 if since_s is None else since_s
            series = {}
            for number, base_s in enumerate(kinds.values()):
                tenths = [n / 10 for n in range(int(start * 10) + 1, int(now * 10) + 1)]
                seconds = [float(n) for n in range(int(start) + 1, int(now) + 1)]
                wave = [((n * 7919) % 101) / 101 for n in range(len(seconds))]
                ones = Samples(tuple(seconds), tuple(wave), (10.0,) * len(seconds))
                trips = tuple(
                    base_s * (1 + 0.2 * ((int(at * 10) * 7919 + number) % 97) / 97) for at in tenths
                )
                small = Samples(ones.times_s, tuple(w / 1000 for w in wave), ones.counts)
                rates = Samples(ones.times_s, tuple(1e5 * (1 + w) for w in wave), ones.counts)
                series[f"{number}/0"] = PathSeries(
                    rtt=Samples(tuple(tenths), trips),
                    jitter_out=small,
                    jitter_back=small,
                    loss_out=small,
                    loss_back=small,
                    sent=rates,
                    received=rates,
                    fragments=Samples(ones.times_s, tuple(1 + w for w in wave), ones.counts),
                )
            return PlotData(now, series, self.net.wall_time())

    import netstack.node

    netstack.node.Node = Five  # the composition root takes the name from there
    return app.main.main([])


if __name__ == "__main__":
    if FIVE in sys.argv:
        sys.exit(five_transports())
    main()
