"""What the Bluetooth page starts: each button a call of the Node's desk."""

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING

from app.actions import Action, Actions
from app.engine import Engine
from app.panels.bluetooth import BluetoothActions

if TYPE_CHECKING:
    from netstack.service.ble import BleDesk


def bluetooth_actions(actions: Actions, engine: Engine) -> BluetoothActions:
    """The page's actions."""

    def at_desk(name: str, work: "Callable[..., Awaitable[object]]", *, quiet: bool = False) -> Action:
        async def act(*arguments: object) -> None:
            await engine.call(lambda node: work(node.bluetooth, *arguments), name)

        return actions.add(name, act, quiet=quiet)

    async def clear(desk: "BleDesk") -> None:
        desk.clear()

    async def answer(desk: "BleDesk", number: int, value: int | bool) -> None:
        desk.answer(number, value)

    return BluetoothActions(
        look=at_desk("Bluetooth preflight", lambda desk: desk.look()),
        scan=at_desk("Bluetooth scan", lambda desk: desk.scan()),
        clear=at_desk("Bluetooth list", clear, quiet=True),
        connect=at_desk("Bluetooth connection", lambda desk, address: desk.connect(address)),
        disconnect=at_desk("Bluetooth farewell", lambda desk: desk.disconnect()),
        read=at_desk("Bluetooth value", lambda desk, handle: desk.read(handle), quiet=True),
        read_all=at_desk("Bluetooth values", lambda desk: desk.read_all()),
        write=at_desk(
            "Bluetooth writing",
            lambda desk, handle, value, response: desk.write(handle, value, response=response),
        ),
        notify=at_desk("Bluetooth notifications", lambda desk, handle, on: desk.notify(handle, on)),
        pair=at_desk("Bluetooth pairing", lambda desk: desk.pair()),
        unpair=at_desk("Bluetooth unpairing", lambda desk, address: desk.unpair(address)),
        answer=at_desk("Bluetooth answer", answer, quiet=True),
    )
