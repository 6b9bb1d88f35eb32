"""Two real programs in two network namespaces: a file over each transport, cut in the middle and taken up again."""

import hashlib
import json
import random
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from environment import ROOT

from tests.kernel.bed import FULL_SERVER, SERVERS, SPARE, TURN_PASSWORD, TURN_USER, Bed, Site
from tests.kernel.namespaces import Host

pytestmark = pytest.mark.kernel

PORT = 21_082
PATIENCE_S = 90.0
CAP_BITS_PER_S = 160_000_000  # a fast computer would be done before it can be cut
MEGABYTE = 1 << 20
KINDS = {
    "udp": ("port-restricted", "port-restricted"),
    "tcp": ("open", "udp-blocked"),
    "turn": ("symmetric", "symmetric"),
    "turn over tcp": ("udp-blocked", "udp-blocked"),
}


class Program:
    """`peerscope` on a host, with a home of its own; what it prints is read as events."""

    def __init__(self, host: Host, home: Path, config: Path, *arguments: str) -> None:
        home.mkdir(exist_ok=True)
        self._host = host
        self._log = home / f"{arguments[0]}-{time.monotonic_ns()}.jsonl"
        homes = [f"{name}={home}" for name in ("HOME", "XDG_DATA_HOME", "XDG_CONFIG_HOME", "XDG_CACHE_HOME")]
        command = [
            "env",
            *homes,
            "PYTHON_KEYRING_BACKEND=keyring.backends.null.Keyring",
            f"PYTHONPATH={ROOT}",
        ]
        options = ("--via", f"ws://{SPARE}:{PORT}", "--config", str(config), "--format", "jsonl")
        self.process = host.start([*command, sys.executable, "-m", "app", *arguments, *options], self._log)

    def events(self, name: str) -> list[dict[str, Any]]:
        lines = self._log.read_text("utf-8").splitlines()
        events = [json.loads(line) for line in lines if line.startswith("{") and line.endswith("}")]
        return [event for event in events if event["event"] == name]

    def said(self) -> str:
        return self._log.read_text("utf-8")[-2000:]

    def until(self, condition: Callable[[], object], what: str) -> None:
        deadline = time.monotonic() + PATIENCE_S
        while not condition():
            assert time.monotonic() < deadline, f"{what}: {self.said()}"
            time.sleep(0.02)

    def end(self) -> int:
        self.until(lambda: self.process.poll() is not None, "it does not end")
        return int(self.process.returncode)

    def kill(self) -> None:
        self._host.stop(self.process)


@contextmanager
def rendezvous(bed: Bed, folder: Path) -> Iterator[None]:
    with_path = ["env", f"PYTHONPATH={ROOT}", f"HOME={folder}"]
    command = [*with_path, sys.executable, "-m", "app", "serve", "--rendezvous", f"{SPARE}:{PORT}"]
    log = folder / "rendezvous.log"
    process = bed.internet.start(command, log)
    try:
        deadline = time.monotonic() + PATIENCE_S
        while not log.exists() or not log.read_bytes():
            assert time.monotonic() < deadline
            time.sleep(0.05)
        yield
    finally:
        bed.internet.stop(process)


def _file(folder: Path, size: int) -> tuple[Path, str]:
    place = folder / "payload.bin"
    source = random.Random(7)
    digest = hashlib.sha256()
    with place.open("wb") as file:
        while size:
            data = source.randbytes(min(MEGABYTE, size))
            size -= len(data)
            digest.update(data)
            file.write(data)
    return place, digest.hexdigest()


def _config(folder: Path) -> Path:
    place = folder / "config.toml"
    stun = json.dumps([f"stun:{server.partition(':')[2] or server}" for server in SERVERS])
    place.write_text(
        f'stun = {stun}\n[[turn]]\nurl = "turn:{FULL_SERVER}"\nusername = "{TURN_USER}"\npassword = "{TURN_PASSWORD}"\n'
        f"[[cap]]\nbits_per_s = {CAP_BITS_PER_S}\n"
    )
    place.chmod(0o600)
    return place


def _sites(bed: Bed, transport: str) -> tuple[Site, Site]:
    for site, kind in zip((bed.a, bed.b), KINDS[transport], strict=True):
        site.set(kind)
    return bed.a, bed.b


def _send(bed: Bed, folder: Path, transport: str, size: int) -> None:
    """Cut once about its middle by killing the sender; the second time the rest goes."""
    place, digest = _file(folder, size)
    config, inbox = _config(folder), folder / "inbox"
    anna, ben = _sites(bed, transport)
    arrived = inbox / place.name
    with rendezvous(bed, folder):
        moved: list[int] = []
        for attempt in range(2):
            host = Program(anna.client, folder / "anna", config, "host", "--accept", str(inbox))
            host.until(lambda host=host: host.events("code"), "no code")
            code = host.events("code")[0]["code"]
            more = ("--transport", transport.split(maxsplit=1)[0], "--send-file", str(place))
            join = Program(ben.client, folder / "ben", config, "join", code, *more)
            if attempt == 0:
                join.until(
                    lambda join=join: (
                        any(size // 4 < event["moved_bytes"] < size for event in join.events("progress"))
                        or join.process.poll() is not None
                    ),
                    "nothing moves",
                )
                assert join.process.poll() is None, join.said()
                join.kill()
                host.kill()
                assert not arrived.exists()
                [part] = inbox.glob("*.part*")
                moved.append(part.stat().st_size)
                continue
            began = time.monotonic()
            assert join.end() == 0, join.said()
            took_s = time.monotonic() - began
            connected = join.events("connected")[0]
            assert connected["transport"] == transport.split(maxsplit=1)[0]
            first = next(event["moved_bytes"] for event in join.events("progress") if event["moved_bytes"])
            assert first >= moved[0] // 2  # it went on, and did not begin anew
            assert host.end() == 0
    assert hashlib.sha256(arrived.read_bytes()).hexdigest() == digest
    print(
        f"{transport}: {size} B, cut at {moved[0]} B, the rest in {took_s:.1f} s, start of the program included"
    )


@pytest.mark.timeout(200)
def test_a_file_is_cut_and_taken_up_again_between_two_programs(bed: Bed, tmp_path: Path) -> None:
    _send(bed, tmp_path, "udp", 60 * MEGABYTE)


@pytest.mark.slow
@pytest.mark.timeout(400)
@pytest.mark.parametrize("transport", list(KINDS))
def test_100_megabytes_over_every_transport(bed: Bed, tmp_path: Path, transport: str) -> None:
    _send(bed, tmp_path, transport, 100 * MEGABYTE)
