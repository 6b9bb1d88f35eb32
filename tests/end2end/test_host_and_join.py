"""Two processes meet by a code over our own rendezvous, and what one sends comes back."""

import json
import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


def _port() -> int:
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return int(sock.getsockname()[1])


class Stage:
    """A rendezvous server, and programs that each have a home of their own."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.config = folder / "config.toml"
        self.config.write_text('stun = ["stun:127.0.0.1:9"]\n', "utf-8")
        self.port = _port()

    def command(self, home: str, *arguments: str) -> tuple[list[str], dict[str, str]]:
        place = str(self.folder / home)
        env = {**os.environ, "HOME": place, "XDG_DATA_HOME": place, "XDG_CONFIG_HOME": place}
        return [sys.executable, "-m", "app", *arguments], env

    @contextmanager
    def start(self, home: str, *arguments: str) -> Iterator[subprocess.Popen[str]]:
        command, env = self.command(home, *arguments)
        with subprocess.Popen(command, env=env, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
            try:
                yield process
            finally:
                process.terminate()

    def run(self, home: str, *arguments: str) -> subprocess.CompletedProcess[str]:
        command, env = self.command(home, *arguments)
        return subprocess.run(
            command, env=env, cwd=ROOT, capture_output=True, text=True, timeout=40, check=False
        )

    @contextmanager
    def hosting(self, *more: str) -> Iterator[tuple[str, subprocess.Popen[str]]]:
        """A rendezvous and a host that waits; gives its code."""
        with self.start("server", "serve", "--rendezvous", f"127.0.0.1:{self.port}") as server:
            assert server.stdout is not None
            server.stdout.readline()
            options = ("--via", f"ws://127.0.0.1:{self.port}", "--config", str(self.config), "--name", "Ana")
            with self.start("host", "host", *options, *more, "--format", "jsonl") as host:
                assert host.stdout is not None
                for line in host.stdout:
                    event = json.loads(line)
                    if event["event"] == "code":
                        yield event["code"], host
                        return

    def join(self, code: str, *arguments: str) -> subprocess.CompletedProcess[str]:
        via = ("--via", f"ws://127.0.0.1:{self.port}", "--config", str(self.config), "--name", "Ben")
        return self.run("guest", "join", code, *via, *arguments)


@pytest.fixture
def stage(tmp_path: Path) -> Stage:
    return Stage(tmp_path)


def test_what_is_sent_comes_back_and_both_see_the_same_digits(stage: Stage) -> None:
    with stage.hosting() as (code, host):
        joined = stage.join(code, "--send", "hello", "--send-bytes", "300000", "--format", "jsonl")
        assert joined.returncode == 0, joined.stderr
        events = [json.loads(line) for line in joined.stdout.splitlines()]
        connected = next(event for event in events if event["event"] == "connected")
        assert connected["transport"] == "udp"
        assert connected["peer"] == "Ana"
        said = [event for event in events if event["event"] == "message" and event["mine"]]
        assert [event["bytes"] for event in said] == [5, 300_000]
        assert said[0]["packets"] == 1
        assert said[1]["round_trip_s"] > 0
        assert host.stdout is not None
        theirs = [json.loads(line) for line in host.stdout]
        assert (
            next(e for e in theirs if e["event"] == "connected")["safety_digits"]
            == connected["safety_digits"]
        )
        assert theirs[-1]["event"] == "closed"
        assert host.wait(10) == 0


def test_a_file_arrives_whole_with_progress_and_the_next_one_replaces_nothing(stage: Stage) -> None:
    path, shelf = stage.folder / "film.bin", stage.folder / "shelf"
    path.write_bytes(bytes(range(256)) * 100_000)
    with stage.hosting("--accept", str(shelf), "--max-bytes", "30000000") as (code, host):
        joined = stage.join(code, "--send-file", str(path), "--format", "jsonl")
        assert joined.returncode == 0, joined.stderr
        progress = [e for e in map(json.loads, joined.stdout.splitlines()) if e["event"] == "progress"]
        assert progress[-1]["state"] == "done"
        assert progress[-1]["moved_bytes"] == 25_600_000
        moved = [event["moved_bytes"] for event in progress]
        assert moved == sorted(moved)
        assert host.stdout is not None
        theirs = [json.loads(line) for line in host.stdout]
        place = next(e["place"] for e in theirs if e["event"] == "progress" and e["state"] == "done")
        assert Path(place) == shelf / "film.bin"
        assert Path(place).read_bytes() == path.read_bytes()


def test_a_file_that_nobody_takes_is_one_sentence(stage: Stage) -> None:
    path = stage.folder / "film.bin"
    path.write_bytes(b"x")
    with stage.hosting() as (code, _):
        joined = stage.join(code, "--send-file", str(path))
        assert joined.returncode == 2
        assert "did not want the file" in joined.stderr
        assert "Traceback" not in joined.stderr
    assert stage.join(code, "--send-file", str(stage.folder / "none")).returncode == 2


def test_a_wrong_word_is_one_clear_refusal(stage: Stage) -> None:
    with stage.hosting() as (code, _):
        number, *words = code.split("-")
        wrong = "-".join((number, *words[::-1])) if words[0] != words[2] else code.replace(words[0], words[1])
        joined = stage.join(wrong, "--send", "hello")
        assert joined.returncode == 2
        assert "code does not fit" in joined.stderr
        assert "Traceback" not in joined.stderr


def test_a_mistyped_code_needs_no_network(stage: Stage) -> None:
    joined = stage.join("12-what")
    assert joined.returncode == 2
    assert "session code" in joined.stderr


def test_without_any_server_by_an_invitation_and_where_the_host_can_be_reached_no_reply(
    tmp_path: Path,
) -> None:
    stage = Stage(tmp_path)
    options = ("--config", str(stage.config), "--format", "jsonl")
    command, env = stage.command("host", "host", "--via", "paste", "--name", "Ana", *options)
    with subprocess.Popen(
        command, env=env, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as host:
        try:
            assert host.stdout is not None
            assert host.stdin is not None
            events = (json.loads(line) for line in host.stdout)
            invitation = next(event["code"] for event in events if event["event"] == "code")
            host.stdin.write("peerscope-reply.nonsense\n")
            host.stdin.flush()
            refused = next(event for event in events if event["event"] == "note")
            assert "not a whole invitation or reply" in refused["text"]
            done = stage.run("guest", "join", invitation, "--send", "by hand", "--name", "Ben", *options)
            told = [json.loads(line) for line in done.stdout.splitlines()]
            assert done.returncode == 0, done.stdout + done.stderr
            assert next(e for e in told if e["event"] == "connected")["peer"] == "Ana"
            assert next(event for event in events if event["event"] == "connected")["peer"] == "Ben"
            assert host.wait(20) == 0
        finally:
            host.terminate()
