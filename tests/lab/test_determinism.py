"""The same seed gives the same bytes: twice in one process, and in processes that hash differently."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.lab.worlds import fingerprint, run_world

ROOT = Path(__file__).parents[2]
SEEDS = range(1000, 1006)


def elsewhere(hash_seed: str) -> str:
    """The fingerprints from a process of its own."""
    done = subprocess.run(
        [sys.executable, "-W", "error", "-m", "tests.lab.worlds", *map(str, SEEDS)],
        cwd=ROOT,
        env={**os.environ, "PYTHONHASHSEED": hash_seed},
        capture_output=True,
        text=True,
        timeout=50,
        check=True,
    )
    return done.stdout


def test_every_process_sees_the_same_world() -> None:
    here = "".join(f"{seed} {fingerprint(seed)}\n" for seed in SEEDS)
    assert elsewhere("1") == elsewhere("2") == here


def test_another_seed_is_another_world() -> None:
    assert len({fingerprint(seed) for seed in SEEDS}) == len(SEEDS)


def test_a_log_has_something_to_tell() -> None:
    text = "".join(run_world(seed)[0] for seed in SEEDS)
    for word in ("send", "lost", "deliver", "drop (filtered)", " tcp ", " udp ", " icmp "):
        assert word in text


def both_runs(seeds: range) -> None:
    for seed in seeds:
        assert fingerprint(seed) == fingerprint(seed), seed


def test_a_hundred_worlds_run_twice() -> None:
    both_runs(range(100))


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_a_thousand_worlds_run_twice() -> None:
    both_runs(range(100, 1000))
