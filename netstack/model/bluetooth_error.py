"""Every way that Bluetooth fails, with whose side it is, a sentence, and what to do about it."""

from enum import StrEnum
from typing import ClassVar

from netstack.errors import Fault, PeerscopeError


class BluetoothError(PeerscopeError):
    """Bluetooth cannot be used, or not for this. `remedy` is what to do about it."""

    class Reason(StrEnum):
        """What is wrong. Down to `NO_CENTRAL` nothing works at all: the obstacles of the preflight."""

        NO_BUS = "no-bus"
        NO_SERVICE = "no-service"
        DENIED = "denied"
        NO_ADAPTER = "no-adapter"
        HELD = "held"
        SWITCHED_OFF = "switched-off"
        BLOCKED = "blocked"
        POWERED_OFF = "powered-off"
        NO_CENTRAL = "no-central"
        NO_PERIPHERAL = "no-peripheral"
        NOT_RUN_HERE = "not-run-here"
        NOT_FOUND = "not-found"
        NOT_REACHED = "not-reached"
        BROKEN_OFF = "broken-off"
        TIMED_OUT = "timed-out"
        LOST = "lost"
        BUSY = "busy"
        REFUSED_HERE = "refused-here"
        REFUSED_THERE = "refused-there"
        WRONG_PASSKEY = "wrong-passkey"
        PAIRING_FAILED = "pairing-failed"
        BOND_LOST = "bond-lost"
        NEEDS_PAIRING = "needs-pairing"
        NOT_ALLOWED = "not-allowed"
        BAD_LENGTH = "bad-length"
        BAD_VALUE = "bad-value"
        GONE = "gone"
        LIMIT = "limit"
        FAILED = "failed"

    TABLE: ClassVar = {
        Reason.NO_BUS: (Fault.PC, "There is no system bus here, so no Bluetooth service can be asked."),
        Reason.NO_SERVICE: (Fault.PC, "The Bluetooth service does not run on this computer."),
        Reason.DENIED: (Fault.PC, "This computer does not let this program use Bluetooth."),
        Reason.NO_ADAPTER: (Fault.PC, "This computer has no Bluetooth adapter."),
        Reason.HELD: (Fault.PC, "Another program has taken the Bluetooth adapter for itself."),
        Reason.SWITCHED_OFF: (Fault.PC, "Bluetooth is switched off by a key or a switch of this computer."),
        Reason.BLOCKED: (Fault.PC, "Bluetooth is blocked: flight mode, or a setting that turns radios off."),
        Reason.POWERED_OFF: (Fault.PC, "Bluetooth is turned off."),
        Reason.NO_CENTRAL: (Fault.PC, "This adapter cannot look for Bluetooth LE devices."),
        Reason.NO_PERIPHERAL: (Fault.PC, "This computer can join over Bluetooth, not host."),
        Reason.NOT_RUN_HERE: (Fault.PC, "The system does this by itself; a program cannot ask for it here."),
        Reason.NOT_FOUND: (Fault.PEER, "No device with that address was heard."),
        Reason.NOT_REACHED: (Fault.PEER, "The device was heard, but it did not accept a connection."),
        Reason.BROKEN_OFF: (Fault.PEER, "The connection ended before it was ready."),
        Reason.TIMED_OUT: (Fault.PEER, "The device did not answer in time."),
        Reason.LOST: (Fault.PEER, "The connection to the device was lost."),
        Reason.BUSY: (Fault.PC, "The adapter is busy with something else."),
        Reason.REFUSED_HERE: (Fault.USER, "The pairing was not agreed to on this computer."),
        Reason.REFUSED_THERE: (Fault.PEER, "The device refused the pairing, or was not ready for it."),
        Reason.WRONG_PASSKEY: (Fault.USER, "The six digits were not the same on both sides."),
        Reason.PAIRING_FAILED: (Fault.UNKNOWN, "The pairing did not succeed."),
        Reason.BOND_LOST: (Fault.PEER, "The device no longer knows the keys of an earlier pairing."),
        Reason.NEEDS_PAIRING: (Fault.USER, "The device shows this only to a paired computer."),
        Reason.NOT_ALLOWED: (Fault.PEER, "The device does not allow that."),
        Reason.BAD_LENGTH: (Fault.USER, "The value has a length that the device does not take."),
        Reason.BAD_VALUE: (Fault.USER, "The device does not take that value."),
        Reason.GONE: (Fault.PEER, "That is no longer there: the device's services changed."),
        Reason.LIMIT: (Fault.PC, "There are as many as this program holds."),
        Reason.FAILED: (Fault.UNKNOWN, "Bluetooth failed in a way that it does not explain."),
    }

    REMEDIES: ClassVar[dict[StrEnum, str]] = {
        Reason.NO_BUS: "Start the system bus (the package dbus), or use a desktop session.",
        Reason.NO_SERVICE: "Install and start it: the package bluez, then systemctl start bluetooth.",
        Reason.DENIED: "Allow Bluetooth for this program in the privacy settings; on Linux join the group bluetooth.",
        Reason.NO_ADAPTER: "Plug a Bluetooth LE adapter into a USB port, or enable the built-in one in the firmware.",
        Reason.HELD: "Close the program that uses the adapter directly, then check again.",
        Reason.SWITCHED_OFF: "Press the key with the radio symbol, or slide the switch.",
        Reason.BLOCKED: "Leave flight mode, or run: rfkill unblock bluetooth.",
        Reason.POWERED_OFF: "Turn Bluetooth on in the system's settings; on Linux: bluetoothctl power on.",
        Reason.NO_CENTRAL: "Use an adapter of Bluetooth 4.0 or later.",
        Reason.NO_PERIPHERAL: "Let the other computer host, and join from here.",
        Reason.NOT_RUN_HERE: "Use the system's own Bluetooth settings.",
        Reason.NOT_FOUND: "Wake it, bring it closer, and scan again: an address may change every few minutes.",
        Reason.NOT_REACHED: "Bring it closer; it may be connected to something else, which has to let it go first.",
        Reason.BROKEN_OFF: "Try again; a paired device may have forgotten its keys: then unpair it here and pair again.",
        Reason.TIMED_OUT: "Bring it closer, wake it, and try again.",
        Reason.LOST: "Bring it closer and connect again.",
        Reason.BUSY: "Wait a few seconds and try again.",
        Reason.REFUSED_HERE: "Pair again and agree to it.",
        Reason.REFUSED_THERE: "Put the device into pairing mode and pair again.",
        Reason.WRONG_PASSKEY: "Pair again and type the digits that the other side shows.",
        Reason.PAIRING_FAILED: "Unpair on both sides, put the device into pairing mode, and pair again.",
        Reason.BOND_LOST: "Unpair it here, then pair again.",
        Reason.NEEDS_PAIRING: "Pair with it, then try again.",
        Reason.NOT_ALLOWED: "Look at the properties beside the value: they say what it allows.",
        Reason.BAD_LENGTH: "Write as many bytes as the value has when it is read.",
        Reason.BAD_VALUE: "Look into the device's documentation for the values that it takes.",
        Reason.GONE: "Connect again.",
        Reason.LIMIT: "Close or forget some first.",
        Reason.FAILED: "Turn Bluetooth off and on again; the log tells more.",
    }

    @property
    def remedy(self) -> str:
        """The next step."""
        return self.REMEDIES[self.reason]
