"""The settings as the window shows them: no password is in here."""

from enum import StrEnum

import msgspec

from netstack.model.config import Config


class Kept(StrEnum):
    """Where the password of a relay is; UNKNOWN until somebody looked, NOWHERE where there is none."""

    UNKNOWN = "unknown"
    NOWHERE = "nowhere"
    KEYRING = "keyring"
    FILE = "file"


class SettingsState(msgspec.Struct, frozen=True):
    """What holds, and in which file. `passwords` stands beside `config.turn`, one for each.

    `undo` names what Undo takes back, empty for nothing; `virtual`: the lab has servers of its own.
    """

    path: str = ""
    config: Config = Config()
    shipped: Config = Config()
    passwords: tuple[Kept, ...] = ()
    undo: str = ""
    virtual: bool = False
