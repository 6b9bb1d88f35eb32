"""`peerscope host` and `join` as programs on BlueZ; the other person is our own stack on Bumble."""

import asyncio
import json
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

from tests.radio.checks import World, check, shell, until
from tests.radio.session_checks import bumble_radio

if TYPE_CHECKING:
    from netstack.radio.protocol import Radio
    from netstack.service.attempt import Met
    from netstack.service.chat import Chat
    from netstack.service.peers import Peers

EVENT_S = 90.0
NETWORK = "peerscope0"
ADDRESS = "192.0.2.1"


class Command:
    """A running `peerscope` that prints JSON lines."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process
        self.events: list[dict[str, Any]] = []

    async def event(self, name: str) -> dict[str, Any]:
        """Reads on until an event of this name."""
        assert self._process.stdout is not None
        async with asyncio.timeout(EVENT_S):
            while line := await self._process.stdout.readline():
                self.events.append(json.loads(line))
                if self.events[-1]["event"] == name:
                    return self.events[-1]
        raise AssertionError(f"it ended without {name}: {self.events}")

    async def ended(self) -> int:
        """Its exit code."""
        async with asyncio.timeout(EVENT_S):
            return await self._process.wait()


@asynccontextmanager
async def peerscope(*arguments: str) -> AsyncIterator[Command]:
    """Starts the program; it is ended with the check."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-B", "-m", "app", *arguments, "--format", "jsonl"),
        stdout=asyncio.subprocess.PIPE,
    )
    try:
        yield Command(process)
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


@asynccontextmanager
async def network() -> AsyncIterator[None]:
    """A network that both have, for as long as it is entered."""
    said = await shell(
        "ip link set lo mtu 1500 && "  # which carries what a computer sends itself; 64 KB packets are much for this one
        f"ip link add {NETWORK} type dummy && ip address add {ADDRESS}/24 dev {NETWORK} && ip link set {NETWORK} up"
    )
    assert not said, said
    try:
        yield
    finally:
        await shell(f"ip link delete {NETWORK}")


@asynccontextmanager
async def other_person(radio: "Radio") -> "AsyncIterator[Peers]":
    """Somebody with our stack on another radio."""
    from netstack.core.identity import Identity
    from netstack.net.system import SystemNet
    from netstack.service.peer_book import PeerBook
    from netstack.service.peers import Peers
    from tests.radio.virtual import opener

    net = SystemNet()
    identity = Identity(net.random_bytes(32))
    person = Peers(net, identity, PeerBook(), name="Ben", open_radio=opener(radio))
    try:
        yield person
    finally:
        await person.close()


@asynccontextmanager
async def chatting(met: "Met", *, echo: bool = False) -> "AsyncIterator[Chat]":
    """The other person's side of a talk."""
    from netstack.net.system import SystemNet
    from netstack.service.chat import Chat
    from netstack.tasks import TaskScope

    known = met.established
    chat = Chat(SystemNet(), met.connection, peer_key=known.peer_key, initiator=known.initiator, echo=echo)
    async with TaskScope("talk") as tasks:
        tasks.start(chat.run(), "chat")
        yield chat
        met.connection.close()


@check
async def the_host_command_echoes_over_bluetooth_and_moves_to_a_network_that_comes(world: World) -> None:
    from netstack.core.session_code import parse_session_code
    from netstack.model.chat import Mark, Payload
    from netstack.model.meeting import Role
    from netstack.rendezvous.ble import BleDriver
    from tests.radio.virtual import opener

    async with (
        bumble_radio(world) as radio,
        other_person(radio) as ben,
        peerscope("host", "--via", "ble", "--name", "Anna") as host,
    ):
        code = parse_session_code((await host.event("code"))["code"])
        met = await ben.meet(Role.GUEST, code, [BleDriver(opener(radio))])
        assert (met.reached.transport.value, met.name) == ("ble", "Anna")
        connected = await host.event("connected")
        assert (connected["transport"], connected["peer"]) == ("ble", "Ben")
        assert connected["safety_digits"] == met.established.safety_digits
        async with chatting(met) as chat:
            sent = await chat.send_text("are you there?")
            assert sent.transport == "ble"
            await until(lambda: any(line.text == "are you there?" for line in chat.lines if not line.mine))
            await chat.send_payload(Payload(4000))
            await until(lambda: any(line.mark is Mark.RETURNED for line in chat.lines))
            async with network():
                assert (await host.event("path"))["transport"] == "udp"
                assert (await chat.send_text("by the network now?")).transport == "udp"
        assert (await host.event("closed"))["reason"] == "done"
        assert await host.ended() == 0


@check
async def the_join_command_talks_over_bluetooth_alone(world: World) -> None:
    from netstack.core.session_code import SessionCode
    from netstack.model.meeting import Role
    from netstack.model.session import TransportKind
    from netstack.net.system import SystemNet
    from netstack.rendezvous.ble import BleDriver
    from netstack.service.attempt import Attempt
    from tests.radio.virtual import opener

    code = SessionCode.make(SystemNet().random_bytes)
    async with (
        bumble_radio(world) as radio,
        other_person(radio) as ben,
        peerscope(
            "join",
            str(code),
            *("--via", "ble", "--transport", "ble"),
            *("--send", "hello", "--send-bytes", "4000"),
        ) as join,
    ):
        met = await ben.meet(Role.HOST, code, [BleDriver(opener(radio))], Attempt(only=TransportKind.BLE))
        async with chatting(met, echo=True) as chat:
            connected = await join.event("connected")
            assert (connected["transport"], connected["peer"]) == ("ble", "Ben")
            assert connected["rtt_s"] > 0
            text = await join.event("message")
            assert (text["text"], text["transport"]) == ("hello", "ble")
            assert await join.ended() == 0
            assert any(line.text == "hello" for line in chat.lines if not line.mine)
