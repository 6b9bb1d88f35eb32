"""The table of devices nearby: its columns, and what a row holds."""

import msgspec


class Column(msgspec.Struct, frozen=True):
    """Title, hint, and how the column behaves; below `least_width` px of the table it gives way."""

    title: str
    hint: str
    right: bool = False
    stretches: bool = False
    least_width: int = 0


COLUMNS = (
    Column("Device", "Its name, or its address where it tells none", stretches=True),
    Column("Signal", "Received strength over the last minute, and the newest (RSSI)"),
    Column("Distance", "A guess from the strength: walls, hands and bodies weaken it"),
    Column(
        "Offers", "The services that it advertises, by their assigned names", stretches=True, least_width=560
    ),
    Column("Maker", "The company whose data it advertises", least_width=760),
    Column("Last seen", "When its last advertisement came", right=True, least_width=480),
)
SIGNAL_COLUMN = 1


class DeviceRow(msgspec.Struct, frozen=True):
    """One device: a text for each column; `history` is (seconds ago, dBm); `faded`: not heard for a while."""

    key: str
    cells: tuple[str, ...]
    history: tuple[tuple[float, float], ...] = ()
    icon: str = "bluetooth"
    ink: str = "muted"
    faded: bool = False
    hint: str = ""
