"""What the guest runs: BlueZ on the first controller, Bumble on the second, every check in turn, results as JSON lines.

Each line of /out/results.jsonl: name, passed, seconds, error (a traceback) and log: what was logged, what bluetoothd
and btmon wrote while the check ran.
"""

import asyncio
import io
import json
import logging
import os
import subprocess
import time
import traceback
from pathlib import Path

from tests.radio.all_checks import CHECKS
from tests.radio.checks import Check, World

OUT = Path("/out")
LOGS = ("bluetoothd.log", "btmon.log")
CHECK_S = 150.0


def main() -> None:
    """Runs to the end whatever fails."""
    said = io.StringIO()
    logging.basicConfig(stream=said, level=logging.DEBUG, format="%(asctime)s %(name)s %(message)s")
    logging.getLogger("asyncio").setLevel(logging.INFO)
    logging.getLogger("bumble").setLevel(
        logging.INFO
    )  # btmon has every packet, and writing it twice is slow here
    logging.getLogger("bleak.backends.bluezdbus.manager").setLevel(logging.INFO)  # it repeats every signal
    with (OUT / "results.jsonl").open("w", encoding="utf-8", buffering=1) as results:
        asyncio.run(_run(results, said))


async def _run(results: "io.TextIOBase", said: io.StringIO) -> None:
    began = time.monotonic()
    world = World(start_bluetoothd)
    for check in CHECKS:
        results.write(json.dumps(await _judge(check, world, said)) + "\n")
    print(f"all checks: {time.monotonic() - began:.1f} s")
    os._exit(0)  # BlueZ and the peer go down with the machine


async def _judge(check: Check, world: World, said: io.StringIO) -> dict[str, object]:
    before = {name: _size(OUT / name) for name in LOGS}
    said.seek(0)
    said.truncate()
    began = time.monotonic()
    error = ""
    try:
        async with asyncio.timeout(CHECK_S):
            await check.run(world)
    except Exception:
        error = traceback.format_exc()
    seconds = time.monotonic() - began
    log = ""
    if error:
        (OUT / f"{check.name.replace(' ', '-')}.log").write_text(said.getvalue(), "utf-8")
        parts = {"log": said.getvalue()} | {name: _since(OUT / name, at) for name, at in before.items()}
        log = "\n".join(f"--- {name} ---\n{text[-20_000:]}" for name, text in parts.items())
    print(f"{check.name}: {'failed' if error else 'passed'} in {seconds:.1f} s", flush=True)
    return {"name": check.name, "passed": not error, "seconds": seconds, "error": error, "log": log}


def _size(path: Path) -> int:
    return path.stat().st_size if path.exists() else 0


def _since(path: Path, offset: int) -> str:
    return path.read_bytes()[offset:].decode("utf-8", "replace") if path.exists() else ""


def start_bluetoothd() -> "subprocess.Popen[bytes]":
    """BlueZ, telling everything to /out.

    It goes before everything else on the one slow core: when it reads "connected" late, after the device's first
    answers, it forgets to tell that over D-Bus (5.66), and bleak gives up.
    """
    command = ["chrt", "--fifo", "1", "/usr/libexec/bluetooth/bluetoothd", "-n", "-d"]
    with (OUT / "bluetoothd.log").open("ab") as log:
        return subprocess.Popen(command, stdout=log, stderr=log)


if __name__ == "__main__":
    main()
