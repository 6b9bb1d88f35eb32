"""`peerscope serve --metrics`: a real process, read as Prometheus does."""

import re
import shutil
import signal
import subprocess
import sys
import time
from urllib.request import urlopen

import pytest

SERVE = [sys.executable, "-m", "app", "serve"]


def test_used_and_limits_are_told_and_the_tool_finds_no_fault() -> None:
    command = [*SERVE, "--turn", "--port", "34790", "--rendezvous", "127.0.0.1:0", "--metrics", "127.0.0.1:0"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as server:
        try:
            lines = [server.stdout.readline() for _ in range(3)]
            url = re.search(r"Metrics on (\S+)", "".join(lines)).group(1)
            time.sleep(0.5)
            with urlopen(url, timeout=5) as answer:
                text = answer.read().decode()
        finally:
            server.send_signal(signal.SIGTERM)
            rest, _ = server.communicate(timeout=20)
    assert server.returncode == 0, rest
    assert 'peerscope_serve_used{resource="allocations"} 0.0' in text
    assert 'peerscope_serve_limit{resource="allocations"} 64.0' in text
    assert 'peerscope_serve_limit{resource="mailboxes"}' in text
    assert "path_rtt" not in text  # it has no paths
    if promtool := shutil.which("promtool"):
        done = subprocess.run(
            [promtool, "check", "metrics"],
            input=text,
            capture_output=True,
            text=True,
            timeout=30,
            check=False,
        )
        assert (done.returncode, done.stdout + done.stderr) == (0, "")


@pytest.mark.parametrize("place", ["nowhere", "127.0.0.1:99999", "203.0.113.1:9464"])
def test_a_place_that_cannot_be_is_told(place: str) -> None:
    done = subprocess.run(
        [*SERVE, "--rendezvous", "127.0.0.1:0", "--metrics", place],
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    assert done.returncode == 2
    assert len(done.stderr.strip().splitlines()) == 1
