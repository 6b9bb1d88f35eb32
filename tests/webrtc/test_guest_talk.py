"""A guest in Chromium and the window's own desk: words, bytes and files both ways, and every way to leave."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from concurrent.futures import Future
from pathlib import Path
from typing import TypeVar

import pytest

from netstack.model.chat import FileState, Mark, Payload
from netstack.model.peers import Conversation, PeersState
from netstack.net.system import SystemNet
from netstack.service.path_watch import PathWatch
from netstack.service.peer_desk import PeerDesk
from tests.kernel.namespaces import Host
from tests.webrtc.chromium import Page, browser
from tests.webrtc.door import begin, until
from tests.webrtc.visit import join, press, say

pytestmark = [pytest.mark.webrtc, pytest.mark.timeout(120)]

T = TypeVar("T")


class Desk(PeerDesk):
    """Ana's, with a guest."""

    number = 0

    @property
    def round_trips(self) -> int:
        """Drawn on the Metrics page."""
        return sum(len(each.rtt.values) for each in self._watch.plot_data().series.values())

    @property
    def guest(self) -> Conversation:
        return next(each for each in self.state.conversations if each.number == self.number)


def entertain(
    app: Host, folder: Path, talk: Callable[[Desk], Awaitable[T]]
) -> tuple["Future[str]", "Future[T]"]:
    """The link, once there is one; and what `talk` returned, which begins when a guest has come."""
    link: Future[str] = Future()

    async def run() -> T:
        net = SystemNet()

        def changed(state: PeersState) -> None:
            if state.guest_invitation is not None and state.guest_invitation.link and not link.done():
                link.set_result(state.guest_invitation.link)

        watch = PathWatch(net, lambda _: None)
        desk = Desk(net, watch, changed, folder=folder, state=PeersState(name="Ana"), webrtc=True)
        await desk.start()
        try:
            desk.number = await desk.invite_guest()
            return await talk(desk)
        finally:
            await desk.close()
            await watch.close()

    return link, begin(app, run())


def visit(guest: Host, link: "Future[str]", act: Callable[[Page], Awaitable[None]]) -> None:
    async def run() -> None:
        async with browser() as chromium:
            page = await chromium.page(link.result(20))
            await join(page)
            await act(page)
            assert page.errors == []
            await page.evaluate("document.getElementById('leave').click()")
            await asyncio.sleep(0.1)

    guest.run(run(), timeout_s=50)


def test_words_and_bytes_are_measured_from_both_ends(wire: tuple[Host, Host], tmp_path: Path) -> None:
    app, guest = wire

    async def talk(desk: Desk) -> Conversation:
        await desk.send_text(desk.number, "hello Ben")
        await desk.send_payload(desk.number, Payload(3_000_000))
        await until(lambda: desk.guest.lines[1].mark is Mark.RETURNED)
        await until(lambda: len(desk.guest.lines) == 4 and desk.guest.guest.protocol)
        await until(lambda: desk.round_trips > 2)
        told = desk.guest
        await desk.send_text(desk.number, "bye")
        await until(lambda: desk.guest.ended)
        assert desk.guest.ended == "Ben has left."
        return told

    link, told = entertain(app, tmp_path, talk)

    async def act(page: Page) -> None:
        await page.until("document.querySelector('#lines').innerText.includes('hello Ben')")
        await page.evaluate("document.getElementById('bytes').click()")
        await press(page, "#bytes-form", "Send and measure")
        await page.until("document.querySelector('.line.mine .good')?.innerText.includes('came back whole')")
        await say(page, "hello Ana")
        await page.until("document.querySelector('#lines').innerText.includes('bye')")
        await page.evaluate("document.getElementById('leave').click()")
        await page.until("document.getElementById('headline').innerText === 'You have left.'")

    visit(guest, link, act)
    shown = told.result(20)
    assert (shown.name, shown.kind, shown.transport, shown.digits) == ("Ben", "local", "webrtc", "")
    assert shown.lines[0].mark is Mark.DELIVERED
    assert any(story.used for story in shown.stories)


def test_each_file_is_asked_about_on_either_side(wire: tuple[Host, Host], tmp_path: Path) -> None:
    app, guest = wire
    content = bytes(range(256)) * 3000
    (tmp_path / "map.bin").write_bytes(content)
    received = tmp_path / "received"

    async def talk(desk: Desk) -> None:
        await desk.send_files(desk.number, [str(tmp_path / "map.bin")])
        await until(lambda: any(file.mine and file.state is FileState.DONE for file in desk.guest.files))
        await until(lambda: any(not file.mine for file in desk.guest.files))
        theirs = next(file for file in desk.guest.files if not file.mine)
        assert (theirs.name, theirs.state) == ("log.txt", FileState.OFFERED)
        await desk.answer_file(desk.number, theirs.number, accept=True)
        await until(lambda: any(f.place for f in desk.guest.files))
        await until(lambda: desk.guest.ended)

    link, told = entertain(app, received, talk)

    async def act(page: Page) -> None:
        await press(page, "#files", "Take it")
        await page.until("document.querySelector('#files a')")
        await page.evaluate(
            "(() => { const given = new DataTransfer(); given.items.add(new File(['x'.repeat(700000)], 'log.txt'));"
            "const pick = document.getElementById('pick'); pick.files = given.files; pick.onchange(); })()"
        )
        await page.until("document.querySelectorAll('#files .good').length === 2")

    visit(guest, link, act)
    told.result(20)
    assert (received / "log.txt").read_bytes() == b"x" * 700_000


def test_a_killed_browser_is_noticed_within_three_seconds(wire: tuple[Host, Host], tmp_path: Path) -> None:
    app, guest = wire
    killed: Future[float] = Future()

    async def talk(desk: Desk) -> tuple[float, float]:
        await until(killed.done)
        await until(lambda: desk.guest.guest.silent)
        silent_s = time.monotonic() - killed.result()
        await until(lambda: desk.guest.ended, timeout_s=15)
        assert "does not answer any more" in desk.guest.ended
        return silent_s, time.monotonic() - killed.result()

    link, told = entertain(app, tmp_path, talk)

    async def run() -> None:
        async with browser() as chromium:
            await join(await chromium.page(link.result(20)))
            await asyncio.sleep(0.5)
            chromium.kill()
            killed.set_result(time.monotonic())

    guest.run(run(), timeout_s=40)
    silent_s, ended_s = told.result(30)
    assert silent_s < 3.0
    assert ended_s < 12.0


def test_the_app_that_leaves_is_noticed_at_once(wire: tuple[Host, Host], tmp_path: Path) -> None:
    app, guest = wire

    async def talk(desk: Desk) -> None:
        await desk.send_text(desk.number, "I must go")
        await desk.disconnect(desk.number)

    link, told = entertain(app, tmp_path, talk)

    async def act(page: Page) -> None:
        await page.until("document.getElementById('headline').innerText === 'Ana has ended it.'", timeout_s=3)

    visit(guest, link, act)
    told.result(10)
