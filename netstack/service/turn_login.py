"""Who we are to a TURN server: a password, or a shared secret of which time-limited users are made."""

from collections.abc import Callable, Iterable

import msgspec

from netstack.core.turn_uri import TurnUri, parse_turn_uri
from netstack.model.config import TurnServer
from netstack.model.turn import TurnCredentials, TurnError
from netstack.service.identity import SERVICE, ask_keyring
from netstack.wire.turn import time_limited_password

SECRET_USER_S = 86_400.0
DEFAULT_NAME = "peerscope"


class TurnLogin(msgspec.Struct, frozen=True):
    """A user and a password, or a shared secret (`username` is then the name behind the time). Hides both."""

    username: str = ""
    password: str = ""
    secret: str = ""

    def __repr__(self) -> str:
        return f"TurnLogin({self.username!r})"

    def credentials(self, wall_s: float, *, for_s: float = SECRET_USER_S) -> TurnCredentials:
        """The user to be now, at `wall_s` seconds since 1970."""
        if not self.secret:
            return TurnCredentials(self.username, self.password)
        username = f"{int(wall_s + for_s)}:{self.username or DEFAULT_NAME}"
        return TurnCredentials(username, time_limited_password(self.secret, username))

    def minter(self, wall_time: Callable[[], float]) -> Callable[[], TurnCredentials] | None:
        """What a relay takes; None where there is nothing to be known by."""
        if not self.secret and not (self.username and self.password):
            return None
        return lambda: self.credentials(wall_time())


async def find_login(uri: TurnUri, known: Iterable[TurnServer], username: str = "") -> TurnLogin:
    """What the known servers and the system keyring say of one; without a password where they say none."""
    for server in known:
        try:
            theirs = parse_turn_uri(server.url)
        except TurnError:
            continue
        same = (theirs.host.lower(), theirs.port_or_default) == (uri.host.lower(), uri.port_or_default)
        if same and username in {"", server.username}:
            if server.password:
                return TurnLogin(server.username, server.password)
            username = server.username
            break
    if not username:
        return TurnLogin()
    _, password = await ask_keyring(lambda: _keyring_get(keyring_entry(uri, username)))
    return TurnLogin(username, password or "")


async def with_passwords(servers: Iterable[TurnServer]) -> tuple[TurnServer, ...]:
    """The servers, with the passwords that the system keyring has for them."""
    found = []
    for server in servers:
        if server.username and not server.password:
            login = await find_login(parse_turn_uri(server.url), (), server.username)
            found.append(TurnServer(server.url, server.username, login.password))
        else:
            found.append(server)
    return tuple(found)


async def keep_login(uri: TurnUri, login: TurnLogin) -> bool:
    """Puts the password into the system keyring; False where that does not answer."""
    entry = keyring_entry(uri, login.username)
    answered, kept = await ask_keyring(lambda: _keyring_put(entry, login.password))
    return answered and kept == login.password


async def forget_login(uri: TurnUri, username: str) -> None:
    """Takes the password out of the system keyring, where it is."""
    await ask_keyring(lambda: _keyring_delete(keyring_entry(uri, username)))


def keyring_entry(uri: TurnUri, username: str) -> str:
    """Under which name the keyring holds a password."""
    host = f"[{uri.host}]" if ":" in uri.host else uri.host
    return f"turn {username}@{host.lower()}:{uri.port_or_default}"


def _keyring_get(entry: str) -> str | None:
    import keyring  # noqa: PLC0415 - it looks for a session bus, in a thread of its own

    return keyring.get_password(SERVICE, entry)


def _keyring_put(entry: str, password: str) -> str | None:
    import keyring  # noqa: PLC0415

    keyring.set_password(SERVICE, entry, password)
    return keyring.get_password(SERVICE, entry)


def _keyring_delete(entry: str) -> str | None:
    import keyring  # noqa: PLC0415

    if keyring.get_password(SERVICE, entry) is not None:
        keyring.delete_password(SERVICE, entry)
    return None
