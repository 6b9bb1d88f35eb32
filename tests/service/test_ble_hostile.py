"""Whatever a device says, the Bluetooth desk keeps a bounded, printable, counted picture of it."""

import asyncio
import random
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import msgspec
import pytest

from app.presenters.bluetooth import present
from app.presenters.bluetooth_rows import COLUMNS, export_csv, export_json
from netstack.lab.clock import VirtualTimeLoop
from netstack.model.ble import Bond, Characteristic, Heard, Preflight, Service
from netstack.model.bluetooth import BleState
from netstack.model.bluetooth_error import BluetoothError
from netstack.service.ble import MAX_CHARACTERISTICS, MAX_NOTIFICATIONS, BleDesk
from netstack.service.ble_devices import MAX_DEVICES, MAX_NAME
from tests.service.test_ble import Clock

CONTROLS = "".join(map(chr, (*range(32), *range(0x7F, 0xA0), 0x202E, 0x2028, 0xFEFF, 0xD800)))
STATE_BYTES = 4_000_000


class HostileLink:
    """A device whose every answer is drawn; it lies about sizes, and floods."""

    parameters = None
    mtu_bytes = None
    address = "F0:00:00:00:00:01"

    def __init__(self, draw: random.Random) -> None:
        self._draw = draw
        self.is_open = True
        self.told: dict[int, Callable[[bytes], None]] = {}
        self.services = tuple(
            Service(
                number * 100,
                _uuid(draw),
                tuple(
                    Characteristic(
                        number * 100 + each,
                        _uuid(draw),
                        tuple(draw.sample(("read", "write", "notify", "no such property"), 2)),
                        tuple(_uuid(draw) for _ in range(draw.choice((0, 1, 40)))),
                    )
                    for each in range(1, draw.choice((1, 40, 99)))
                ),
            )
            for number in range(draw.choice((1, 60, 600)))
        )

    async def read(self, handle: int) -> bytes:
        if self._draw.random() < 0.3:
            raise BluetoothError(self._draw.choice(list(BluetoothError.Reason)))
        return self._draw.randbytes(512)

    async def write(self, handle: int, data: bytes, *, response: bool) -> None:
        raise BluetoothError(BluetoothError.Reason.BAD_VALUE)

    async def subscribe(self, handle: int, told: Callable[[bytes], None]) -> None:
        self.told[handle] = told

    async def unsubscribe(self, handle: int) -> None:
        self.told.pop(handle, None)

    async def close(self) -> None:
        self.is_open = False


class HostileRadio:
    """Advertises as thousands of devices."""

    ask: Any = None

    def __init__(self, draw: random.Random) -> None:
        self._draw = draw
        self.link = HostileLink(draw)

    async def preflight(self) -> Preflight:
        return Preflight(can_join=True)

    @asynccontextmanager
    async def scanning(
        self, heard: Callable[[Heard], None], _uuids: tuple[str, ...] = ()
    ) -> AsyncIterator[None]:
        for _ in range(5000):
            heard(_advertisement(self._draw))
        yield

    async def connect(self, address: str, lost: Callable[[], None]) -> HostileLink:
        return self.link

    async def bonds(self) -> tuple[Bond, ...]:
        return tuple(Bond(f"{number}", CONTROLS * 16) for number in range(2000))

    async def close(self) -> None:
        pass


def _uuid(draw: random.Random) -> str:
    return draw.choice(
        (f"0000{draw.randrange(1 << 16):04x}-0000-1000-8000-00805f9b34fb", "8a3c6b10", "", "x" * 600)
    )


def _advertisement(draw: random.Random) -> Heard:
    return Heard(
        address=f"F0:00:00:00:{draw.randrange(8):02X}:{draw.randrange(256):02X}",
        name=draw.choice(("", CONTROLS * 8, "=cmd|'/c calc'!A0", "x" * 512, '"",\n')),
        rssi_dbm=draw.choice((None, -300, 127, -60)),
        tx_power_dbm=draw.choice((None, -128, 127)),
        service_uuids=tuple(_uuid(draw) for _ in range(draw.randrange(60))),
        company_id=draw.choice((None, 0, 0xFFFF, 0x1234)),
        company_data=draw.randbytes(draw.choice((0, 1650))),
        at_s=draw.random() * 100,
    )


@pytest.mark.parametrize("seed", range(4))
def test_what_is_kept_and_shown_of_hostile_devices_is_bounded(seed: int) -> None:
    newest = BleState()

    def changed(state: BleState) -> None:
        nonlocal newest
        newest = state

    async def main() -> None:
        radio = HostileRadio(random.Random(seed))
        desk = BleDesk(Clock(), lambda: _at_once(radio), changed)  # type: ignore[arg-type]
        scan = asyncio.get_running_loop().create_task(desk.scan())
        await asyncio.sleep(1)
        assert (len(newest.devices), newest.crowded > 0) == (MAX_DEVICES, True)
        scan.cancel()
        await desk.connect(radio.link.address)
        link = newest.link
        assert link is not None
        values = [each for service in link.services for each in service.characteristics]
        inside = sum(len(service.characteristics) for service in radio.link.services)
        assert len(values) <= MAX_CHARACTERISTICS
        assert len(values) + link.left_out == inside
        await desk.read_all()
        for each in values[:20]:
            await desk.notify(each.handle, True)
        flood = random.Random(seed).randbytes(4096)
        for _ in range(2000):
            for told in radio.link.told.values():
                told(flood)
        await asyncio.sleep(1)
        assert newest.link is not None
        assert len(newest.link.notifications) <= MAX_NOTIFICATIONS
        counted = {each.notified for service in newest.link.services for each in service.characteristics}
        assert counted <= {0, 2000}
        await desk.close()

    with asyncio.Runner(loop_factory=VirtualTimeLoop) as runner:
        runner.run(main())
    assert len(msgspec.json.encode(newest)) < STATE_BYTES
    view = present(newest)
    words = (
        [row.cells[0] for row in view.rows]
        + [row.note for row in view.rows]
        + [row.name for row in view.bonds]
    )
    assert all(each.isprintable() and len(each) <= MAX_NAME + 40 for each in words)
    assert all(len(row.cells) == len(COLUMNS) for row in view.rows)
    assert len(view.bonds) <= MAX_DEVICES
    assert export_json(newest.devices)
    assert all(
        not line.split(",")[1].startswith(('"=', "=")) for line in export_csv(newest.devices).splitlines()
    )


async def _at_once(radio: HostileRadio) -> HostileRadio:
    return radio
