"""`peerscope selftest`: does every part of this installation work, here?"""

import asyncio
import pkgutil
import sys
import tempfile
import tomllib
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from importlib import import_module
from json import loads
from pathlib import Path
from secrets import token_bytes, token_hex
from time import monotonic
from urllib.request import urlopen
from xml.etree import ElementTree

import app
import netstack
from app.cli.options import ConfigOption
from app.qr_reading import read_qr
from netstack.config import RESOURCES, load_config
from netstack.errors import NetError
from netstack.model.address import Address
from netstack.model.ble import Preflight
from netstack.model.nat import NatReport
from netstack.model.webrtc import IceServers
from netstack.net.system import SystemNet
from netstack.observe.history_reader import HistoryReader
from netstack.observe.prometheus import MetricsPage, Registry
from netstack.radio.system import open_system_radio
from netstack.server.echo import EchoServer
from netstack.server.machine import Server
from netstack.server.stun import StunServer
from netstack.server.turn import TurnServer
from netstack.server.turn_credentials import Credentials
from netstack.service.history_desk import keep_one
from netstack.service.serve import ServerHost
from netstack.transport.webrtc_channels import Certificate, DataChannels
from netstack.wire import stun
from netstack.wire import stun_attributes as attr
from netstack.wire.stun import MessageClass, Method, StunMessage
from netstack.wire.stun_attributes import Attribute

UDP_PROTOCOL = 17
LOOPBACK = Address("127.0.0.1", 0)
ANSWER_TIMEOUT_S = 5.0
PORT_TRIES = 5


