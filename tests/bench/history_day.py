"""What a day of history takes: `python -m tests.bench.history_day [PATHS]`.

Five paths (or as many as given), every metric of each at full rate for 24 hours: ten round trips a second, the other
seven each second, as `PathWatch` gives them; written through the real writer, with its retention at work.
"""

import sys
import tempfile
import time
from pathlib import Path
from random import Random

from netstack.model.path import PathReport, PathState
from netstack.observe.history import History
from netstack.observe.history_reader import HistoryReader
from netstack.observe.history_schema import METRICS

DAY_S = 86_400
LIMIT_BYTES = 50_000_000


class _Clock:
    now_s = 1_700_000_000.0

    def __call__(self) -> float:
        return self.now_s


def main() -> int:
    """Prints the size; 1 when it is over 50 MB."""
    paths = int(sys.argv[1]) if len(sys.argv) > 1 else 5
    random, clock = Random(1), _Clock()
    began, cpu = time.monotonic(), time.process_time()
    with tempfile.TemporaryDirectory() as folder:
        history = History(Path(folder) / "history.db", wall_time=clock, commit_s=0.05)
        history.open()
        kinds = ("udp", "tcp", "turn", "ble", "webrtc")
        tracks = []
        for number in range(paths):
            session = history.begin_session("Ana")
            report = PathReport(
                key=f"{number}/0",
                peer="Ana",
                transport=kinds[number % 5],
                remote="203.0.113.9:4000",
                state=PathState.UP,
            )
            tracks.append(history.begin_series(session, report))
        start_s, largest = clock.now_s, 0
        rest = [metric for metric in METRICS if metric != "rtt"]
        for second in range(DAY_S):
            clock.now_s = start_s + second
            for track in tracks:
                for tenth in range(10):
                    track.add("rtt", clock.now_s + tenth / 10, 0.02 + random.expovariate(200), 1)
                for metric in rest:
                    track.add(
                        metric,
                        clock.now_s,
                        random.random() * 1e6 if metric in {"sent", "received"} else random.random(),
                        10,
                    )
            while history._queue.qsize() > 10_000:
                time.sleep(0.01)
        largest = max(largest, history.size_bytes)
        for track in tracks:
            track.close()
        history.close()
        size = history.path.stat().st_size
        read = time.monotonic()
        points = sum(len(t.points) for t in HistoryReader(history.path).tracks(start_s, clock.now_s, "rtt"))
        took = time.monotonic() - read
    print(
        f"a day of {paths} paths x {len(METRICS)} metrics: {size / 1e6:.1f} MB (at most {max(largest, size) / 1e6:.1f} MB, "
        f"{history.lost} lost); reading a day's latency, {points} points: {took * 1e3:.0f} ms; "
        f"made in {time.monotonic() - began:.0f} s, {time.process_time() - cpu:.0f} s of CPU"
    )
    return 1 if size > LIMIT_BYTES else 0


if __name__ == "__main__":
    sys.exit(main())
