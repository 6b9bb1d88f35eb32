"""Libraries that know nothing of the lab, unmodified, inside it."""

import asyncio
import socket

import pytest
import websockets
from aioquic.asyncio import QuicConnectionProtocol, serve
from aioquic.quic.configuration import QuicConfiguration
from aioquic.quic.connection import QuicConnection

from netstack.lab.lab import Lab, open_scenario
from netstack.lab.link import Shape
from netstack.lab.loop import on
from netstack.lab.nat import NatBehaviour
from netstack.tasks import TaskScope
from tests.lab.certificates import contexts, pem
from tests.lab.town import INSIDE, Town

FAR = "192.0.2.7"


class Echo(asyncio.DatagramProtocol):
    def connection_made(self, transport) -> None:
        self.transport = transport
        self.lost = asyncio.get_running_loop().create_future()

    def datagram_received(self, data, addr) -> None:
        self.transport.sendto(data, addr)

    def connection_lost(self, exc) -> None:
        self.lost.set_result(exc)


class Asker(asyncio.DatagramProtocol):
    def __init__(self) -> None:
        self.came = asyncio.Queue()

    def datagram_received(self, data, addr) -> None:
        self.came.put_nowait((data, addr))

    def error_received(self, exc) -> None:
        self.came.put_nowait(exc)


def town():
    town = Town()
    town.world.names["far.example"] = (FAR,)
    me = town.host("me", INSIDE, behind=town.box("nat", NatBehaviour()))
    return town, me, town.host("far", FAR)


async def test_datagram_endpoints() -> None:
    _, me, far = town()
    loop = asyncio.get_running_loop()
    server, echo = await on(far, loop.create_datagram_endpoint(Echo, local_addr=(FAR, 7)))
    client, asker = await on(me, loop.create_datagram_endpoint(Asker, remote_addr=("far.example", 7)))
    client.sendto(b"hello")
    assert await asyncio.wait_for(asker.came.get(), 1) == (b"hello", (FAR, 7))
    assert client.get_extra_info("peername") == (FAR, 7)
    server.close()
    await asyncio.wait_for(echo.lost, 1)
    client.sendto(b"anyone?")
    assert isinstance(await asyncio.wait_for(asker.came.get(), 1), ConnectionRefusedError)
    with pytest.raises(OSError, match=r"not available|assign"):
        await on(me, loop.create_datagram_endpoint(Asker, local_addr=("192.0.2.99", 0)))
    client.close()


async def test_asyncio_streams_over_tls_and_names() -> None:
    server_tls, client_tls = contexts("far.example")
    _, me, far = town()

    async def serve(reader, writer) -> None:
        while line := await reader.readline():
            writer.write(line.upper())
            await writer.drain()
        writer.close()

    server = await on(far, asyncio.start_server(serve, FAR, 443, ssl=server_tls))
    assert server.sockets[0].getsockname() == (FAR, 443)
    async with asyncio.timeout(30):
        reader, writer = await on(me, asyncio.open_connection("far.example", 443, ssl=client_tls))
        writer.write(b"hello\n")
        assert await reader.readline() == b"HELLO\n"
        writer.close()
        await writer.wait_closed()
        server.close()
        await server.wait_closed()
        await asyncio.sleep(1)


async def test_start_tls() -> None:
    server_tls, client_tls = contexts("far.example")
    _, me, far = town()

    async def serve(reader, writer) -> None:
        await reader.readline()
        writer.write(b"go\n")
        await writer.start_tls(server_tls)
        writer.write(await reader.readline())
        writer.close()

    server = await on(far, asyncio.start_server(serve, FAR, 25))
    async with asyncio.timeout(30):
        reader, writer = await on(me, asyncio.open_connection("far.example", 25))
        writer.write(b"STARTTLS\n")
        assert await reader.readline() == b"go\n"
        await writer.start_tls(client_tls, server_hostname="far.example")
        writer.write(b"secret\n")
        assert await reader.readline() == b"secret\n"
        writer.close()
        await writer.wait_closed()
        server.close()
        await asyncio.sleep(1)


