"""Web checks against a server on loopback, and against what is none."""

import asyncio
import contextlib

import pytest

from netstack.core.web_facts import parse_web_check
from netstack.errors import InputError
from netstack.model.address import Address
from netstack.net.system import SystemNet
from netstack.server.web import WebServer
from netstack.service.serve import ServerHost
from netstack.service.web_check import check_web


@contextlib.asynccontextmanager
async def serving(answer):
    """A server that writes `answer` to whoever connects, and ends."""

    async def serve(reader, writer):
        with contextlib.suppress(OSError):
            writer.write(answer)
            await writer.drain()
            await reader.read(1000)
            writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()
        await server.wait_closed()


async def test_our_own_server_answers_and_the_clock_is_right():
    net = SystemNet()
    async with serving(b"") as port:
        pass
    place = Address("127.0.0.1", port)
    host = ServerHost(net, WebServer(place, epoch_s=net.wall_time() - net.now()))
    await host.open()
    try:
        (answer,) = await check_web(net, [f"http://127.0.0.1:{port}/generate_204?x=1"])
    finally:
        await host.close()
    assert answer.portal is False
    assert abs(answer.clock_off_s) < 5


@pytest.mark.parametrize(
    ("answer", "portal"),
    [
        (b"HTTP/1.1 302 Found\r\nLocation: http://login.example/\r\nContent-Length: 0\r\n\r\n", True),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n" + b"x" * 100_000, None),
        (b"SSH-2.0-server\r\n\r\n", None),
        (b"", None),
    ],
)
async def test_what_comes_in_its_place(answer, portal):
    async with serving(answer) as port:
        (seen,) = await check_web(SystemNet(), [f"http://127.0.0.1:{port}/"])
    assert seen.portal is portal
    assert seen.text


async def test_nobody_there_is_a_sentence():
    async with serving(b"") as port:
        pass
    (seen,) = await check_web(SystemNet(), [f"http://127.0.0.1:{port}/"])
    assert seen.portal is None
    assert seen.text


@pytest.mark.parametrize(
    "url",
    [
        "https://a.example/",
        "http://",
        "ftp://a.example",
        "http://a@b.example/",
        "http://a.example:x/",
        "http://a.example/\r\nX: y",
    ],
)
def test_only_plain_web_pages_are_asked(url):
    with pytest.raises(InputError):
        parse_web_check(url)
