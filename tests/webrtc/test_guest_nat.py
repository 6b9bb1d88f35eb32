"""Guest and app far apart, each behind a NAT of the kernel: the page comes from a rendezvous server, coturn relays."""

import asyncio
from collections.abc import Iterator
from concurrent.futures import Future
from pathlib import Path

import pytest

from netstack.core.rendezvous_uri import RendezvousUri
from netstack.model.address import Address
from netstack.model.candidate import CandidateKind
from netstack.model.config import TurnServer
from netstack.model.meeting import Way
from netstack.model.webrtc import SelectedPair
from netstack.service.guest_channel import GuestChannel
from netstack.service.rendezvous_host import RendezvousHost
from netstack.wire.chat import Text, decode
from tests.kernel.bed import FULL_SERVER, SERVERS, SPARE, TURN_PASSWORD, TURN_USER, Bed
from tests.kernel.namespaces import Host
from tests.webrtc.chromium import browser
from tests.webrtc.door import begin, receive, until
from tests.webrtc.visit import join, say

pytestmark = [pytest.mark.webrtc, pytest.mark.timeout(180)]

SERVER = Address(SPARE, 21_083)
RELAY = TurnServer(f"turn:{FULL_SERVER}?transport=udp", TURN_USER, TURN_PASSWORD)


@pytest.fixture(scope="module")
def bed(wire: object, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bed]:
    """An internet with STUN servers and coturn, and a site for each of the two."""
    with Bed(tmp_path_factory.mktemp("bed")) as bed:
        yield bed


@pytest.fixture
def mailboxes(bed: Bed) -> Iterator[None]:
    """Our own rendezvous server, with the page beside the mailboxes."""
    running: Future[tuple[asyncio.AbstractEventLoop, asyncio.Event]] = Future()

    async def run() -> None:
        server, done = RendezvousHost(SERVER), asyncio.Event()
        await server.open()
        running.set_result((asyncio.get_running_loop(), done))
        try:
            await done.wait()
        finally:
            await server.close()

    with Host("webrtc-mailboxes", beside=bed.internet) as host:
        serving = begin(host, run())
        loop, done = running.result(10)
        yield
        loop.call_soon_threadsafe(done.set)
        serving.result(10)


@pytest.mark.parametrize(
    ("app_nat", "guest_nat", "relayed"),
    [("symmetric", "symmetric", True), ("port-restricted", "full-cone", False)],
)
def test_over_nats(
    bed: Bed, mailboxes: None, tmp_path: Path, app_nat: str, guest_nat: str, relayed: bool
) -> None:
    bed.a.set(app_nat)
    bed.b.set(guest_nat)

    async def talk(channel: GuestChannel) -> SelectedPair | None:
        assert decode((await channel.receive()).data) == Text("hello from far away")
        await until(lambda: channel.summary().n >= 3)
        assert decode((await channel.receive()).data) == Text("bye")
        return channel.channels.selected

    opened, told = receive(
        bed.a.client,
        talk,
        via=RendezvousUri(Way.WEBSOCKET, SERVER.host, SERVER.port),
        stun=SERVERS,
        turn=(RELAY,) if relayed else (),
    )
    link = opened.result(20).link
    assert link.startswith(f"http://{SERVER}/guest#")

    async def run() -> None:
        async with browser() as chromium:
            page = await chromium.page(link)
            await join(page)
            await say(page, "hello from far away")
            shown = "through a relay" if relayed else "direct"
            await page.until(f"document.getElementById('facts').innerText.includes('{shown}')")
            await page.until("document.getElementById('headline').innerText.includes('ms')")
            await say(page, "bye")
            await page.until("document.querySelectorAll('.line.mine .good').length === 2")

    bed.b.client.run(run(), timeout_s=60)
    pair = told.result(20)
    assert pair is not None
    assert (CandidateKind.RELAYED in {pair.local.kind, pair.remote.kind}) == relayed
