"""A friend without the app opens the link in Chromium, which hides its addresses behind mDNS names as it does by default."""

import pytest

from netstack.model.candidate import CandidateKind
from netstack.model.session import Mode, Priority
from netstack.service.guest_channel import GuestChannel
from netstack.wire.chat import Text, decode, encode
from tests.kernel.namespaces import Host
from tests.webrtc.chromium import browser
from tests.webrtc.door import receive, until
from tests.webrtc.visit import join, say

pytestmark = [pytest.mark.webrtc, pytest.mark.timeout(120)]


def test_over_plain_http_both_talk(wire: tuple[Host, Host]) -> None:
    app, guest = wire

    async def talk(channel: GuestChannel) -> tuple[str, str, str, CandidateKind]:
        assert decode((await channel.receive()).data) == Text("hello Ana")
        await channel.deliver(encode(Text("hello <b>Ben</b>")), Priority.REALTIME, Mode.ORDERED)
        await until(lambda: channel.facts.protocol)
        await until(lambda: channel.summary().n >= 3)
        pair = channel.channels.selected
        assert pair is not None
        assert decode((await channel.receive()).data) == Text("bye")
        return channel.about.name, channel.about.browser, channel.facts.protocol or "", pair.remote.kind

    opened, told = receive(app, talk)

    async def visit() -> list[str]:
        async with browser() as chromium:
            page = await chromium.page(opened.result(20).link)
            assert await page.evaluate("isSecureContext") is False
            await join(page)
            await say(page, "hello Ana")
            await page.until("document.querySelector('#lines').innerText.includes('<b>Ben</b>')")
            await page.until("document.querySelector('.line.mine .good')")
            await page.until("document.getElementById('rtt-now').innerText.includes('s')")
            await page.until("document.getElementById('facts').innerText.includes('UDP')")
            await say(page, "bye")
            await page.until("document.querySelectorAll('.line.mine .good').length === 2")
            return page.errors

    assert guest.run(visit(), timeout_s=40) == []
    name, browser_name, protocol, kind = told.result(10)
    assert (name, protocol, kind) == ("Ben", "udp", CandidateKind.PEER_REFLEXIVE)
    assert browser_name.startswith("Chrom")
