"""Our pairing agent on BlueZ (`org.bluez.Agent1`): whatever BlueZ asks of a person is asked through one call."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress

from dbus_fast import DBusError
from dbus_fast.annotations import DBusObjectPath, DBusStr, DBusUInt16, DBusUInt32
from dbus_fast.service import ServiceInterface, dbus_method

from netstack.model.ble import Question, QuestionKind
from netstack.model.bluetooth_error import BluetoothError
from netstack.radio.bluez_bus import DEVICE, ROOT, BluezBus, BusError

PATH = "/org/peerscope/agent"
MANAGER = "org.bluez.AgentManager1"
ANSWER_S = 60.0
REJECTED, CANCELLED = "org.bluez.Error.Rejected", "org.bluez.Error.Canceled"


class PairingAgent(ServiceInterface):
    """Answers for this program's pairings, and for those that other devices begin.

    A question may take `ANSWER_S`; it is cancelled when BlueZ withdraws it.
    """

    def __init__(self, bus: BluezBus, ask: Callable[[Question], Awaitable[int | bool]]) -> None:
        super().__init__("org.bluez.Agent1")
        self.bus = bus
        bus.export(PATH, self)
        self._ask = ask
        self._asking: asyncio.Task[int | bool] | None = None
        self._shown: int | None = None
        self._asked: set[QuestionKind] = set()
        self._refused = False

    async def register(self) -> None:
        """Becomes the agent of this program, and the default one, if it is not. Raises BusError."""
        try:
            await self.bus.call(ROOT, MANAGER, "RegisterAgent", "os", [PATH, "KeyboardDisplay"])
        except BusError as error:
            if error.name != "org.bluez.Error.AlreadyExists":
                raise
        await self.bus.call(ROOT, MANAGER, "RequestDefaultAgent", "o", [PATH])

    def begin(self) -> None:
        """A pairing of ours begins."""
        self._asked.clear()
        self._refused = False

    def explain(self, failed: BluetoothError) -> BluetoothError:
        """Why a pairing failed that BlueZ only calls failed: refused here, or a passkey that was not the same."""
        if failed.reason is not BluetoothError.Reason.PAIRING_FAILED:
            return failed
        if self._refused:
            return BluetoothError(BluetoothError.Reason.REFUSED_HERE)
        if self._asked & {QuestionKind.ENTER, QuestionKind.SHOW}:
            return BluetoothError(BluetoothError.Reason.WRONG_PASSKEY)
        return failed

    def withdraw(self) -> None:
        """What is asked is no longer wanted."""
        self._shown = None
        if self._asking is not None:
            self._asking.cancel()
            self._asking = None

    async def _answer(self, device: str, kind: QuestionKind, passkey: int | None = None) -> int | bool:
        """Asks, one question at a time; a newer one ends the older."""
        self.withdraw()
        self._asked.add(kind)
        question = Question(_address(device), kind, passkey)
        asking = self._asking = self.bus.tasks.start(self._in_time(question), kind)
        await asyncio.wait([asking])
        if asking.cancelled():
            raise DBusError(CANCELLED, "withdrawn")
        answer = asking.result()
        if answer is False:
            self._refused = True
            raise DBusError(REJECTED, "refused by the user")
        return answer

    async def _in_time(self, question: Question) -> int | bool:
        try:
            async with asyncio.timeout(ANSWER_S):
                return await self._ask(question)
        except TimeoutError:
            return False

    @dbus_method("Release")
    def release(self) -> None:
        """BlueZ forgot the agent."""
        self.withdraw()

    @dbus_method("Cancel")
    def cancel(self) -> None:
        """The pairing ended, or went on without an answer."""
        self.withdraw()

    @dbus_method("RequestPinCode")
    def request_pin_code(self, device: DBusObjectPath) -> DBusStr:
        """A PIN, which only devices of classic Bluetooth ask for."""
        raise DBusError(REJECTED, "classic Bluetooth is not served")

    @dbus_method("DisplayPinCode")
    def display_pin_code(self, device: DBusObjectPath, code: DBusStr) -> None:
        """As above."""
        raise DBusError(REJECTED, "classic Bluetooth is not served")

    @dbus_method("RequestPasskey")
    async def request_passkey(self, device: DBusObjectPath) -> DBusUInt32:
        """The other device shows six digits; they are typed here."""
        return int(await self._answer(device, QuestionKind.ENTER))

    @dbus_method("DisplayPasskey")
    async def display_passkey(self, device: DBusObjectPath, passkey: DBusUInt32, entered: DBusUInt16) -> None:
        """Six digits to type on the other device; told again for each digit that is typed."""
        if self._shown == passkey:
            return
        self.withdraw()
        self._shown = passkey
        try:
            await self._answer_shown(device, passkey)
        finally:
            self._shown = None

    async def _answer_shown(self, device: str, passkey: int) -> None:
        try:
            await self._answer(device, QuestionKind.SHOW, passkey)
        except DBusError as error:
            if error.type == REJECTED:  # BlueZ does not wait for this answer
                await self._cancel_pairing(device)
            raise

    async def _cancel_pairing(self, device: str) -> None:
        with suppress(BusError):  # it has ended
            await self.bus.call(device, DEVICE, "CancelPairing")

    @dbus_method("RequestConfirmation")
    async def request_confirmation(self, device: DBusObjectPath, passkey: DBusUInt32) -> None:
        """Both show six digits: are they the same?"""
        await self._answer(device, QuestionKind.COMPARE, passkey)

    @dbus_method("RequestAuthorization")
    async def request_authorization(self, device: DBusObjectPath) -> None:
        """Just Works: the other device wants to pair, and nothing can be compared."""
        await self._answer(device, QuestionKind.CONFIRM)

    @dbus_method("AuthorizeService")
    async def authorize_service(self, device: DBusObjectPath, uuid: DBusStr) -> None:
        """A device that is not trusted uses a service."""
        await self._answer(device, QuestionKind.CONFIRM)


def _address(device: str) -> str:
    """/org/bluez/hci0/dev_F0_F1_F2_F3_F4_F5 -> F0:F1:F2:F3:F4:F5."""
    return device.rpartition("/dev_")[2].replace("_", ":")