def _modules() -> str:
    """Imports every module: a packaged program lacks the one that nobody named."""
    names = [
        module.name
        for package in (netstack, app)
        for module in pkgutil.walk_packages(package.__path__, f"{package.__name__}.")
        if sys.platform == "linux" or not module.name.startswith("netstack.radio.bluez")
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
    """Keeps what comes to a socket."""

    def __init__(self) -> None:
        self.queue: asyncio.Queue[bytes] = asyncio.Queue()

    def datagram_received(self, data: bytes, remote: Address, received_at_s: float) -> None:
        self.queue.put_nowait(data)

    def datagram_failed(self, error: NetError, remote: Address | None) -> None:
        """The answer that does not come tells."""


Ask = Callable[[bytes], Awaitable[bytes]]


async def _hosted(net: SystemNet, make_server: Callable[[Address], Server]) -> tuple[ServerHost, Address]:
    """A server on a port that was just free; another program may take it first, so it is tried again."""
    for left in reversed(range(PORT_TRIES)):
        free = await net.open_datagram(_Inbox(), local=LOOPBACK)
        address = free.local
        free.close()
        host = ServerHost(net, make_server(address), {LOOPBACK.family: LOOPBACK.host})
        try:
            await host.open()
        except NetError as error:
            if error.reason is not NetError.Reason.IN_USE or not left:
                raise
        else:
            return host, address
    raise NetError(NetError.Reason.IN_USE)


@asynccontextmanager
async def _asking(make_server: Callable[[Address], Server]) -> AsyncIterator[tuple[Ask, Address]]:
    """Hosts a server on loopback; yields what asks it over UDP, and the asker's address."""
    net, inbox = SystemNet(), _Inbox()
    asker = await net.open_datagram(inbox, local=LOOPBACK)
    try:
        host, address = await _hosted(net, make_server)
    except NetError:
        asker.close()
        raise

    async def ask(question: bytes) -> bytes:
        asker.send(question, address)
        async with asyncio.timeout(ANSWER_TIMEOUT_S):
            return await inbox.queue.get()

    try:
        yield ask, asker.local
    finally:
        asker.close()
        await host.close()


async def _stun_server() -> str:
    async with _asking(StunServer) as (ask, asker):
        answer = stun.decode(await ask(stun.encode(stun.binding_request(token_bytes(12)))))
    if answer.mapped_address != asker:
        raise ValueError(f"it saw {answer.mapped_address} instead of {asker}")
    return "answers with the asker's address"


async def _turn_server() -> str:
    key = stun.long_term_key(user := "selftest", realm := "peerscope", password := token_hex())
    credentials = Credentials(realm, {user: password}, token_bytes(32))

    def request(*attributes: Attribute) -> StunMessage:
        attributes = (attr.REQUESTED_TRANSPORT(UDP_PROTOCOL), *attributes)
        return StunMessage(Method.ALLOCATE, MessageClass.REQUEST, token_bytes(12), attributes)

    async with _asking(lambda address: TurnServer((address,), credentials, token_bytes)) as (ask, _):
        nonce = stun.decode(await ask(stun.encode(request()))).get(attr.NONCE)
        if nonce is None:
            raise ValueError("it gave no nonce")
        allocate = request(attr.USERNAME(user), attr.REALM(realm), attr.NONCE(nonce))
        relayed = stun.decode(await ask(stun.encode(allocate, integrity_key=key))).get(
            attr.XOR_RELAYED_ADDRESS
        )
    if relayed is None:
        raise ValueError("it allocated nothing")
    return "relays for who knows the password, and for nobody else"


async def _echo_server() -> str:
    question = token_bytes(100)
    async with _asking(EchoServer) as (ask, _):
        if await ask(question) != question:
            raise ValueError("it answered something else")
    return "answers with the same bytes"


def _history() -> str:
    """Writes a diagnosis, closes, and reads it."""
    with tempfile.TemporaryDirectory(prefix="peerscope-selftest-") as folder:
        path = Path(folder) / "history.db"
        keep_one(path, NatReport(headline="self-test"))
        if [run.title for run in HistoryReader(path).runs()] != ["self-test"]:
            raise ValueError("what was written did not come back")
    return "keeps what it is given"


def _metrics() -> str:
    """Serves the page for Prometheus, and reads it."""
    registry = Registry()
    registry.rtt("udp", 0.01)
    page = MetricsPage(registry)
    at = page.open(LOOPBACK)
    try:
        with urlopen(f"http://{at}/metrics", timeout=ANSWER_TIMEOUT_S) as answer:
            if b"peerscope_path_rtt_seconds_count" not in answer.read():
                raise ValueError("the page lacks what was measured")
    finally:
        page.close()
    return "told to Prometheus"


async def _data_channel() -> str:
    """Two ends in this process, over ICE, DTLS and SCTP; loopback is no address for ICE."""
    ends = [DataChannels(Certificate.make(), IceServers(), controlling=side) for side in (True, False)]
    try:
        one, other = [await end.gather() for end in ends]
        if not one.candidates:
            return "loads; this computer has no network to try it on"
        came: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()
        ends[1].on_message = came.set_result
        await asyncio.gather(ends[0].connect(other), ends[1].connect(one))
        question = token_bytes(20_000)
        ends[0].send(question)
        async with asyncio.timeout(ANSWER_TIMEOUT_S):
            if await came != question:
                raise ValueError("something else came through")
    finally:
        for end in ends:
            await end.close()
    return "a data channel opens and carries 20 kB"


def _pictures() -> str:
    """Draws the QR code of a link, and reads it."""
    import segno

    link = "peerscope:join?code=482915-amber-walnut-kayak"
    rows = [
        bytes(0 if dark else 255 for dark in row) for row in segno.make(link).matrix_iter(scale=4, border=4)
    ]
    if read_qr(b"".join(rows), len(rows[0]), len(rows)) != (link,):
        raise ValueError("something else was read")
    return "a QR code is read from a picture"


# A part and what proves it: a function that returns what it saw, or raises. Servers are started on loopback
# and asked.
def _bluetooth() -> str:
    """Two computers of the lab connect over Bluetooth; this one's is looked at, and may be missing."""
    from netstack.lab.meet import meet
    from netstack.lab.scenario import load_scenario

    if meet(load_scenario("train"), seed=0).paths != ("bluetooth", "bluetooth"):
        raise ValueError("two computers of the lab did not connect over it")

    async def look() -> Preflight:
        radio = await open_system_radio()
        try:
            return await radio.preflight()
        finally:
            await radio.close()

    preflight = asyncio.run(look())
    here = "ready" if preflight.failure is None else preflight.failure
    return f"sessions over it work in the lab; of this computer: {here}"


CHECKS: tuple[tuple[str, Callable[[], str]], ...] = (
    ("modules", _modules),
    ("resources", _resources),
    ("stun server", lambda: asyncio.run(_stun_server())),
    ("turn server", lambda: asyncio.run(_turn_server())),
    ("echo server", lambda: asyncio.run(_echo_server())),
    ("webrtc", lambda: asyncio.run(_data_channel())),
    ("history", _history),
    ("metrics", _metrics),
    ("pictures", _pictures),
    ("bluetooth", _bluetooth),
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
