"""A friend without the app opens the link in Chromium, which hides its addresses behind mDNS names as it does by default."""

import pytest

from netstack.model.candidate import CandidateKind
from netstack.model.session import Mode, Priority
from netstack.service.guest_channel import GuestChannel
from netstack.wire.chat import Text, decode, encode
from tests.kernel.namespaces import Host
from tests.webrtc.chromium import browser
from tests.webrtc.door import receive, until
from tests.webrtc.visit import join, refusal, say

# What Chromium does when a network comes up while it starts: the page sees none, until it is loaded anew.
NO_NETWORK = """
globalThis.RTCPeerConnection = class extends RTCPeerConnection {
  constructor(options) { super({ ...options, iceTransportPolicy: "relay" }); }
};
"""

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


def test_a_page_that_sees_no_network_is_loaded_anew_once(wire: tuple[Host, Host]) -> None:
    app, guest = wire

    async def talk(channel: GuestChannel) -> str:
        await until(lambda: channel.about.name)
        return channel.about.name

    opened, told = receive(app, talk)

    async def visit() -> None:
        link = opened.result(20).link
        async with browser() as chromium:
            page = await chromium.page()
            hidden = await page.call("Page.addScriptToEvaluateOnNewDocument", source=NO_NETWORK)
            await page.open(link)
            assert await refusal(page) == "blind"
            await page.call("Page.removeScriptToEvaluateOnNewDocument", **hidden)
            await page.call(
                "Page.addScriptToEvaluateOnNewDocument", source=f"if (!history.state) {{ {NO_NETWORK} }}"
            )
            await page.open("about:blank#left")
            await page.open(link)
            await join(page)  # by itself, the second time

    guest.run(visit(), timeout_s=40)
    assert told.result(10) == "Ben"
