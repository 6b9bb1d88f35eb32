"""`peerscope selftest`: does every part of this installation work, here?"""

import asyncio
import pkgutil
import tomllib
from collections.abc import Callable
from contextlib import ExitStack
from importlib import import_module
from json import loads
from secrets import token_bytes
from time import monotonic
from xml.etree import ElementTree

import app
import netstack
from app.cli.options import ConfigOption
from netstack.config import RESOURCES, load_config
from netstack.errors import NetError
from netstack.model.address import Address
from netstack.net.system import SystemNet
from netstack.server.echo import EchoServer
from netstack.server.machine import Server
from netstack.server.stun import StunServer
from netstack.wire import stun

LOOPBACK = Address("127.0.0.1", 0)
ANSWER_TIMEOUT_S = 5.0


def _modules() -> str:
    """Imports every module: a packaged program lacks the one that nobody named."""
    names = [
        module.name
        for package in (netstack, app)
        for module in pkgutil.walk_packages(package.__path__, f"{package.__name__}.")
    ]
    for name in names:
        import_module(name)
    return f"{len(names)} modules import"


def _resources() -> str:
    """Reads every file of `resources`, by its kind where it has one."""
    readers: dict[str, Callable[[str], object]] = {
        ".toml": tomllib.loads,
        ".json": loads,
        ".svg": ElementTree.fromstring,
    }
    files = [path for path in sorted(RESOURCES.rglob("*")) if path.is_file()]
    if not files:
        raise FileNotFoundError(f"{RESOURCES} holds no file")
    for path in files:
        try:
            content = path.read_bytes()
            if path.suffix in readers:
                readers[path.suffix](content.decode("utf-8"))
        except (OSError, ValueError, SyntaxError) as error:
            raise ValueError(f"{path.relative_to(RESOURCES)}: {error}") from error
    return f"{len(files)} files are readable"


class _Inbox:
    """Hands on what comes to a socket."""

    def __init__(self, take: Callable[[bytes, Address, float], None]) -> None:
        self._take = take

    def datagram_received(self, data: bytes, remote: Address, received_at_s: float) -> None:
        self._take(data, remote, received_at_s)

    def datagram_failed(self, error: NetError, remote: Address | None) -> None:
        """Nothing is lost on loopback but on purpose."""


async def _ask(make_server: Callable[[Address], Server], question: bytes) -> tuple[bytes, Address]:
    """Starts a server on loopback and asks it over UDP; returns the answer and the asker's address."""
    net = SystemNet()
    answer: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()

    def serve(data: bytes, remote: Address, now: float) -> None:
        server.receive(data, remote, door.local, now)
        while (transmit := server.poll_transmit()) is not None:
            door.send(transmit.data, transmit.remote)

    def hear(data: bytes, _remote: Address, _now: float) -> None:
        if not answer.done():
            answer.set_result(data)

    with ExitStack() as sockets:
        door = await net.open_datagram(_Inbox(serve), local=LOOPBACK)
        sockets.callback(door.close)
        asker = await net.open_datagram(_Inbox(hear), local=LOOPBACK)
        sockets.callback(asker.close)
        server = make_server(door.local)
        asker.send(question, door.local)
        async with asyncio.timeout(ANSWER_TIMEOUT_S):
            return await answer, asker.local


def _stun_server() -> str:
    answer, asker = asyncio.run(_ask(StunServer, stun.encode(stun.binding_request(token_bytes(12)))))
    seen = stun.decode(answer).mapped_address
    if seen != asker:
        raise ValueError(f"it saw {seen} instead of {asker}")
    return "answers with the asker's address"


def _echo_server() -> str:
    question = token_bytes(100)
    answer, _ = asyncio.run(_ask(EchoServer, question))
    if answer != question:
        raise ValueError("it answered something else")
    return "answers with the same bytes"


# A part and what proves it: a function that returns what it saw, or raises. Servers are started on loopback
# and asked.
CHECKS: tuple[tuple[str, Callable[[], str]], ...] = (
    ("modules", _modules),
    ("resources", _resources),
    ("stun server", _stun_server),
    ("echo server", _echo_server),
)


def selftest(config: ConfigOption = None) -> int:
    """Check that every part of this installation works: imports, resources, embedded servers."""
    load_config(config)
    failed = 0
    for name, check in CHECKS:
        began = monotonic()
        try:
            word, seen = "ok", check()
        except Exception as error:  # whatever it is, it is what this command is here to tell
            word, seen = "FAILED", f"{type(error).__name__}: {error}".rstrip(": ")
            failed += 1
        print(f"{word:6}  {name:11}  {seen}  ({monotonic() - began:.2f} s)", flush=True)
    return 1 if failed else 0
