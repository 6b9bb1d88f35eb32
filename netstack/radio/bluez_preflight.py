"""What stands in the way of Bluetooth on this computer: the bus, BlueZ, the adapter, its switches, who holds it.

Linux only. BlueZ says what it knows; what it does not see (a switch, an adapter that another program took) is read
from `/sys`.
"""

from pathlib import Path

import msgspec

from netstack.model.ble import Preflight, PreflightCheck
from netstack.model.ble import PreflightStep as Step
from netstack.model.bluetooth_error import BluetoothError
from netstack.radio.bleak_errors import dbus_error
from netstack.radio.bluez_bus import ADAPTER, BluezBus, BusError, Managed

Reason = BluetoothError.Reason
SYS = Path("/sys/class")


def adapters_of_kernel(sys: Path = SYS) -> tuple[str, ...]:
    """Controllers that the kernel knows, as `hci0`; connections (`hci0:64`) stand in the same folder."""
    try:
        return tuple(sorted(path.name for path in (sys / "bluetooth").iterdir() if ":" not in path.name))
    except OSError:
        return ()


def blocked_by_switch(sys: Path = SYS) -> str | None:
    """What rfkill says of Bluetooth: "hard" (a key or a slider), "soft" (a program), or None."""
    found = set()
    try:
        switches = list((sys / "rfkill").iterdir())
    except OSError:
        return None
    for switch in switches:
        try:
            if (switch / "type").read_text().strip() == "bluetooth":
                found |= {kind for kind in ("hard", "soft") if (switch / kind).read_text().strip() == "1"}
        except OSError:
            continue
    return next((kind for kind in ("hard", "soft") if kind in found), None)


async def look(sys: Path = SYS) -> Preflight:
    """Looks at everything in turn; what comes after an obstacle is left unknown."""
    bus = BluezBus()
    try:
        await bus.open()
        return judge(await bus.managed(), sys)
    except BusError as error:
        return _unreachable(error)
    finally:
        await bus.close()


def _unreachable(error: BusError) -> Preflight:
    """BlueZ could not be asked at all."""
    reason = dbus_error(error.name, error.text).reason
    if reason is Reason.DENIED:
        return _folded([_held(Step.SERVICE), _failed(Step.PERMISSION, Reason.DENIED, error.text)])
    if reason is not Reason.NO_BUS:
        reason = Reason.NO_SERVICE
    return _folded([_failed(Step.SERVICE, reason, error.text)])


def judge(managed: Managed, sys: Path = SYS) -> Preflight:
    """What BlueZ's objects and the kernel's files say. The first powered adapter counts, else the first."""
    checks = [_held(Step.SERVICE), _held(Step.PERMISSION)]
    found = {path: each[ADAPTER] for path, each in managed.items() if ADAPTER in each}
    if not found:
        kernels = adapters_of_kernel(sys)
        reason = Reason.HELD if kernels else Reason.NO_ADAPTER
        return _folded([*checks, _failed(Step.ADAPTER, reason, ", ".join(kernels))])
    path, adapter = min(found.items(), key=lambda each: (not each[1].get("Powered"), each[0]))
    name = path.rpartition("/")[2]
    checks.append(_held(Step.ADAPTER, name))
    switch = blocked_by_switch(sys)
    if adapter.get("Powered"):
        checks += [_held(Step.SWITCH), _held(Step.POWER)]
    elif switch is not None:
        checks.append(_failed(Step.SWITCH, Reason.SWITCHED_OFF if switch == "hard" else Reason.BLOCKED))
    else:
        checks += [_held(Step.SWITCH), _failed(Step.POWER, Reason.POWERED_OFF)]
    roles = set(adapter.get("Roles", ()))
    hosts = "peripheral" in roles and "org.bluez.LEAdvertisingManager1" in managed[path]
    checks.append(
        _held(Step.JOIN, "central") if "central" in roles else _failed(Step.JOIN, Reason.NO_CENTRAL)
    )
    checks.append(_held(Step.HOST, "peripheral") if hosts else _failed(Step.HOST, Reason.NO_PERIPHERAL))
    return msgspec.structs.replace(_folded(checks), adapter=name, address=str(adapter.get("Address", "")))


def _held(step: Step, detail: str = "") -> PreflightCheck:
    return PreflightCheck(step, ok=True, detail=detail)


def _failed(step: Step, reason: Reason, detail: str = "") -> PreflightCheck:
    error = BluetoothError(reason)
    return PreflightCheck(step, False, detail, reason.value, error.sentence, error.remedy)


def _folded(checks: list[PreflightCheck]) -> Preflight:
    known = {check.step: check for check in checks}
    whole = tuple(known.get(step, PreflightCheck(step)) for step in Step)
    first = next((check for check in whole if check.ok is False and check.step is not Step.HOST), None)
    preflight = Preflight(
        stack="BlueZ",
        checks=whole,
        can_join=first is None,
        can_host=first is None and known[Step.HOST].ok is True,
    )
    if first is None:
        return preflight
    return msgspec.structs.replace(
        preflight, failure=first.failure, failure_text=first.text, next_step=first.next_step
    )
