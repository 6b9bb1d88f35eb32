"""The whole way by https: a server that runs on its own, the app's mailbox by wss, and a page in a secure context."""

import base64
import hashlib
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from netstack.core.rendezvous_uri import RendezvousUri, parse_rendezvous
from netstack.service.guest_channel import GuestChannel
from netstack.wire.chat import Text, decode
from tests.kernel.namespaces import Host
from tests.lab.certificates import pem
from tests.webrtc.chromium import browser
from tests.webrtc.door import receive, until
from tests.webrtc.lan import APP
from tests.webrtc.visit import join, say

pytestmark = [pytest.mark.webrtc, pytest.mark.timeout(120)]


@pytest.fixture
def server(
    wire: tuple[Host, Host], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[RendezvousUri]:
    """`peerscope serve --rendezvous --tls`, whose certificate this process trusts as the system's."""
    files = tmp_path / "cert.pem", tmp_path / "key.pem"
    for path, text in zip(files, pem(APP), strict=True):
        path.write_text(text, "ascii")
    monkeypatch.setenv("SSL_CERT_FILE", str(files[0]))
    app, log = wire[0], tmp_path / "serve.log"
    serve = [sys.executable, "-m", "app", "serve", "--rendezvous", f"{APP}:0", "--tls", *map(str, files)]
    running = app.start(serve, log)
    app.run(until(lambda: log.read_text().startswith("Mailboxes on wss://"), timeout_s=20))
    yield parse_rendezvous(log.read_text().split()[2])
    app.stop(running)


def test_a_guest_by_https(wire: tuple[Host, Host], server: RendezvousUri) -> None:
    app, guest = wire

    async def talk(channel: GuestChannel) -> None:
        assert decode((await channel.receive()).data) == Text("by https")

    opened, told = receive(app, talk, via=server)
    link = opened.result(20).link
    assert link.startswith(f"https://{APP}:{server.port}/guest#")
    certificate = x509.load_pem_x509_certificate(pem(APP)[0].encode())
    public = certificate.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    pin = base64.b64encode(hashlib.sha256(public).digest()).decode()

    async def visit() -> list[str]:
        async with browser(f"--ignore-certificate-errors-spki-list={pin}") as chromium:
            page = await chromium.page(link)
            assert await page.evaluate("isSecureContext")
            assert "Sent by https" in await page.evaluate("document.getElementById('trust').innerText")
            await join(page)
            await say(page, "by https")
            await page.until("document.querySelector('.line.mine .good')")
            return page.errors

    assert guest.run(visit(), timeout_s=40) == []
    told.result(10)
