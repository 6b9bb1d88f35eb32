"""Who has not the whole link comes to nothing, and both sides say why; a page from a file needs no trust in http."""

import asyncio
from pathlib import Path

import pytest

from netstack.service.guest_channel import GuestChannel
from tests.kernel.namespaces import Host
from tests.webrtc.chromium import browser
from tests.webrtc.door import receive, until
from tests.webrtc.visit import join, refusal

pytestmark = [pytest.mark.webrtc, pytest.mark.timeout(120)]


async def wait(_: GuestChannel) -> None:
    await asyncio.sleep(0.2)


def tried(wire: tuple[Host, Host], change: str = "{whole}", act: str = "0") -> tuple[str, int]:
    """How the page fails with a changed fragment, or after running `act`; and how often the app has refused."""
    app, guest = wire
    opened, told = receive(app, wait)
    door = opened.result(20)
    place, _, whole = door.link.partition("#")
    fragment = change.format(whole=whole, first=whole[1:], last=whole[:-1])

    async def run() -> str:
        async with browser() as chromium:
            page = await chromium.page(f"{place}#{fragment}")
            await page.evaluate(act)
            failure = str(await refusal(page))
            await page.open("about:blank#left")
            await join(await chromium.page(door.link))  # the invitation has not suffered
            return failure

    failure = guest.run(run(), timeout_s=50)
    told.result(20)
    return failure, door.refused


@pytest.mark.parametrize(
    ("change", "failure"),
    [("_{first}", "fingerprint"), ("{last}_", "unreachable"), ("{last}", "malformed")],
)
def test_a_wrong_link_ends_before_anything_is_said(
    wire: tuple[Host, Host], change: str, failure: str
) -> None:
    assert tried(wire, change) == (failure, 0)


def test_who_knows_all_but_the_secret_is_refused(wire: tuple[Host, Host]) -> None:
    """A page that finds the mailbox and connects, but cannot prove the secret."""
    failure, refused = tried(wire, act="pact.proof = () => new Uint8Array(32)")
    assert failure in {"secret", "no-way"}  # whoever notices first
    assert refused >= 1


def test_a_link_is_good_for_one_guest(wire: tuple[Host, Host]) -> None:
    app, guest = wire

    async def stay(channel: GuestChannel) -> None:
        await until(lambda: channel.closed, timeout_s=30)

    opened, told = receive(app, stay)
    link = opened.result(20).link

    async def run() -> None:
        async with browser() as chromium:
            first, second = await chromium.page(link), await chromium.page(link)
            await join(first)
            assert await refusal(second) in {"unreachable", "absent"}
            await first.evaluate("document.getElementById('leave').click()")

    guest.run(run(), timeout_s=50)
    told.result(20)


def test_a_page_sent_as_a_file_joins_from_a_secure_context(wire: tuple[Host, Host], tmp_path: Path) -> None:
    app, guest = wire
    opened, told = receive(app, wait)
    file = tmp_path / "join-me.html"
    file.write_bytes(opened.result(20).page())

    async def run() -> None:
        async with browser() as chromium:
            page = await chromium.page(file.as_uri())
            assert await page.evaluate("isSecureContext")
            assert "Ana invites you" in await page.evaluate("document.body.innerText")
            await join(page)
            assert page.errors == []

    guest.run(run(), timeout_s=50)
    told.result(20)
