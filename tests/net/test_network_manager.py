"""NetworkManager's word over a bus of our own: what it knows, what it does not, and that nobody waits for it."""

import asyncio
import shutil
import subprocess
import sys

import pytest

from netstack.net import network_manager
from netstack.net.network_manager import DEVICE, ROOT, SERVICE, read_metered

if sys.platform != "linux":
    pytest.skip("NetworkManager is Linux's", allow_module_level=True)

from dbus_fast import PropertyAccess
from dbus_fast.aio import MessageBus
from dbus_fast.service import ServiceInterface, dbus_method, dbus_property

# dbus-fast reads the annotations of a service as D-Bus signatures.
# ruff: noqa: F821


class Manager(ServiceInterface):
    """As much of NetworkManager as is asked."""

    def __init__(self, devices: list[str]) -> None:
        super().__init__(SERVICE)
        self.devices = devices

    @dbus_method()
    def GetDevices(self) -> "ao":  # type: ignore[name-defined]
        return self.devices


class Device(ServiceInterface):
    """One device."""

    def __init__(self, name: str, metered: int) -> None:
        super().__init__(DEVICE)
        self.device, self.metered = name, metered

    @dbus_property(access=PropertyAccess.READ)
    def Interface(self) -> "s":  # type: ignore[name-defined]
        return self.device

    @dbus_property(access=PropertyAccess.READ)
    def Metered(self) -> "u":  # type: ignore[name-defined]
        return self.metered


@pytest.fixture
def bus(monkeypatch):
    """The address of a bus that ends with the test."""
    if not shutil.which("dbus-daemon"):
        pytest.skip("needs dbus-daemon")
    daemon = subprocess.Popen(
        ["dbus-daemon", "--session", "--nofork", "--print-address"], stdout=subprocess.PIPE, text=True
    )
    try:
        assert daemon.stdout is not None
        address = daemon.stdout.readline().strip()
        monkeypatch.setenv("DBUS_SYSTEM_BUS_ADDRESS", address)
        yield address
    finally:
        daemon.terminate()
        daemon.wait()
        daemon.stdout.close()


async def serve(address: str, devices: list[tuple[str, int]]) -> MessageBus:
    served = await MessageBus(address).connect()
    paths = [f"{ROOT}/Devices/{number}" for number, _ in enumerate(devices)]
    served.export(ROOT, Manager([*paths, f"{ROOT}/Devices/gone"]))
    for path, device in zip(paths, devices, strict=True):
        served.export(path, Device(*device))
    await served.request_name(SERVICE)
    return served


async def test_what_is_known_is_told_and_what_is_not_is_left_out(bus: str) -> None:
    served = await serve(bus, [("eth0", 2), ("wlan0", 3), ("wwan0", 1), ("wlan1", 4), ("lo", 0), ("new", 99)])
    try:
        assert await read_metered() == {"eth0": False, "wlan0": True, "wwan0": True, "wlan1": False}
    finally:
        served.disconnect()


async def test_nobody_there_is_not_known(bus: str, monkeypatch) -> None:
    assert await read_metered() == {}
    for address in ("unix:path=/nowhere", "nonsense"):
        monkeypatch.setenv("DBUS_SYSTEM_BUS_ADDRESS", address)
        assert await read_metered() == {}


async def test_one_who_never_answers_is_not_waited_for(monkeypatch, tmp_path) -> None:
    monkeypatch.setattr(network_manager, "LIMIT_S", 0.05)

    gone = asyncio.Event()

    async def stay_silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()
        writer.close()
        await writer.wait_closed()
        gone.set()

    server = await asyncio.start_unix_server(stay_silent, tmp_path / "bus")
    monkeypatch.setenv("DBUS_SYSTEM_BUS_ADDRESS", f"unix:path={tmp_path / 'bus'}")
    try:
        assert await read_metered() == {}
        await gone.wait()  # the connection does not stay open
    finally:
        server.close()
