"""How long until two who agreed on a key have heard each other, ours beside aioice: `python -m tests.bench.meeting_time`.

In the lab, in virtual time: 20 ms of round trip between the two, 14 ms to servers and 28 ms through the relay, 50 ms for a
note of signalling. What is counted begins with the key and ends when each has a first message of the other; so it
holds gathering, signalling, checks and, for ours, the sealed handshake, which aioice has none of. "Late" is one side that
begins its checks 0.4 s after it could. Nothing is asserted.
"""

from collections.abc import Awaitable, Callable
from random import Random

import msgspec

from netstack.lab.duel import duel
from netstack.lab.ice import connect_with_aioice
from netstack.lab.lab import Lab
from netstack.lab.link import Shape
from netstack.lab.matrix import _SERVERS
from netstack.lab.meet import connect
from netstack.model.lab import PairOutcome

ONE_WAY_S = 0.005
LATE_S = 0.4
SEEDS = range(5)
PAIRS = (
    ("open", "open"),
    ("full-cone", "port-restricted"),
    ("port-restricted", "port-restricted"),
    ("port-restricted", "symmetric-seq"),
    ("port-restricted", "symmetric"),
    ("symmetric", "symmetric"),
    ("open", "udp-blocked"),
    ("udp-blocked", "udp-blocked"),
)
Work = Callable[[Lab], Awaitable[PairOutcome]]


def _lab(a: str, b: str, seed: int) -> Lab:
    made = duel(a, b, Random(seed))
    boxes = tuple(msgspec.structs.replace(box, link=Shape(delay_s=ONE_WAY_S)) for box in made.box)
    return Lab(msgspec.structs.replace(made, box=boxes, server=_SERVERS), seed=seed)


def _figure(a: str, b: str, work: Work) -> str:
    outcomes = [_lab(a, b, seed).run(work) for seed in SEEDS]
    times = sorted(outcome.first_byte_s for outcome in outcomes if outcome.first_byte_s is not None)
    if not times:
        return "none"
    direct = sum(outcome.direct for outcome in outcomes)
    return f"{times[len(times) // 2] * 1000:.0f} ms, {direct}/{len(SEEDS)} direct"


def main() -> None:
    """Prints the table."""
    columns: tuple[tuple[str, Work], ...] = (
        ("ours", connect),
        ("aioice", connect_with_aioice),
        ("ours, late", lambda lab: connect(lab, late_s=LATE_S)),
        ("aioice, late", lambda lab: connect_with_aioice(lab, late_s=LATE_S)),
    )
    print("| pair | " + " | ".join(name for name, _ in columns) + " |")
    print("|---|" + "---|" * len(columns))
    for a, b in PAIRS:
        print(f"| {a} + {b} | " + " | ".join(_figure(a, b, work) for _, work in columns) + " |", flush=True)


if __name__ == "__main__":
    main()
