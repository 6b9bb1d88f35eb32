"""What `peerscope ble` prints for people."""

from app.presenters.bluetooth import present
from app.presenters.bluetooth_rows import device_row
from netstack.model.bluetooth import BleReport, BleState


def ble_report_text(report: BleReport) -> str:
    """The report as lines; what went wrong, with the next step, as one."""
    if report.failure is not None:
        return _failure(report)
    match report.command:
        case "scan":
            return _scan(report)
        case "inspect":
            return _inspect(report)
        case "pair":
            return "Paired."
    return "Unpaired."


def _failure(report: BleReport) -> str:
    return " ".join(filter(None, (report.failure_text, report.next_step)))


def _scan(report: BleReport) -> str:
    if not report.devices:
        return f"Nothing was heard in {report.duration_s:.0f} s. Wake the device and bring it closer."
    lines = []
    for device in sorted(report.devices, key=lambda each: -(each.rssi_dbm or -999)):
        row = device_row(device)
        strength = row.cells[1].replace("\N{NARROW NO-BREAK SPACE}", " ").replace("−", "-")
        name = device.name or "-"
        known = ", paired" if device.bonded else ""
        lines.append(
            f"{device.address:<18} {strength:>8}  {row.cells[2]:<13} {name:<22} {row.cells[3]}{known}"
        )
    return "\n".join(lines)


def _inspect(report: BleReport) -> str:
    view = present(BleState(link=report.link)).link
    if view is None:
        return ""
    lines = [view.title, *(f"  {name}: {value}" for name, value in view.facts)]
    for service in view.services:
        lines += ["", f"{service.name}  ({service.uuid})"]
        for row in service.rows:
            value = "  ".join(filter(None, (row.note, row.value)))
            said = value or (f"not read: {row.failure}" if row.failure else "")
            lines.append(f"  {row.name:<30} {row.properties:<24} {said}".rstrip())
    if view.left_out:
        lines += ["", view.left_out]
    return "\n".join(lines)
