import asyncio
import datetime
import html
import ipaddress
import logging
import re
import ssl
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed, InvalidStatus

from netstack.core.rendezvous_uri import RendezvousUri, parse_rendezvous
from netstack.model.address import Address
from netstack.model.meeting import Role, Way, WayState
from netstack.net.system import SystemNet
from netstack.rendezvous.websocket import WebSocketDriver
from netstack.server import rendezvous as server_module
from netstack.service.rendezvous_host import RendezvousHost
from tests.rendezvous.conftest import MAILBOX, Inbox, running


@pytest.fixture
def anywhere() -> Address:
    return Address("127.0.0.1", 0)


def to(host: RendezvousHost) -> RendezvousUri:
    return RendezvousUri(Way.WEBSOCKET, host.local.host, host.local.port)


async def test_notes_pass_and_wait_for_the_second(anywhere: Address) -> None:
    host = RendezvousHost(anywhere)
    await host.open()
    one, other = WebSocketDriver(to(host)), WebSocketDriver(to(host))
    async with running(one) as (first,):
        one.send(b"early")
        await first.until(lambda: one.health.sent == 1)
        async with running(other, roles=(Role.GUEST,)) as (second,):
            await second.until(lambda: second.notes == [b"early"])
            other.send(b"back")
            await first.until(lambda: first.notes == [b"back"])
        assert one.health.state is WayState.HEARD
    assert one.health.state is WayState.CLOSED
    await host.close()


async def test_a_server_that_comes_later_is_found(anywhere: Address) -> None:
    host = RendezvousHost(anywhere)
    await host.open()
    local = host.local
    await host.close()
    driver = WebSocketDriver(to(host))
    async with running(driver) as (inbox,):
        await inbox.until(lambda: driver.health.state is WayState.FAILED)
        assert "Nothing listens there" in driver.health.text
        again = RendezvousHost(local)
        await again.open()
        await inbox.until(lambda: driver.health.state is WayState.READY)
    await again.close()


async def test_a_third_is_told_so_and_does_not_come_back(anywhere: Address) -> None:
    host = RendezvousHost(anywhere)
    await host.open()
    drivers = [WebSocketDriver(to(host)) for _ in range(3)]
    async with running(*drivers[:2]) as (first, second):
        await first.until(lambda: drivers[0].health.state is WayState.READY)
        await second.until(lambda: drivers[1].health.state is WayState.READY)
        async with running(drivers[2]) as (third,):
            await third.until(lambda: drivers[2].health.state is WayState.FAILED)
            assert drivers[2].health.text == "The server sent us away: two are here already."
    await host.close()


@pytest.mark.parametrize("origin", ["https://evil.example", "null"])
async def test_a_page_of_another_site_is_refused(anywhere: Address, origin: str) -> None:
    host = RendezvousHost(anywhere)
    await host.open()
    with pytest.raises(InvalidStatus) as caught:
        await connect(f"{to(host)}/{MAILBOX}", origin=origin, proxy=None)
    assert caught.value.response.status_code == 403
    await host.close()


async def test_a_page_reaches_only_a_mailbox_that_cannot_be_guessed(anywhere: Address) -> None:
    host = RendezvousHost(anywhere)
    await host.open()
    for origin in (f"http://{host.local}", "null"):
        async with connect(f"{to(host)}/{'5a' * 16}", origin=origin, proxy=None):
            pass
    with pytest.raises(InvalidStatus) as caught:
        await connect(f"{to(host)}/{'5a' * 16}", origin="https://evil.example", proxy=None)
    assert caught.value.response.status_code == 403
    await host.close()


async def test_one_mailbox_alone_may_be_served(anywhere: Address) -> None:
    host = RendezvousHost(anywhere, only="5a" * 16)
    await host.open()
    async with connect(f"{to(host)}/{'5a' * 16}", proxy=None):
        pass
    with pytest.raises(InvalidStatus) as caught:
        await connect(f"{to(host)}/{MAILBOX}", proxy=None)
    assert caught.value.response.status_code == 404
    await host.close()


async def ask(at: Address, request: bytes) -> bytes:
    reader, writer = await asyncio.open_connection(*at)
    writer.write(request)
    async with asyncio.timeout(5):
        answer = await reader.read()
    writer.close()
    await writer.wait_closed()
    return answer


async def test_the_guest_page_runs_nothing_but_its_own_script(anywhere: Address) -> None:
    host = RendezvousHost(anywhere, inviter='"><script>alert(1)</script>')
    await host.open()
    answer = await ask(host.local, b"GET /guest HTTP/1.1\r\nHost: 192.0.2.7:21118\r\n\r\n")
    head, _, body = answer.partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 200 ")
    assert b"script-src 'sha256-" in head
    assert b"connect-src 'self' ws://192.0.2.7:21118" in head
    assert b"unsafe" not in head
    assert b"<script>alert(1)" not in body  # a name is shown, never run
    assert not re.search(rb"""(src|href)=["']?(https?:)?//""", body)  # nothing comes from elsewhere
    assert html.escape("connect-src 'self' ws://192.0.2.7:21118").encode() in body  # a policy of its own
    answer = await ask(host.local, b"GET /guest HTTP/1.1\r\nHost: [2001:db8::7]:21118\r\n\r\n")
    assert b"connect-src 'self' ws: wss:;" in answer  # which no policy can name
    await host.close()


