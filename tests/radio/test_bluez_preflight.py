"""What stands in the way, judged from BlueZ's objects and the kernel's files; the virtual machine asks the real ones."""

import sys
from pathlib import Path

import pytest

from netstack.model.ble import PreflightStep
from netstack.model.bluetooth_error import BluetoothError

if sys.platform != "linux":
    pytest.skip("only on Linux", allow_module_level=True)

from netstack.radio.bluez_bus import ADAPTER
from netstack.radio.bluez_preflight import adapters_of_kernel, blocked_by_switch, judge

R = BluetoothError.Reason
BOTH = ["central", "peripheral"]


def managed(name: str = "hci0", *, powered: bool = True, roles: tuple[str, ...] = ("central", "peripheral")):
    properties = {"Powered": powered, "Roles": list(roles), "Address": "00:AA:01:00:00:00"}
    return {f"/org/bluez/{name}": {ADAPTER: properties, "org.bluez.LEAdvertisingManager1": {}}}


def switch(sys_class: Path, *, hard: str = "0", soft: str = "0", kind: str = "bluetooth") -> Path:
    folder = sys_class / "rfkill" / "rfkill0"
    folder.mkdir(parents=True)
    for name, text in (("type", kind), ("hard", hard), ("soft", soft)):
        (folder / name).write_text(f"{text}\n")
    return sys_class


def test_ready(tmp_path: Path) -> None:
    found = judge(managed(), tmp_path)
    assert (found.failure, found.can_join, found.can_host, found.adapter) == (None, True, True, "hci0")
    assert [check.step for check in found.checks] == list(PreflightStep)


def test_no_adapter_and_one_that_somebody_took(tmp_path: Path) -> None:
    assert judge({}, tmp_path).failure == R.NO_ADAPTER
    (tmp_path / "bluetooth" / "hci0").mkdir(parents=True)
    (tmp_path / "bluetooth" / "hci0:64").mkdir()
    found = judge({}, tmp_path)
    assert found.failure == R.HELD
    assert next(each for each in found.checks if each.step is PreflightStep.ADAPTER).detail == "hci0"
    assert adapters_of_kernel(tmp_path) == ("hci0",)


@pytest.mark.parametrize(
    ("hard", "soft", "reason"),
    [("1", "0", R.SWITCHED_OFF), ("1", "1", R.SWITCHED_OFF), ("0", "1", R.BLOCKED)],
)
def test_switches(tmp_path: Path, hard: str, soft: str, reason: R) -> None:
    found = judge(managed(powered=False), switch(tmp_path, hard=hard, soft=soft))
    assert found.failure == reason
    assert found.next_step


def test_another_radios_switch_does_not_count(tmp_path: Path) -> None:
    switch(tmp_path, hard="1", kind="wlan")
    assert blocked_by_switch(tmp_path) is None
    assert judge(managed(powered=False), tmp_path).failure == R.POWERED_OFF


def test_roles(tmp_path: Path) -> None:
    found = judge(managed(roles=("central",)), tmp_path)
    assert (found.failure, found.can_join, found.can_host) == (None, True, False)
    assert judge(managed(roles=("peripheral",)), tmp_path).failure == R.NO_CENTRAL


def test_a_powered_adapter_counts_before_one_that_is_off(tmp_path: Path) -> None:
    found = judge(managed("hci0", powered=False) | managed("hci1"), tmp_path)
    assert (found.adapter, found.failure) == ("hci1", None)
