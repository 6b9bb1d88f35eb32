"""A game's ports by its name, or a port as it is written: `udp/7777`. Pure."""

from collections.abc import Iterable

import msgspec

from netstack.errors import InputError
from netstack.model.port_mapping import Carried


class Game(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A game and the ports that its host listens on, each written as `udp/7777`."""

    name: str
    ports: tuple[str, ...]


class Games(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A file of games."""

    game: tuple[Game, ...] = ()


def merge(shipped: Games, own: Games) -> tuple[Game, ...]:
    """Both, by name; of two with one name the user's own counts."""
    every = {game.name.casefold(): game for game in (*shipped.game, *own.game)}
    return tuple(every[name] for name in sorted(every))


def ports_of(text: str, games: Iterable[Game]) -> tuple[str, tuple[tuple[Carried, int], ...]]:
    """The game's name (empty for a bare port) and its ports. Raises InputError."""
    wanted = text.strip()
    for game in games:
        if game.name.casefold() == wanted.casefold():
            return game.name, tuple(parse_port(port) for port in game.ports)
    return "", (parse_port(wanted),)


def parse_port(text: str) -> tuple[Carried, int]:
    """Reads `udp/7777` or `tcp/25565`. Raises InputError."""
    carried, slash, digits = text.partition("/")
    if (
        slash
        and carried.lower() in tuple(Carried)
        and digits.isascii()
        and digits.isdigit()
        and len(digits) < 6
    ):
        port = int(digits)
        if 0 < port < 65_536:
            return Carried(carried.lower()), port
    raise InputError(
        InputError.Reason.USAGE, f"{text[:60]!r} is neither a known game nor a port as in udp/7777"
    )