@pytest.mark.parametrize(
    ("request_", "status"),
    [
        (b"GET / HTTP/1.1\r\nHost: a\r\n\r\n", b" 404 "),
        (b"GET /guest/../etc/passwd HTTP/1.1\r\nHost: a\r\n\r\n", b" 404 "),
        (b"POST /guest HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\n123456789", b" 400 "),
        (b"GET /guest HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", b" 200 "),
        (b"GET /" + b"a" * 20_000 + b" HTTP/1.1\r\n\r\n", b" 414 "),
        (b"GET /guest HTTP/1.1\r\nHost: a'; script-src *\r\n\r\n", b" 200 "),
    ],
)
async def test_odd_requests_get_an_answer_and_no_more(
    anywhere: Address, request_: bytes, status: bytes
) -> None:
    host = RendezvousHost(anywhere)
    await host.open()
    answer = await ask(host.local, request_)
    assert status in answer.partition(b"\r\n")[0] + b" " or not answer
    assert b"script-src *" not in answer
    await host.close()


async def test_pages_are_limited_for_each_network(anywhere: Address) -> None:
    host = RendezvousHost(anywhere)
    await host.open()
    answers = [await ask(host.local, b"GET /guest HTTP/1.1\r\nHost: a\r\n\r\n") for _ in range(40)]
    assert any(answer.startswith(b"HTTP/1.1 429 ") for answer in answers)
    await host.close()


@pytest.mark.parametrize(("note", "code"), [(bytes(5000), 1009), ("text", 1003)])
async def test_what_is_no_note_ends_the_connection(anywhere: Address, note: bytes | str, code: int) -> None:
    host = RendezvousHost(anywhere)
    await host.open()
    async with connect(f"{to(host)}/{MAILBOX}", proxy=None) as connection:
        await connection.send(note)
        with pytest.raises(ConnectionClosed) as caught:
            await connection.recv()
        assert caught.value.rcvd.code == code
    await host.close()


async def test_time_over_sends_everybody_away(anywhere: Address, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server_module, "LIFE_S", 0.2)
    host = RendezvousHost(anywhere)
    await host.open()
    driver = WebSocketDriver(to(host))
    async with running(driver) as (inbox,):
        await inbox.until(lambda: driver.health.state is WayState.FAILED)
        assert driver.health.text == "The server sent us away: ten minutes are over."
    assert host.machine.used == (0, 0)
    await host.close()


async def test_a_client_that_reads_nothing_loses_only_its_own_notes(anywhere: Address) -> None:
    host = RendezvousHost(anywhere)
    await host.open()
    async with connect(
        f"{to(host)}/{MAILBOX}", proxy=None, close_timeout=0.2, local_addr=("127.0.5.1", 0)
    ) as deaf:
        driver = WebSocketDriver(to(host))
        async with running(driver, roles=(Role.GUEST,)) as (inbox,):
            for number in range(200):
                driver.send(bytes((number,)) * 4000)
                await asyncio.sleep(0)
            await deaf.send(b"still there")
            await inbox.until(lambda: inbox.notes == [b"still there"])
    await host.close()


async def test_no_address_is_logged(anywhere: Address, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    host = RendezvousHost(anywhere)
    await host.open()
    async with connect(f"{to(host)}/{MAILBOX}", proxy=None, logger=logging.getLogger("quiet")) as connection:
        await connection.send(b"x")
    reader, writer = await asyncio.open_connection(*host.local)
    writer.write(b"rubbish\r\n\r\n")
    await reader.read()
    writer.close()
    await writer.wait_closed()
    await host.close()
    told = [record.getMessage() for record in caplog.records if record.name != "quiet"]
    assert not [text for text in told if "127.0.0.1" in text or MAILBOX in text]


async def test_something_else_that_answers_is_told_apart() -> None:
    def answer(stream) -> None:  # type: ignore[no-untyped-def]
        stream.write(b"SSH-2.0-other\r\n")
        stream.close()

    listener = await SystemNet().listen_stream(answer, local=Address("127.0.0.1", 0))
    driver = WebSocketDriver(RendezvousUri(Way.WEBSOCKET, *listener.local))
    async with running(driver) as (inbox,):
        await inbox.until(lambda: driver.health.state is WayState.FAILED)
    assert "no mailbox server" in driver.health.text or "cut" in driver.health.text
    listener.close()


def test_the_queue_is_bounded() -> None:
    async def check() -> None:
        driver = WebSocketDriver(RendezvousUri(Way.WEBSOCKET, "127.0.0.1", 9))
        for number in range(100):
            driver.send(b"%d" % number)
        assert driver.health.dropped == 68
        assert isinstance(Inbox(), Inbox)

    asyncio.run(check())


def certificate(folder: Path) -> tuple[Path, Path]:
    """A self-made certificate for 127.0.0.1, and its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "test")])
    now = datetime.datetime.now(datetime.UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(7)
        .not_valid_before(now - datetime.timedelta(hours=1))
        .not_valid_after(now + datetime.timedelta(hours=1))
        .add_extension(
            x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), False
        )
        .sign(key, hashes.SHA256())
    )
    paths = folder / "cert.pem", folder / "key.pem"
    paths[0].write_bytes(made.public_bytes(serialization.Encoding.PEM))
    paths[1].write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
    )
    return paths


async def test_over_tls_only_a_trusted_server_is_used(anywhere: Address, tmp_path: Path) -> None:
    cert, key = certificate(tmp_path)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(cert, key)
    host = RendezvousHost(anywhere, tls=context)
    await host.open()
    uri = parse_rendezvous(host.url)
    assert uri.tls
    trusting = WebSocketDriver(uri, tls=ssl.create_default_context(cafile=str(cert)))
    wary = WebSocketDriver(uri)
    async with running(trusting, wary) as (first, second):
        await first.until(lambda: trusting.health.state is WayState.READY)
        await second.until(lambda: wary.health.state is WayState.FAILED)
        assert wary.health.text == "The server's certificate is not to be trusted."
    await host.close()
