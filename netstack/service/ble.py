"""What a person does with Bluetooth: look around, look into a device, pair. One state, which the window shows."""

import asyncio
import itertools
from collections import deque
from collections.abc import Awaitable, Callable, Iterable, Iterator
from contextlib import contextmanager, suppress

import msgspec

from netstack.core.ble_value import MAX_VALUE_BYTES
from netstack.errors import InputError
from netstack.model.ble import Bond, Characteristic, Preflight, Question, QuestionKind, Service
from netstack.model.bluetooth import (
    BleState,
    CharacteristicState,
    LinkPhase,
    LinkState,
    Named,
    NotifyLine,
    PairingQuestion,
    ServiceState,
)
from netstack.model.bluetooth_error import BluetoothError
from netstack.net.protocol import Net
from netstack.radio.assigned_names import uuid_name
from netstack.radio.protocol import GattLink, Radio
from netstack.service.ble_devices import MAX_DEVICES, BleDevices, printable
from netstack.tasks import TaskScope

SHOW_EVERY_S = 0.5
AGE_EVERY_S = 5.0
ANSWER_S = 60.0
MAX_NOTIFICATIONS = 500
MAX_CHARACTERISTICS = 512
MAX_DESCRIPTORS = 16
Reason = BluetoothError.Reason


