"""The checks that run in the guest, in their order. Heavy libraries are imported by the checks themselves."""

import asyncio
import subprocess
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from tests.radio.peer import Peer


class World:
    """What checks share: BlueZ once it runs, and the device on the second controller."""

    peer: "Peer"

    def __init__(self, start_bluetoothd: "Callable[[], subprocess.Popen[bytes]]") -> None:
        self.start_bluetoothd = start_bluetoothd


class Check(NamedTuple):
    """A named behaviour."""

    name: str
    run: Callable[[World], Awaitable[None]]


CHECKS: list[Check] = []


def check(function: Callable[[World], Awaitable[None]]) -> Callable[[World], Awaitable[None]]:
    """Adds a check; its name is the function's, in words."""
    CHECKS.append(Check(function.__name__.replace("_", " "), function))
    return function


@check
async def bluez_and_the_peer_come_up(world: World) -> None:
    from tests.radio.peer import Peer

    world.start_bluetoothd()
    world.peer = await Peer.start("hci-socket:1")
    for _ in range(100):
        done = await asyncio.to_thread(
            subprocess.run, ["btmgmt", "-i", "0", "power", "on"], capture_output=True, text=True, check=False
        )
        if "succe" in done.stdout or "complete" in done.stdout:
            return
        await asyncio.sleep(0.1)
    raise AssertionError(done.stdout + done.stderr)


@check
async def one_gatt_echo(world: World) -> None:
    from bleak import BleakClient, BleakScanner

    from tests.radio.peer import ECHO_NOTIFY, ECHO_WRITE, NAME

    device = await BleakScanner.find_device_by_name(NAME, timeout=10)
    assert device is not None
    assert device.address == world.peer.address
    heard: asyncio.Queue[bytes] = asyncio.Queue()
    async with BleakClient(device) as client:
        await client.start_notify(ECHO_NOTIFY, lambda _, data: heard.put_nowait(bytes(data)))
        await client.write_gatt_char(ECHO_WRITE, b"are you there?", response=False)
        assert await asyncio.wait_for(heard.get(), 5) == b"are you there?"
