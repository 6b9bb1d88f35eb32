"""Our figures beside their references: interleaved, medians of five with least and most.

    python -m tests.bench.targets [echo] [echo-one-core] [udp] [plain] [veth] [veth-plain] [tcp] [--runs 5] [--megabytes 256]

Each program runs alone in processes of its own, one after the other, so that a noisy minute hits all alike; the
ratio is of medians. The processor seconds, starting included, say more than times do when the computer is busy.
Nothing is asserted.
"""

import argparse
import json
import os
import resource
import statistics
import subprocess
import sys
from collections.abc import Sequence
from contextlib import nullcontext

from tests.bench import far_place, placement

OURS = "tests.bench.session_loopback"
ECHOES = "2000"


class Row:
    """One figure: `programs` are ours and then the references, each with the key to read from its JSON line."""

    def __init__(
        self,
        goal: str,
        key: str,
        unit: str,
        *programs: tuple[str, str, Sequence[str]],
        veth: bool = False,
        cores: int = 0,
    ) -> None:
        self.cores = cores  # as `placement.environment` takes them
        self.veth = veth  # between two network namespaces, at an MTU of 1,500
        self.goal = goal
        self.key = key
        self.unit = unit
        self.programs = programs


def echo(where: str, cores: int) -> Row:
    """Echoes of 64 B."""
    ours = ("udp", "--echoes", ECHOES, "--megabytes", "0", "--mode")
    return Row(
        f"at most 1.0 x asyncio's DatagramProtocol, {where}",
        "rtt_p50_s",
        "us",
        ("sealed, reliable", OURS, (*ours, "unordered")),
        ("sealed, unreliable", OURS, (*ours, "unreliable")),
        ("sealed, awaited", OURS, (*ours, "unordered", "--awaited")),
        ("asyncio echo", "tests.bench.asyncio_plain", ("echo", ECHOES)),
        cores=cores,
    )


def rows(megabytes: int) -> dict[str, Row]:
    """What can be compared."""
    size = str(megabytes)
    few = str(max(megabytes // 8, 16))
    return {
        "echo": echo("a core each", 2),
        "echo-one-core": echo("both on one core", 1),
        "udp": Row(
            "at least 0.6 x the bare loop, 15 x aioquic",
            "throughput_bps",
            "Mbit/s",
            ("sealed UDP", OURS, ("udp", "--echoes", "0", "--megabytes", size)),
            ("bare loop", "tests.bench.bare_sealed", (size,)),
            ("aioquic", "tests.bench.aioquic_stream", (few,)),
        ),
        "plain": Row(
            "without segmentation offload: at least 4 x aioquic",
            "throughput_bps",
            "Mbit/s",
            ("sealed UDP", OURS, ("udp", "--echoes", "0", "--megabytes", size, "--plain")),
            ("aioquic", "tests.bench.aioquic_stream", (few,)),
        ),
        "veth": Row(
            "veth at MTU 1500: at least 0.5 x the bare loop",
            "throughput_bps",
            "Mbit/s",
            ("sealed UDP", OURS, ("udp", "--echoes", "0", "--megabytes", size)),
            ("bare loop", "tests.bench.bare_sealed", (size,)),
            ("aioquic", "tests.bench.aioquic_stream", (few,)),
            veth=True,
        ),
        "veth-plain": Row(
            "veth at MTU 1500, without segmentation offload: at least 4 x aioquic",
            "throughput_bps",
            "Mbit/s",
            ("sealed UDP", OURS, ("udp", "--echoes", "0", "--megabytes", size, "--plain")),
            ("aioquic", "tests.bench.aioquic_stream", (few,)),
            veth=True,
        ),
        "tcp": Row(
            "at least 0.5 x asyncio's TCP",
            "throughput_bps",
            "Mbit/s",
            ("sealed TCP", OURS, ("tcp", "--echoes", "0", "--megabytes", size)),
            ("asyncio TCP", "tests.bench.asyncio_plain", ("tcp", size)),
        ),
    }


def run(row: Row, module: str, arguments: Sequence[str]) -> tuple[dict[str, float], float]:
    """One run of one program: its figures, and the processor seconds of all its processes."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    with far_place.veth_pair(f"bench{os.getpid() % 10_000}") if row.veth else nullcontext(([], {})) as place:
        start, environment = place
        done = subprocess.run(
            [*start, sys.executable, "-m", module, *arguments],
            capture_output=True,
            text=True,
            timeout=300,
            check=True,
            env=os.environ | environment | placement.environment(row.cores),
        )
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu_s = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return json.loads(done.stdout.splitlines()[-1]), cpu_s


def main() -> None:
    """Prints a table for every row asked for."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("rows", nargs="*")
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--megabytes", type=int, default=256)
    chosen = parser.parse_args()
    table = rows(chosen.megabytes)
    for name in chosen.rows or table:
        row = table[name]
        found: list[list[float]] = [[] for _ in row.programs]
        shares: list[float] = []
        used: list[list[float]] = [[] for _ in row.programs]
        for _ in range(chosen.runs):
            for (_, module, arguments), values, seconds in zip(row.programs, found, used, strict=True):
                figures, cpu_s = run(row, module, arguments)
                values.append(figures[row.key])
                seconds.append(cpu_s)
                if sealing_s := figures.get("sealing_s"):
                    shares.append(sealing_s / figures[row.key])
        scale = 1e6 if row.unit == "us" else 1e-6
        ours = statistics.median(found[0])
        print(f"{name}: {row.goal} (load {os.getloadavg()[0]:.1f}, n={chosen.runs})", flush=True)
        for (title, _, _), values, seconds in zip(row.programs, found, used, strict=True):
            low, high, middle = min(values), max(values), statistics.median(values)
            print(
                f"  {title:<22} {middle * scale:>8.0f} {row.unit} [{low * scale:.0f}-{high * scale:.0f}]"
                f"   ours / this = {ours / middle:.2f}   {statistics.median(seconds):.2f} s of processor",
                flush=True,
            )
        if shares:
            share, count = statistics.median(shares), len(shares)
            print(f"  sealing and opening    {share:>8.1%} of our round trip (n={count})", flush=True)


if __name__ == "__main__":
    main()