async def test_refused_and_unknown_names_are_the_errors_that_libraries_know() -> None:
    _, me, _ = town()
    loop = asyncio.get_running_loop()
    with pytest.raises(ConnectionRefusedError):
        await on(me, asyncio.open_connection(FAR, 81))
    with pytest.raises(socket.gaierror):
        await on(me, asyncio.open_connection("nowhere.example", 80))
    found = await on(me, loop.getaddrinfo("far.example", 80, type=socket.SOCK_STREAM))
    assert found[0][4] == (FAR, 80)
    assert await on(me, _by_name(loop, "far.example")) == FAR
    with pytest.raises(NotImplementedError):
        await on(me, loop.create_connection(asyncio.Protocol, FAR, 1, sock=object()))


async def _by_name(loop, name):
    return await loop.run_in_executor(None, socket.gethostbyname, name)


async def test_nothing_real_is_reached_without_a_host() -> None:
    with pytest.raises((NotImplementedError, AttributeError)):
        await asyncio.wait_for(asyncio.open_connection("127.0.0.1", 9), 5)


async def _ends_at_sockets(here: socket.socket) -> list[str]:
    loop, raised = asyncio.get_running_loop(), []
    for call in (
        lambda: loop.sock_connect(here, ("127.0.0.1", 9)),
        lambda: loop.sock_sendto(here, b"x", ("127.0.0.1", 9)),
        lambda: loop.add_reader(here, print),
        lambda: loop.add_writer(here, print),
    ):
        try:
            await call()
        except NotImplementedError as error:
            raised.append(str(error))
    return raised


def test_a_lab_host_in_real_time_reaches_the_real_network_by_no_socket_object() -> None:
    async def main(lab: Lab) -> list[str]:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as here:
            here.setblocking(False)
            return await on(lab.hosts["anna"], _ends_at_sockets(here))

    lab = open_scenario("home", real_time=True)
    assert lab.run(main) == ["a lab host has no socket objects"] * 4


async def test_websockets_unmodified() -> None:
    _, me, far = town()

    async def answer(connection) -> None:
        async for message in connection:
            await connection.send(message[::-1])

    async def server(stop: asyncio.Event, ready: asyncio.Event) -> None:
        async with websockets.serve(answer, FAR, 8080):
            ready.set()
            await stop.wait()

    async def client() -> list[str]:
        async with websockets.connect("ws://far.example:8080") as connection:
            got = []
            for text in ("abc", "x" * 100_000 + "y"):
                await connection.send(text)
                got.append(await connection.recv())
            return got

    stop, ready = asyncio.Event(), asyncio.Event()
    async with TaskScope("test") as scope, asyncio.timeout(60):
        serving = scope.start(on(far, server(stop, ready)), "server")
        await ready.wait()
        assert await on(me, client()) == ["cba", "y" + "x" * 100_000]
        stop.set()
        await serving


async def test_quic_unmodified(tmp_path) -> None:
    lab, me, far = town()
    for link in lab.world.links.values():
        link.reshape(Shape(delay_s=0.01, loss=0.02))
    certificate, key = pem("far.example")
    server = QuicConfiguration(is_client=False)
    both = tmp_path / "both.pem"
    both.write_text(certificate + key)
    server.load_cert_chain(both)
    client = QuicConfiguration(server_name="far.example", cadata=certificate.encode())

    def answer(reader, writer) -> None:
        async def work() -> None:
            writer.write((await reader.read())[::-1])
            writer.write_eof()

        scope.start(work(), "answer")

    async with TaskScope("test") as scope, asyncio.timeout(600):
        listening = await on(far, serve(FAR, 4433, configuration=server, stream_handler=answer))

        async def ask() -> bytes:
            # aioquic's own `connect` makes a socket first, which the lab cannot have.
            _, connection = await asyncio.get_running_loop().create_datagram_endpoint(
                lambda: QuicConnectionProtocol(QuicConnection(configuration=client)), local_addr=(INSIDE, 0)
            )
            connection.connect((FAR, 4433))
            await connection.wait_connected()
            reader, writer = await connection.create_stream()
            writer.write(b"a" * 50_000 + b"z")
            writer.write_eof()
            got = await reader.read()
            connection.close()
            await connection.wait_closed()
            return got

        assert await on(me, ask()) == b"z" + b"a" * 50_000
        listening.close()
