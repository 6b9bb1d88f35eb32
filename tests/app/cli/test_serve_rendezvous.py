"""`peerscope serve --rendezvous`: a real process that two meet by."""

import asyncio
import http.client
import signal
import ssl
import subprocess
import sys
from pathlib import Path

import pytest

from netstack.core.rendezvous_uri import parse_rendezvous
from netstack.core.session_code import SessionCode
from netstack.model.meeting import Role
from netstack.net.system import SystemNet
from netstack.rendezvous.ways import make_driver
from netstack.service.meeting import Meeting
from tests.lab.certificates import pem

SERVE = [sys.executable, "-m", "app", "serve"]


async def meet(line: str, code: SessionCode) -> None:
    uri, net = parse_rendezvous(line.rsplit(maxsplit=1)[-1]), SystemNet()
    async with (
        Meeting(net, Role.HOST, code, [make_driver(net, uri)]) as host,
        Meeting(net, Role.GUEST, code, [make_driver(net, uri)]) as guest,
        asyncio.timeout(20),
    ):
        assert await host.confirmed() == await guest.confirmed()


def test_two_meet_by_a_server_that_runs_on_its_own() -> None:
    code = SessionCode.make(SystemNet().random_bytes)
    with subprocess.Popen(
        [*SERVE, "--rendezvous", "127.0.0.1:0"], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    ) as server:
        try:
            line = server.stdout.readline()
            assert line.startswith("Mailboxes on ws://127.0.0.1:")
            asyncio.run(meet(line, code))
        finally:
            server.send_signal(signal.SIGTERM)
            rest, _ = server.communicate(timeout=20)
    assert server.returncode == 0
    assert "127.0.0.1" not in rest  # nothing of its clients is told
    assert code.nameplate not in rest


def test_the_guest_page_comes_by_https(tmp_path: Path) -> None:
    certificate, private = pem("localhost")
    files = tmp_path / "cert.pem", tmp_path / "key.pem"
    for path, text in zip(files, (certificate, private), strict=True):
        path.write_text(text, "ascii")
    with subprocess.Popen(
        [*SERVE, "--rendezvous", "127.0.0.1:0", "--tls", *map(str, files)],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    ) as server:
        try:
            line = server.stdout.readline()
            assert line.startswith("Mailboxes on wss://127.0.0.1:")
            connection = http.client.HTTPSConnection(
                "localhost",
                int(line.rsplit(":", 1)[1]),
                timeout=10,
                context=ssl.create_default_context(cadata=certificate),
            )
            connection.request("GET", "/guest")
            answer = connection.getresponse()
            assert answer.status == 200
            assert b"You are invited to connect" in answer.read()
            connection.close()
        finally:
            server.send_signal(signal.SIGTERM)
            server.communicate(timeout=20)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--rendezvous", "nowhere"], "is not HOST:PORT"),
        (["--rendezvous", "127.0.0.1:99999"], "is not HOST:PORT"),
        (["--rendezvous", "127.0.0.1:0", "--tls-cert", "missing.pem"], "missing.pem"),
        (["--rendezvous", "127.0.0.1:0", "--tls-key", "missing.pem"], "--tls-key needs --tls-cert"),
        ([], "say what to serve"),
    ],
)
def test_wrong_use_is_told_in_a_sentence(arguments: list[str], said: str) -> None:
    done = subprocess.run([*SERVE, *arguments], capture_output=True, text=True, timeout=30, check=False)
    assert done.returncode == 2
    assert said in done.stderr + done.stdout
    assert "Traceback" not in done.stderr