class BleDesk:
    """`radio` opens the radio at its first use. `changed` gets every new state.

    `display` is what a device of the lab shows on its display, by its address: nobody can look at it.
    """

    def __init__(
        self, net: Net, radio: Callable[[], Awaitable[Radio]], changed: Callable[[BleState], None]
    ) -> None:
        self._net = net
        self._open_radio = radio
        self._opened: Radio | None = None
        self._opening = asyncio.Lock()
        self._changed = changed
        self._devices = BleDevices()
        self._link: GattLink | None = None
        self._log: deque[NotifyLine] = deque(maxlen=MAX_NOTIFICATIONS)
        self._values: dict[int, CharacteristicState] = {}
        self._numbers = itertools.count(1)
        self._answers: dict[int, asyncio.Future[int | bool]] = {}
        self._deadline_s = 0.0
        self._tasks = TaskScope("bluetooth page")
        self._showing: asyncio.Task[None] | None = None
        self.display: Callable[[str], int | None] = lambda _: None
        self.state = BleState()

    async def look(self) -> Preflight:
        """What stands in the way of Bluetooth, and who is paired with this computer. Never fails."""
        self._forget_failure()
        preflight = await (await self._radio()).preflight()
        self._set(preflight=preflight)
        if preflight.failure is None:
            with suppress(BluetoothError):
                await self._read_bonds()
        return preflight

    async def scan(self, service_uuids: tuple[str, ...] = ()) -> None:
        """Looks around until it is cancelled. Raises BluetoothError where nothing can be heard."""
        preflight = await self.look()
        if preflight.failure is not None:
            raise BluetoothError(Reason(preflight.failure))
        with self._telling():
            async with (await self._radio()).scanning(self._devices.add, service_uuids):
                self._keep_showing()
                self._set(scanning=True)
                try:
                    await asyncio.Event().wait()
                finally:
                    self._set(scanning=False)

    def clear(self) -> None:
        """Forgets who was heard."""
        self._devices.clear()
        self._show()

    async def connect(self, address: str) -> None:
        """Connects to a device and looks inside; another one that was connected is left. Raises BluetoothError."""
        await self.disconnect()
        self._log.clear()
        self._values.clear()
        link = LinkState(address=address, name=self._devices.name(address), bonded=self._is_bonded(address))
        self._set(link=link)
        try:
            with self._telling():
                self._link = await (await self._radio()).connect(address, self._lost)
        except BaseException:
            self._set(link=None)
            raise
        self._keep_showing()
        self._set_link(
            phase=LinkPhase.CONNECTED if self._link.is_open else LinkPhase.LOST,
            mtu_bytes=self._link.mtu_bytes,
            parameters=self._link.parameters,
            **_inside(self._link.services),
        )
        self._show()

    async def disconnect(self) -> None:
        """Leaves the device; nothing happens where there is none."""
        link, self._link = self._link, None
        if link is not None:
            await link.close()
        if self.state.link is not None:
            self._set(link=None)
            self._show()

    async def read(self, handle: int) -> bytes:
        """Reads a value. Raises BluetoothError, which stands beside the value too."""
        with self._on(handle) as link:
            value = await link.read(handle)
            self._set_characteristic(handle, value=value.hex(), failure_text="")
            return value

    async def read_all(self) -> None:
        """Reads whatever may be read; what cannot be had is said beside the value. Raises BluetoothError LOST."""
        services = () if self.state.link is None else self.state.link.services
        for each in [each for service in services for each in service.characteristics]:
            if "read" in each.properties:
                with suppress(BluetoothError):
                    await self.read(each.handle)
                self._open_link()
        self._forget_failure()

    async def write(self, handle: int, value: bytes, *, response: bool) -> None:
        """Writes a value. Raises BluetoothError, InputError where it is too long for any device."""
        if len(value) > MAX_VALUE_BYTES:
            raise InputError(InputError.Reason.USAGE, f"a value has {MAX_VALUE_BYTES} bytes at most")
        with self._on(handle) as link:
            await link.write(handle, value, response=response)
            self._set_characteristic(handle, failure_text="")

    async def notify(self, handle: int, wanted: bool) -> None:
        """Begins or ends notifications. Raises BluetoothError."""
        with self._on(handle) as link:
            if wanted:
                await link.subscribe(handle, lambda value: self._notified(handle, value))
            else:
                await link.unsubscribe(handle)
            self._set_characteristic(handle, notifying=wanted, failure_text="")

    async def pair(self) -> None:
        """Pairs with the connected device; questions stand in the state until `answer`. Raises BluetoothError."""
        link = self._open_link()
        self._set_link(pairing=True)
        try:
            with self._telling():
                await link.pair()
                await self._read_bonds()
        finally:
            self._set_link(pairing=False)

    async def unpair(self, address: str) -> None:
        """Forgets a bond. Raises BluetoothError."""
        with self._telling():
            await self._read_bonds()
            if not self._is_bonded(address):
                raise BluetoothError(Reason.NOT_FOUND, "it is not paired")
            await (await self._radio()).unpair(address)
            await self._read_bonds()

    def answer(self, number: int, value: int | bool) -> None:
        """Answers a question by its number; one that is over is left alone."""
        future = self._answers.get(number)
        if future is not None and not future.done():
            future.set_result(value)

    async def close(self) -> None:
        """Ends all. May be called twice."""
        await self._tasks.close()
        link, self._link = self._link, None
        if link is not None:
            await link.close()
        radio, self._opened = self._opened, None
        if radio is not None:
            await radio.close()

    async def _radio(self) -> Radio:
        async with self._opening:
            if self._opened is None:
                self._opened = await self._open_radio()
                self._opened.ask = self._ask
            return self._opened

    def _open_link(self) -> GattLink:
        if self._link is None or not self._link.is_open:
            raise BluetoothError(Reason.LOST)
        return self._link

    async def _ask(self, question: Question) -> int | bool:
        """One question at a time: a newer one ends the older. Who pressed Pair has agreed to it."""
        link = self.state.link
        if (
            question.kind is QuestionKind.CONFIRM
            and link is not None
            and link.pairing
            and link.address.upper() == question.address.upper()
        ):
            return True
        for future in self._answers.values():
            if not future.done():
                future.set_result(False)
        number = next(self._numbers)
        answer: asyncio.Future[int | bool] = asyncio.get_running_loop().create_future()
        self._answers[number] = answer
        self._deadline_s = self._net.now() + ANSWER_S
        asked = PairingQuestion(
            number,
            question.address,
            self._devices.name(question.address),
            question.kind,
            _six_digits(question.passkey),
            ANSWER_S,
        )
        self._set(question=asked)
        self._keep_showing()
        try:
            async with asyncio.timeout(ANSWER_S):
                return await answer
        except TimeoutError:
            return False
        finally:
            del self._answers[number]
            if self.state.question is not None and self.state.question.number == number:
                self._set(question=None)

    async def _read_bonds(self) -> None:
        bonds = (await (await self._radio()).bonds())[:MAX_DEVICES]
        self._set(bonds=tuple(Bond(each.address, printable(each.name), each.connected) for each in bonds))
        if self.state.link is not None:
            self._set_link(bonded=self._is_bonded(self.state.link.address))
        self._show()

    def _is_bonded(self, address: str) -> bool:
        return any(bond.address == address for bond in self.state.bonds)

    def _lost(self) -> None:
        if self._link is not None:  # else we ended it
            self._link = None
            self._set_link(phase=LinkPhase.LOST)
            self._tell(BluetoothError(Reason.LOST))

    def _notified(self, handle: int, value: bytes) -> None:
        state = self._characteristic(handle)
        if state is None:
            return
        shown = value[:MAX_VALUE_BYTES].hex()
        self._log.append(NotifyLine(self._net.wall_time(), handle, state.name or state.uuid, shown))
        self._values[handle] = msgspec.structs.replace(state, value=shown, notified=state.notified + 1)

    @contextmanager
    def _on(self, handle: int) -> Iterator[GattLink]:
        """A request about one value: what goes wrong stands beside it too."""
        with self._telling():
            try:
                yield self._open_link()
            except BluetoothError as error:
                self._set_characteristic(handle, failure_text=f"{error.sentence} {error.remedy}")
                raise

    @contextmanager
    def _telling(self) -> Iterator[None]:
        self._forget_failure()
        try:
            yield
        except BluetoothError as error:
            self._tell(error)
            raise

    def _tell(self, error: BluetoothError) -> None:
        self._set(failure=error.reason.value, failure_text=error.sentence, next_step=error.remedy)

    def _forget_failure(self) -> None:
        if self.state.failure is not None:
            self._set(failure=None, failure_text="", next_step="")

    def _characteristic(self, handle: int) -> CharacteristicState | None:
        if handle in self._values:
            return self._values[handle]
        services = () if self.state.link is None else self.state.link.services
        return next(
            (each for service in services for each in service.characteristics if each.handle == handle), None
        )

    def _set_characteristic(self, handle: int, **changes: object) -> None:
        state = self._characteristic(handle)
        if state is not None:
            self._values[handle] = msgspec.structs.replace(state, **changes)
            self._set(link=self._newest_link(self._net.now()))

    def _keep_showing(self) -> None:
        if self._showing is None or self._showing.done():
            self._showing = self._tasks.start(self._show_again_and_again(), "show")

    async def _show_again_and_again(self) -> None:
        while self.state.scanning or len(self._devices) or self._link is not None or self._answers:
            self._show()
            lively = self.state.scanning or self._link is not None or self._answers
            await asyncio.sleep(SHOW_EVERY_S if lively else AGE_EVERY_S)

    def _show(self) -> None:
        """Devices, the link and the question as of now."""
        now_s = self._net.now()
        link, question = self._newest_link(now_s), self.state.question
        if question is not None:
            question = msgspec.structs.replace(
                question,
                remaining_s=max(0.0, self._deadline_s - now_s),
                displayed=_six_digits(self.display(question.address)),
            )
        connected = None if link is None or link.phase is not LinkPhase.CONNECTED else link.address
        bonded = {bond.address for bond in self.state.bonds}
        self._set(
            devices=self._devices.state(now_s, bonded, connected),
            crowded=self._devices.crowded,
            link=link,
            question=question,
        )

    def _newest_link(self, now_s: float) -> LinkState | None:
        link = self.state.link
        if link is None:
            return None
        return msgspec.structs.replace(
            link,
            mtu_bytes=self._link.mtu_bytes if self._link is not None else link.mtu_bytes,
            name=link.name or self._devices.name(link.address),
            services=tuple(self._newest(service) for service in link.services),
            notifications=tuple(self._log),
            rssi_history=self._devices.history(link.address, now_s),
        )

    def _newest(self, service: ServiceState) -> ServiceState:
        found = tuple(self._values.get(each.handle, each) for each in service.characteristics)
        return (
            service
            if found == service.characteristics
            else msgspec.structs.replace(service, characteristics=found)
        )

    def _set_link(self, **changes: object) -> None:
        if self.state.link is not None:
            self._set(link=msgspec.structs.replace(self.state.link, **changes))

    def _set(self, **changes: object) -> None:
        self.state = msgspec.structs.replace(self.state, **changes)
        self._changed(self.state)


def _inside(services: Iterable[Service]) -> dict[str, object]:
    """What is in a device, with names; as many values as fit, and how many do not."""
    shown: list[ServiceState] = []
    left, left_out = MAX_CHARACTERISTICS, 0
    for service in services:
        taken = service.characteristics[:left]
        left -= len(taken)
        left_out += len(service.characteristics) - len(taken)
        if len(shown) < MAX_CHARACTERISTICS:
            shown.append(
                ServiceState(
                    service.handle, service.uuid, uuid_name(service.uuid), tuple(map(_characteristic, taken))
                )
            )
    return {"services": tuple(shown), "left_out": left_out}


def _characteristic(each: Characteristic) -> CharacteristicState:
    return CharacteristicState(
        handle=each.handle,
        uuid=each.uuid,
        name=uuid_name(each.uuid),
        properties=each.properties,
        descriptors=tuple(Named(uuid, uuid_name(uuid)) for uuid in each.descriptors[:MAX_DESCRIPTORS]),
    )


def _six_digits(passkey: int | None) -> str | None:
    return None if passkey is None else f"{passkey:06d}"
