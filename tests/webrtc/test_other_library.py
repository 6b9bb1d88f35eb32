"""libdatachannel as a guest: the page's own connection on a WebRTC stack that is neither a browser's nor aiortc's."""

import json
import shutil
import subprocess
from pathlib import Path

import pytest

from netstack.model.session import Mode, Priority
from netstack.service.guest_channel import GuestChannel
from netstack.wire.chat import PayloadPart, Text, decode, encode
from tests.kernel.namespaces import Host
from tests.webrtc.door import receive, until

pytestmark = [pytest.mark.webrtc, pytest.mark.timeout(120)]

FOLDER = Path(__file__).parent / "peer"


@pytest.fixture(scope="module")
def node() -> str:
    """Node, with the library beside the script: the stage before has installed it, or this does."""
    found, npm = shutil.which("node"), shutil.which("npm")
    if found is None or npm is None:
        pytest.skip("node or npm is not installed")
    if not (FOLDER / "node_modules" / "node-datachannel").is_dir():
        subprocess.run(
            [npm, "ci", "--ignore-scripts", "--no-audit", "--no-fund"], cwd=FOLDER, check=True, timeout=90
        )
    return found


def test_words_and_large_messages_both_ways(wire: tuple[Host, Host], node: str) -> None:
    app, guest = wire
    block = bytes(range(256)) * 1000

    async def talk(channel: GuestChannel) -> bytes:
        assert decode((await channel.receive()).data) == Text("hello Ana")
        await channel.deliver(encode(Text("hello")), Priority.REALTIME, Mode.ORDERED)
        await channel.deliver(encode(PayloadPart(1, 1, len(block), 0, block)), Priority.BULK, Mode.ORDERED)
        back = decode((await channel.receive()).data)
        await until(lambda: channel.summary().n >= 3)
        await channel.deliver(encode(Text("bye")), Priority.REALTIME, Mode.ORDERED)
        await until(lambda: channel.closed)
        assert isinstance(back, PayloadPart)
        return back.data

    opened, told = receive(app, talk)
    script = (node, "--experimental-websocket", "--no-warnings", str(FOLDER / "guest.mjs"))
    done = guest.call(*script, opened.result(20).link, "hello Ana", check=False, timeout_s=40)
    assert told.result(20) == block, done.stderr
    events = [json.loads(line) for line in done.stdout.splitlines()]
    assert [event["name"] for event in events if event["event"] == "stage"] == [
        "reaching",
        "connecting",
        "proving",
    ]
    assert [event["text"] for event in events if event["event"] == "text"] == ["hello", "bye"]
    assert events[-1] == {"event": "closed", "reason": "me"}
