"""Is my game's port open? A program here has it, the router forwards it; from outside nobody has knocked yet."""

import tomllib
from pathlib import Path

import msgspec

from netstack.config import RESOURCES, user_config_path
from netstack.core.game_ports import Game, Games, merge
from netstack.errors import InputError, NetError
from netstack.model.address import Address, Family
from netstack.model.doctor import PortReport
from netstack.model.port_mapping import Carried, MappingProtocol, PortMappingError
from netstack.net.protocol import DatagramReceiver, Net
from netstack.service.port_mapping import PortMappingService

_ANY = {Family.IPV4: "0.0.0.0", Family.IPV6: "::"}  # noqa: S104 - only to see whether the port is taken


def read_games(own: Path | None = None) -> tuple[Game, ...]:
    """The shipped games and the user's own. Raises InputError for a file of the user's that cannot be read."""
    own = own or user_config_path().with_name("games.toml")
    return merge(_shipped(), _read(own) if own.exists() else Games())


def shipped_games() -> tuple[Game, ...]:
    """The shipped games alone."""
    return merge(_shipped(), Games())


def _shipped() -> Games:
    return _read(RESOURCES / "games.toml")


def _read(file: Path) -> Games:
    try:
        return msgspec.convert(tomllib.loads(file.read_text("utf-8")), Games)
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError, msgspec.ValidationError) as error:
        raise InputError(InputError.Reason.CONFIG, f"{file}: {error}") from error


async def look_at_port(
    net: Net, mappings: PortMappingService, carried: Carried, port: int, game: str = ""
) -> PortReport:
    """Takes the port for a moment to see whether a program has it, and asks the router by UPnP; changes nothing."""
    bound, bound_text = await _bound(net, carried, port)
    mapped, mapped_text = await _mapped(mappings, carried, port)
    return PortReport(f"{carried.value}/{port}", game, bound, bound_text, mapped, mapped_text)


async def _bound(net: Net, carried: Carried, port: int) -> tuple[bool | None, str]:
    """Every address is tried, as some systems let two programs share a port by different ones."""
    hosts = [host for each in await net.interfaces() for host in each.hosts if "%" not in host]
    for host in (*_ANY.values(), *hosts):
        try:
            await _take(net, carried, Address(host, port))
        except NetError as error:
            if error.reason is NetError.Reason.IN_USE:
                return True, "a program here listens on it"
            if error.reason is NetError.Reason.DENIED:
                return None, error.sentence
    return False, "no program here listens on it: start the game, or its server, first"


async def _take(net: Net, carried: Carried, local: Address) -> None:
    if carried is Carried.UDP:
        (await net.open_datagram(_Deaf(), local=local)).close()
    else:
        (await net.listen_stream(lambda stream: stream.abort(), local=local)).close()


async def _mapped(mappings: PortMappingService, carried: Carried, port: int) -> tuple[bool | None, str]:
    """A port that is not listed may still be forwarded by hand, which routers rarely tell."""
    try:
        holder = await mappings.holder(carried, port)
    except PortMappingError as error:
        speaks = mappings.gateway is not None and mappings.gateway.speaks(MappingProtocol.UPNP)
        return None, error.sentence if speaks else "the router does not tell: only UPnP can ask for that"
    own = mappings.gateway.own_host if mappings.gateway else ""
    if holder is None:
        return None, "nothing is listed by UPnP; a forward made by hand is not told"
    if holder.host != own:
        return False, f"the router forwards it to {holder.host}, another computer"
    return True, f"the router forwards it to port {holder.port} of this computer"


class _Deaf(DatagramReceiver):
    """Takes a port for a moment, to see whether it is free."""

    def datagram_received(self, data: bytes, remote: Address, received_at_s: float) -> None:
        """Nothing is awaited."""

    def datagram_failed(self, error: NetError, remote: Address | None) -> None:
        """Nothing was sent."""
