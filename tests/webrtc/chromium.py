"""Chromium without a driver: JSON over the pipes of `--remote-debugging-pipe`, messages ended by a zero byte."""

import asyncio
import base64
import itertools
import json
import os
import shutil
import signal
import sys
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

PROGRAM = shutil.which("chromium")
FLAGS = (
    *("--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run"),
    *(
        "--disable-background-networking",
        "--disable-component-update",
        "--disable-sync",
        "--disable-extensions",
    ),
    *("--disable-default-apps", "--mute-audio", "--remote-debugging-pipe"),
)

# The browser's are 3 and 4, which may be taken on our side.
PLACE_PIPES = """
import fcntl, os, sys
pipes = [fcntl.fcntl(int(number), fcntl.F_DUPFD, 10) for number in sys.argv[1:3]]
for number, pipe in enumerate(pipes, 3):
    os.dup2(pipe, number)
os.execv(sys.argv[3], sys.argv[3:])
"""


class Page:
    """One tab. What the page's console says as an error is in `errors`."""

    def __init__(self, browser: "Browser", session: str) -> None:
        self._browser = browser
        self.session = session
        self.errors: list[str] = []

    async def call(self, method: str, **parameters: object) -> Any:
        return await self._browser.call(method, session=self.session, **parameters)

    async def evaluate(self, expression: str) -> Any:
        """The value of an expression; a promise is waited for."""
        told = await self.call(
            "Runtime.evaluate", expression=expression, awaitPromise=True, returnByValue=True
        )
        if "exceptionDetails" in told:
            raise RuntimeError(json.dumps(told["exceptionDetails"])[:2000])
        return told["result"].get("value")

    async def open(self, url: str) -> None:
        await self.call("Page.navigate", url=url)
        await self.until("document.readyState === 'complete' && location.href !== 'about:blank'")

    async def until(self, condition: str, *, timeout_s: float = 20) -> None:
        """Waits until a condition of the page holds."""
        try:
            async with asyncio.timeout(timeout_s):
                while True:
                    with suppress(RuntimeError):  # the page is just changing
                        if await self.evaluate(f"Boolean({condition})"):
                            return
                    await asyncio.sleep(0.02)
        except TimeoutError:
            text = await self.evaluate(
                "document.body.innerText + [...document.querySelectorAll('#steps li')].map((step) => step.className)"
            )
            raise AssertionError(
                f"{condition} did not come true; the page says: {text!r}; {self.errors}"
            ) from None

    async def picture(self, path: Path) -> None:
        shown = await self.call("Page.captureScreenshot", format="png", captureBeyondViewport=False)
        await asyncio.to_thread(path.write_bytes, base64.b64decode(shown["data"]))

    async def look(self, width: int, height: int, *, dark: bool = False, phone: bool = False) -> None:
        """A screen of that size, in light or dark."""
        await self.call(
            "Emulation.setDeviceMetricsOverride",
            width=width,
            height=height,
            deviceScaleFactor=2 if phone else 1,
            mobile=phone,
        )
        scheme = [{"name": "prefers-color-scheme", "value": "dark" if dark else "light"}]
        await self.call("Emulation.setEmulatedMedia", features=scheme)


class Browser:
    """A running Chromium; it lives in the network namespace of the thread that starts it."""

    def __init__(
        self, process: asyncio.subprocess.Process, reader: asyncio.StreamReader, write_to: int
    ) -> None:
        self.process = process
        self._reader = reader
        self._write_to = write_to
        self._numbers = itertools.count(1)
        self._answers: dict[int, asyncio.Future[Any]] = {}
        self._pages: dict[str, Page] = {}

    async def call(self, method: str, *, session: str = "", **parameters: object) -> Any:
        number = next(self._numbers)
        answer = self._answers[number] = asyncio.get_running_loop().create_future()
        asked: dict[str, object] = {"id": number, "method": method, "params": parameters}
        if session:
            asked["sessionId"] = session
        os.write(self._write_to, json.dumps(asked).encode() + b"\0")
        async with asyncio.timeout(30):
            return await answer

    async def read(self) -> None:
        """Takes what the browser says until it is gone."""
        with suppress(asyncio.IncompleteReadError):
            while True:
                told = json.loads((await self._reader.readuntil(b"\0"))[:-1])
                if (answer := self._answers.pop(told.get("id", 0), None)) is not None and not answer.done():
                    if "error" in told:
                        answer.set_exception(RuntimeError(told["error"]["message"]))
                    else:
                        answer.set_result(told["result"])
                elif (page := self._pages.get(told.get("sessionId", ""))) is not None:
                    if told["method"] == "Runtime.exceptionThrown":
                        page.errors.append(json.dumps(told["params"]["exceptionDetails"])[:500])
                    elif told["method"] == "Log.entryAdded" and told["params"]["entry"]["level"] == "error":
                        page.errors.append(json.dumps(told["params"]["entry"])[:500])

    async def page(self, url: str = "about:blank") -> Page:
        target = (await self.call("Target.createTarget", url="about:blank"))["targetId"]
        session = (await self.call("Target.attachToTarget", targetId=target, flatten=True))["sessionId"]
        page = self._pages[session] = Page(self, session)
        for domain in ("Page", "Runtime", "Log"):
            await page.call(f"{domain}.enable")
        if url != "about:blank":
            await page.open(url)
        return page

    def kill(self) -> None:
        """All of its processes at once, as a crash or the battery's end would."""
        with suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)


@asynccontextmanager
async def browser(*flags: str) -> AsyncIterator[Browser]:
    """Starts Chromium with a profile of its own; ended and removed with everything it started."""
    assert PROGRAM is not None
    theirs_in, ours_out = os.pipe()
    ours_in, theirs_out = os.pipe()
    with tempfile.TemporaryDirectory(prefix="chromium-", ignore_cleanup_errors=True) as profile:
        command = [PROGRAM, *FLAGS, *flags, f"--user-data-dir={profile}", "about:blank"]
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-S", "-c", PLACE_PIPES, str(theirs_in), str(theirs_out), *command),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.DEVNULL,
            pass_fds=(theirs_in, theirs_out),
            start_new_session=True,
            env={**os.environ, "HOME": profile},
        )
        os.close(theirs_in)
        os.close(theirs_out)
        loop = asyncio.get_running_loop()
        reader = asyncio.StreamReader(limit=1 << 26)
        transport, _ = await loop.connect_read_pipe(
            lambda: asyncio.StreamReaderProtocol(reader), os.fdopen(ours_in, "rb", buffering=0)
        )
        running = Browser(process, reader, ours_out)
        reading = loop.create_task(running.read())
        try:
            yield running
        finally:
            running.kill()
            await process.wait()
            reading.cancel()
            with suppress(asyncio.CancelledError):
                await reading
            transport.close()
            os.close(ours_out)
