"""The settings: what holds, the one file that it is written to, and how to get it back."""

import asyncio
import stat
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Final

import msgspec

from netstack.config import parse_config, shipped_config
from netstack.core.settings import SettingError, Value, changed, check, field, fields
from netstack.core.settings_text import rewritten, without_passwords
from netstack.core.turn_uri import parse_turn_uri
from netstack.errors import InputError
from netstack.model.config import Config, TurnServer
from netstack.model.settings import Kept, SettingsState
from netstack.service.identity import write_private
from netstack.service.turn_login import TurnLogin, find_login, forget_login, keep_login

MAX_UNDO: Final = 50
MAX_FILE_BYTES: Final = 1 << 20

Use = Callable[[Config, frozenset[str]], Awaitable[None]]
"""Puts a new configuration to use; gets the names of what changed. May raise PeerscopeError."""


class SettingsDesk:
    """Holds the configuration. Every change is checked, written, used and shown, in that order.

    `path` None: nothing is written. Whoever else changes the file meanwhile is never overwritten.
    """

    def __init__(
        self,
        config: Config,
        path: Path | None,
        changed: Callable[[SettingsState], None],
        use: Use,
        *,
        virtual: bool = False,
    ) -> None:
        self.config = config
        self._path = path
        self._tell = changed
        self._use = use
        self._written = config
        self._before: list[tuple[str, Config]] = []
        self._kept: dict[tuple[str, str], Kept] = {}
        self._lock = asyncio.Lock()
        self._virtual = virtual
        self._shipped = shipped_config()
        self._show()

    async def change(self, key: str, value: Value) -> None:
        """Sets one value. Passwords of servers that stay are kept. Raises PeerscopeError; nothing has changed then."""
        async with self._lock:
            if key == "turn":
                value = self._with_passwords(value)
            await self._take(changed(self.config, key, value), field(key).setting.title)

    async def settled(self) -> None:
        """Waits until a change that is under way is in use."""
        async with self._lock:
            pass

    async def reset(self, key: str) -> None:
        """Goes back to what is shipped. Raises PeerscopeError."""
        await self.change(key, getattr(self._shipped, field(key).key))

    async def undo(self) -> None:
        """Takes the last change back; does nothing when there is none. Raises PeerscopeError."""
        async with self._lock:
            if self._before:
                _, config = self._before[-1]
                await self._take(config, "")
                self._before.pop()
                self._show()

    async def set_password(self, number: int, password: str, *, in_file: bool = False) -> None:
        """Keeps the password of a relay: in the keyring, or in the file where that is asked for; empty forgets it.

        Raises SettingError when the keyring does not take it.
        """
        async with self._lock:
            server = self.config.turn[number]
            login = TurnLogin(server.username, password)
            uri = parse_turn_uri(server.url)
            place = Kept.NOWHERE
            if not password:
                await forget_login(uri, server.username)
            elif in_file:
                place = Kept.FILE
            elif await keep_login(uri, login):
                place = Kept.KEYRING
            else:
                raise SettingError(SettingError.Reason.KEYRING)
            self._kept[server.url, server.username] = place
            new = msgspec.structs.replace(server, password=password if in_file else "")
            turn = (*self.config.turn[:number], new, *self.config.turn[number + 1 :])
            if new != server:
                await self._take(msgspec.structs.replace(self.config, turn=turn), "Password")
            else:
                self._show()
                await self._use(self.config, frozenset({"turn"}))

    async def look_for_passwords(self) -> None:
        """Finds out which relays have one in the keyring. The keyring may ask the user to unlock it."""
        for server in self.config.turn:
            if server.username and not server.password:
                login = await find_login(parse_turn_uri(server.url), (server,), server.username)
                self._kept[server.url, server.username] = Kept.KEYRING if login.password else Kept.NOWHERE
        self._show()

    async def read_again(self) -> None:
        """Takes over what stands in the file now. Raises PeerscopeError."""
        async with self._lock:
            if self._path is not None:
                config = await asyncio.to_thread(_read, self._path)
                check(config)
                old, self.config, self._written = self.config, config, config
                self._before.append(("The file's changes", old))
                await self._use(config, _differing(old, config))
                self._show()

    async def export_to(self, path: Path) -> None:
        """Writes what differs from the shipped to a file, without passwords. Raises SettingError."""
        text = rewritten("", without_passwords(self.config), self._shipped)
        try:
            await asyncio.to_thread(path.write_text, text, "utf-8")
        except OSError as error:
            raise SettingError(SettingError.Reason.FILE, f"{path}: {error.strerror}") from error

    async def import_from(self, path: Path) -> None:
        """Takes what a file says; known passwords stay with their servers. Raises PeerscopeError, nothing changed."""
        async with self._lock:
            config = await asyncio.to_thread(_read, path)
            check(config)
            mine = {(each.url, each.username): each.password for each in self.config.turn}
            turn = tuple(
                msgspec.structs.replace(
                    each, password=each.password or mine.get((each.url, each.username), "")
                )
                for each in config.turn
            )
            await self._take(msgspec.structs.replace(config, turn=turn), f"Import of {path.name}")

    def _with_passwords(self, value: Value) -> tuple[TurnServer, ...]:
        """The window knows no passwords: an edited server keeps its own, one that only moved too."""
        if not isinstance(value, tuple):
            return ()
        old = self.config.turn
        mine = {(each.url, each.username): each.password for each in old}
        same_place = len(value) == len(old)
        return tuple(
            msgspec.structs.replace(
                each,
                password=each.password
                or mine.get((each.url, each.username), old[at].password if same_place else ""),
            )
            for at, each in enumerate(value)
        )

    async def _take(self, config: Config, what: str) -> None:
        """`what` is empty when a change is taken back."""
        old = self.config
        keys = _differing(old, config)
        if not keys:
            return
        if self._path is not None:
            await asyncio.to_thread(_write, self._path, self._written, config, self._shipped)
        self.config = self._written = config
        if what:
            self._before = [*self._before, (what, old)][-MAX_UNDO:]
        self._show()
        await self._use(config, keys)

    def _show(self) -> None:
        passwords = tuple(
            Kept.FILE
            if server.password
            else self._kept.get((server.url, server.username), Kept.UNKNOWN)
            if server.username
            else Kept.NOWHERE
            for server in self.config.turn
        )
        self._tell(
            SettingsState(
                str(self._path or ""),
                without_passwords(self.config),
                self._shipped,
                passwords,
                self._before[-1][0] if self._before else "",
                self._virtual,
            )
        )


