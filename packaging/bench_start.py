"""How long from the command to the first visible window: `python3 packaging/bench_start.py [--frozen]`.

One start warms the disk cache and does not count; each start has an empty home, on one virtual screen.
"""

import statistics
import sys

from environment import ROOT, SUFFIX, program
from shown_window import shown_window
from virtual_display import virtual_display

STARTS = 5


def main() -> None:
    """Prints the median, and what it is the median of."""
    frozen = sys.argv[1:] == ["--frozen"]
    command = str(ROOT / "dist" / "peerscope" / f"peerscope{SUFFIX}") if frozen else program("peerscope")
    times = []
    with virtual_display() as screen:
        for _ in range(1 + STARTS):
            with shown_window([command], screen) as window:
                times.append(window.shown_after_s)
                window.close()
    counted = times[1:]
    print(
        f"first window{' (packaged)' if frozen else ''}: median {statistics.median(counted):.2f} s, "
        f"{min(counted):.2f} to {max(counted):.2f} s (n {len(counted)}; the first start took {times[0]:.2f} s)"
    )


if __name__ == "__main__":
    main()
