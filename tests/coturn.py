"""coturn on loopback, as tests want it: on ports of its own, ended by its own process id."""

import asyncio
import contextlib
import os
import shutil
import signal
import socket
import ssl
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

from netstack.model.address import Address
from netstack.model.turn import TurnCredentials
from tests.lab.certificates import pem

USER = TurnCredentials("u", "p")
NAME = "turn.example"
_PROGRAM = shutil.which("turnserver", path=os.pathsep.join([os.environ.get("PATH", ""), "/usr/sbin"]))

needs_coturn = pytest.mark.skipif(
    sys.platform != "linux" or _PROGRAM is None,
    reason="only on Linux: coturn" if sys.platform != "linux" else "coturn is not installed",
)


def _has_ipv6() -> bool:
    with socket.socket(socket.AF_INET6, socket.SOCK_DGRAM) as probe:
        try:
            probe.bind(("::1", 0))
        except OSError:
            return False
    return True


needs_ipv6 = pytest.mark.skipif(not _has_ipv6(), reason="this computer has no IPv6 loopback")


def free_ports(count: int, *, above: int = 20_000) -> list[int]:
    """Ports that nobody has, for UDP and TCP; below the ephemeral ones, so that nobody gets them by chance."""
    start = above + os.getpid() * 37 % 9_000
    found: list[int] = []
    for port in range(start, start + 3_000):
        with contextlib.ExitStack() as stack:
            try:
                for kind in (socket.SOCK_DGRAM, socket.SOCK_STREAM):
                    sock = stack.enter_context(socket.socket(socket.AF_INET, kind))
                    sock.bind(("127.0.0.1", port))
            except OSError:
                found.clear()
                continue
        found.append(port)
        if len(found) == count:
            return found
    raise RuntimeError("no free ports")


class Coturn(NamedTuple):
    """A running server. `client_tls` trusts its certificate, which is for `turn.example`."""

    process: "subprocess.Popen[bytes]"
    udp: Address
    tls: Address
    client_tls: ssl.SSLContext
    log: Path
    command: list[str]

    def kill(self) -> None:
        """As a crash would."""
        self.process.kill()
        self.process.wait(5)

    def restart(self) -> "Coturn":
        """On the same ports, knowing nothing."""
        return self._replace(process=_start(self.command, self.log, self.udp))

    def stop(self) -> None:
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGKILL)
            self.process.wait(5)


@contextlib.contextmanager
def coturn(
    *options: str, users: bool = True, ports: tuple[int, ...] = (), relay_ports: int = 400
) -> Iterator[Coturn]:
    """Runs coturn with user `u`, password `p`, realm `lab`. Relay ports are `relay_ports` many."""
    assert _PROGRAM is not None
    plain, tls_port = ports or free_ports(2)
    first_relay = 50_000 + os.getpid() * 53 % 9_000
    with tempfile.TemporaryDirectory() as folder:
        directory = Path(folder)
        certificate, private = pem(NAME)
        (directory / "cert.pem").write_text(certificate)
        (directory / "key.pem").write_text(private)
        auth = ["--lt-cred-mech", "--user", "u:p", "--realm", "lab"] if users else []
        command = [
            *[
                _PROGRAM,
                "-n",
                "--no-cli",
                "-l",
                "stdout",
                "--simple-log",
                "--no-dtls",
                "--allow-loopback-peers",
            ],
            *["--listening-ip", "127.0.0.1", "--relay-ip", "127.0.0.1", "-p", str(plain)],
            *["--tls-listening-port", str(tls_port), "--cert", str(directory / "cert.pem")],
            *["--pkey", str(directory / "key.pem"), "--pidfile", str(directory / "pid")],
            *["-b", str(directory / "db"), "--min-port", str(first_relay)],
            *["--max-port", str(first_relay + relay_ports - 1), *auth, *options],
        ]
        here = Address("127.0.0.1", plain)
        log = directory / "log"
        context = ssl.create_default_context(cadata=certificate)
        running = Coturn(
            _start(command, log, here), here, here._replace(port=tls_port), context, log, command
        )
        stopped = [running.process]
        try:
            yield running
        finally:
            running.stop()
            for process in stopped:
                if process.poll() is None:
                    process.kill()
                    process.wait(5)


def _start(command: list[str], log: Path, at: Address) -> "subprocess.Popen[bytes]":
    with log.open("ab") as output:
        process = subprocess.Popen(
            ["setpriv", "--pdeathsig", "KILL", *command],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
        )
    deadline = time.monotonic() + 10
    while not _answers(at):
        if process.poll() is not None or time.monotonic() > deadline:
            process.kill()
            process.wait()
            raise RuntimeError(f"coturn did not start: {log.read_text()[-500:]}")
        time.sleep(0.02)
    return process


def _answers(at: Address) -> bool:
    request = bytes.fromhex("000100002112a442") + os.urandom(12)
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.settimeout(0.2)
        try:
            probe.connect(at)
            probe.sendall(request)
            return probe.recv(1500)[8:20] == request[8:]
        except OSError:
            return False


class Echo(asyncio.DatagramProtocol):
    """Sends back what comes, on loopback."""

    transport: asyncio.DatagramTransport

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport  # type: ignore[assignment]

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        self.transport.sendto(data, addr)

    def error_received(self, exc: Exception) -> None:
        pass


@contextlib.asynccontextmanager
async def echoing(host="127.0.0.1"):
    """The address of an echo server."""
    loop = asyncio.get_running_loop()
    transport, _ = await loop.create_datagram_endpoint(Echo, local_addr=(host, 0))
    try:
        yield Address(*transport.get_extra_info("sockname")[:2])
    finally:
        transport.close()
        await asyncio.sleep(0)


@contextlib.asynccontextmanager
async def talking():
    """A UDP socket on loopback that only sends."""
    loop = asyncio.get_running_loop()
    transport, _ = await loop.create_datagram_endpoint(asyncio.DatagramProtocol, local_addr=("127.0.0.1", 0))
    try:
        yield transport
    finally:
        transport.close()
        await asyncio.sleep(0)
