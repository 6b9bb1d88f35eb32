"""Carries Ethernet frames between two TAPs: `wire.py FD FD DELAY_S LOSS SEED`.

Every frame waits DELAY_S; each IP packet is lost with probability LOSS, drawn from a generator of its own
for each direction, so that a seed loses the same packets again. ARP is never lost: the loss is the line's,
not the bed's. Ends at SIGTERM and prints what it carried and lost. Needs the standard library alone.
"""

import heapq
import os
import random
import select
import signal
import sys
import time

MAX_QUEUED = 20_000
MAX_FRAME_BYTES = 65_536
ETHERTYPE_ARP = b"\x08\x06"


class Stop(Exception):  # noqa: N818
    """SIGTERM came."""


def _stop(*_: object) -> None:
    raise Stop


def carry(taps: tuple[int, int], delay_s: float, loss: float, seed: int) -> None:
    """Runs until SIGTERM."""
    signal.signal(signal.SIGTERM, _stop)
    other = {taps[0]: taps[1], taps[1]: taps[0]}
    draw = {tap: random.Random(f"{seed}/{n}") for n, tap in enumerate(taps)}
    seen = dict.fromkeys(taps, 0)
    lost = dict.fromkeys(taps, 0)
    due: list[tuple[float, int, int, bytes]] = []
    serial = 0
    print("ready", flush=True)
    try:
        while True:
            wait = max(0.0, due[0][0] - time.monotonic()) if due else None
            for tap in select.select(taps, (), (), wait)[0]:
                try:
                    frame = os.read(tap, MAX_FRAME_BYTES)
                except BlockingIOError:
                    continue
                if frame[12:14] != ETHERTYPE_ARP:
                    seen[tap] += 1
                    if draw[tap].random() < loss or len(due) >= MAX_QUEUED:
                        lost[tap] += 1
                        continue
                serial += 1
                heapq.heappush(due, (time.monotonic() + delay_s, serial, other[tap], frame))
            now = time.monotonic()
            while due and due[0][0] <= now:
                _, _, tap, frame = heapq.heappop(due)
                try:
                    os.write(tap, frame)
                except OSError:
                    lost[other[tap]] += 1
    except Stop:
        for name, tap in zip(("out", "in"), taps, strict=True):
            print(f"{name}: {lost[tap]} lost of {seen[tap]}", flush=True)


if __name__ == "__main__":
    first, second, delay, probability, number = sys.argv[1:]
    carry((int(first), int(second)), float(delay), float(probability), int(number))
