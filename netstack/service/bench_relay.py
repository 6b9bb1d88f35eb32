"""A relay to measure sessions through: coturn where it is installed, else our own server; on loopback, for a while."""

import asyncio
import shutil
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final

import msgspec

from netstack.core.turn_uri import TurnUri
from netstack.errors import NetError
from netstack.model.address import Address
from netstack.model.bench import BenchError
from netstack.model.turn import ServerTransport, TurnCredentials
from netstack.net.protocol import Net
from netstack.service.embedded_turn import embedded_turn
from netstack.service.turn_knock import knock

PROGRAM: Final = "turnserver"
HOST: Final = "127.0.0.1"
START_S: Final = 10.0
ASK_EVERY_S: Final = 0.05
END_S: Final = 5.0
_CONFIG: Final = """listening-ip={host}
relay-ip={host}
listening-port={port}
lt-cred-mech
user={user}:{password}
realm=bench
allow-loopback-peers
no-cli
no-tls
no-dtls
log-file=stdout
simple-log
pidfile={folder}/pid
userdb={folder}/db
"""


class BenchRelay(msgspec.Struct, frozen=True):
    """Where it is, and whose."""

    uri: TurnUri
    user: TurnCredentials


def relay_server() -> str:
    """Which server `bench_relay` runs here."""
    return "coturn" if shutil.which(PROGRAM) is not None else "peerscope"


@asynccontextmanager
async def bench_relay(net: Net) -> AsyncIterator[BenchRelay]:
    """Serves until left. Raises BenchError where coturn does not start, NetError where no port is free."""
    program = shutil.which(PROGRAM)
    if program is None:
        async with embedded_turn(net, HOST) as (uri, user):
            yield BenchRelay(TurnUri(uri.host, uri.port, transport=ServerTransport.UDP), user)
        return
    user = TurnCredentials("bench", net.random_bytes(12).hex())
    port = await _free_port(net)
    with tempfile.TemporaryDirectory(prefix="peerscope-bench-") as folder:
        # A file, which only we may read: what stands among a process's arguments everybody may.
        config = Path(folder) / "coturn.conf"
        config.touch(0o600)
        config.write_text(
            _CONFIG.format(host=HOST, port=port, user=user.username, password=user.password, folder=folder),
            "utf-8",
        )
        command = [program, "-c", str(config)]
        if keeper := shutil.which("setpriv"):  # ended with us, however we end
            command = [keeper, "--pdeathsig", "KILL", *command]
        process = await asyncio.create_subprocess_exec(
            *command,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.DEVNULL,
        )
        try:
            await _answers(net, Address(HOST, port), process)
            yield BenchRelay(TurnUri(HOST, port, transport=ServerTransport.UDP), user)
        finally:
            await _end(process)


async def _answers(net: Net, at: Address, process: asyncio.subprocess.Process) -> None:
    deadline_s = net.now() + START_S
    while (await knock(net, at, ServerTransport.TCP, HOST, None)).error is not None:
        if process.returncode is not None or net.now() > deadline_s:
            raise BenchError(BenchError.Reason.DIED, "coturn did not start")
        await asyncio.sleep(ASK_EVERY_S)


async def _end(process: asyncio.subprocess.Process) -> None:
    if process.returncode is None:
        process.terminate()
        try:
            async with asyncio.timeout(END_S):
                await process.wait()
        except TimeoutError:
            process.kill()
            await process.wait()


async def _free_port(net: Net) -> int:
    class Nobody:
        def datagram_received(self, data: bytes, remote: Address, received_at_s: float) -> None:
            pass

        def datagram_failed(self, error: NetError, remote: Address | None) -> None:
            pass

    endpoint = await net.open_datagram(Nobody(), local=Address(HOST, 0))
    port = endpoint.local.port
    endpoint.close()
    return port
