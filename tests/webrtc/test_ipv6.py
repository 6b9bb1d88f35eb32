"""Two computers that have IPv6 alone: a guest's page, and two of our own programs over WebRTC."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from netstack.service.guest_channel import GuestChannel
from netstack.wire.chat import Text, decode
from tests.kernel.namespaces import Host
from tests.webrtc.chromium import browser
from tests.webrtc.door import receive
from tests.webrtc.lan import APP6, GUEST6, lan
from tests.webrtc.test_two_apps import talk as two_apps
from tests.webrtc.visit import join, say

# With its addresses hidden by mDNS names Chromium gathers for ever where there is no IPv4.
SHOWN = "--disable-features=WebRtcHideLocalIpsWithMdns"

pytestmark = [pytest.mark.webrtc, pytest.mark.timeout(120)]


@pytest.fixture(scope="module")
def wire6(wire: object) -> Iterator[tuple[Host, Host]]:
    with lan(64, APP6, GUEST6) as hosts:
        yield hosts


def test_a_guest_by_ipv6(wire6: tuple[Host, Host]) -> None:
    app, guest = wire6

    async def talk(channel: GuestChannel) -> str:
        assert decode((await channel.receive()).data) == Text("by IPv6")
        pair = channel.channels.selected
        assert pair is not None
        return pair.remote.address.host

    opened, told = receive(app, talk)
    door = opened.result(20)
    assert door.link.startswith(f"http://[{APP6}]:21118/guest#")

    async def visit() -> list[str]:
        async with browser(SHOWN) as chromium:
            page = await chromium.page(door.link)
            await join(page)
            await say(page, "by IPv6")
            await page.until("document.querySelector('.line.mine .good')")
            return page.errors

    assert guest.run(visit(), timeout_s=40) == []
    assert told.result(10) == GUEST6


def test_two_apps_by_ipv6(wire6: tuple[Host, Host], tmp_path: Path) -> None:
    assert two_apps(*wire6, f"[{APP6}]", tmp_path, "guest")["remote"].startswith(f"[{APP6}]")
