"""`peerscope doctor` on the real network: loopback, where nobody answers."""

import json
import subprocess
import sys
from pathlib import Path


def test_where_nobody_answers_it_says_so_and_exits_2(tmp_path: Path) -> None:
    config = tmp_path / "peerscope.toml"
    config.write_text('stun = ["stun:127.0.0.1:9"]\nweb_checks = ["http://127.0.0.1:9/"]\n')
    command = [sys.executable, "-m", "app", "doctor", "--config", str(config), "--format", "json"]
    run = subprocess.run(
        command, capture_output=True, text=True, timeout=50, check=False, cwd=Path(__file__).parents[3]
    )
    assert run.returncode == 2, run.stderr
    report = json.loads(run.stdout)
    rows = {row["name"]: row for row in report["checks"]}
    assert report["failure"]
    assert {finding["rule"] for finding in report["findings"]} <= {"bluetooth.unavailable"}
    assert (rows["udp"]["outcome"], rows["portal"]["outcome"]) == ("unknown", "unknown")
    assert all(row["outcome"] != "running" for row in report["checks"])
