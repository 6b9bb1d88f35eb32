"""Networks where data costs money, as the window shows them."""

from enum import StrEnum

import msgspec


class ToldBy(StrEnum):
    """Who says so."""

    USER = "user"
    SYSTEM = "system"
    NOBODY = "nobody"


class NetworkCost(msgspec.Struct, frozen=True):
    """One network that this computer is in. `metered` None: nobody has said.

    `network` is its address range (or the interface's name, where that is not known), by which the user names it in the settings. `leads`:
    the way out of this computer goes through it.
    """

    interface: str
    network: str
    hosts: tuple[str, ...] = ()
    metered: bool | None = None
    told_by: ToldBy = ToldBy.NOBODY
    leads: bool = False