def _differing(old: Config, new: Config) -> frozenset[str]:
    return frozenset(each.key for each in fields() if getattr(old, each.key) != getattr(new, each.key))


def _text_of(path: Path) -> str:
    try:
        if path.stat().st_size > MAX_FILE_BYTES:
            raise InputError(InputError.Reason.CONFIG, f"{path}: larger than 1 MB")
        return path.read_text("utf-8")
    except FileNotFoundError:
        return ""
    except OSError as error:
        raise InputError(InputError.Reason.CONFIG, f"{path}: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise InputError(InputError.Reason.CONFIG, f"{path}: it is not UTF-8 text") from error


def _read(path: Path) -> Config:
    return parse_config(_text_of(path), path)


def _write(path: Path, known: Config, config: Config, shipped: Config) -> None:
    """Replaces the file whole. One that holds a password can be read by its owner alone."""
    path = path.resolve()
    text = _text_of(path)
    if parse_config(text, path) != known:
        raise SettingError(SettingError.Reason.CHANGED)
    new = rewritten(text, config, shipped)
    try:
        mode = stat.S_IMODE(path.stat().st_mode) if path.exists() else None
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        write_private(path, new.encode())
        if mode is not None and not any(server.password for server in config.turn):
            path.chmod(mode)
    except OSError as error:
        raise SettingError(SettingError.Reason.FILE, f"{path}: {error.strerror}") from error
