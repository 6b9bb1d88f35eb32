"""Which networks cost money: the user's word first, then the system's. Pure."""

import ipaddress
import re
from collections.abc import Iterable, Mapping

from netstack.errors import InputError
from netstack.model.network_cost import NetworkCost, ToldBy

_NAME = re.compile(r"[^\s/,]{1,64}")


def parse_network(text: str) -> str:
    """An interface's name, or an address range such as 192.168.43.0/24, as it is kept. Raises InputError."""
    if "/" in text:
        try:
            return str(ipaddress.ip_network(text, strict=False))
        except ValueError as error:
            raise InputError(InputError.Reason.USAGE, f"{text[:60]}: {error}") from error
    if not _NAME.fullmatch(text):
        raise InputError(
            InputError.Reason.USAGE,
            "a network is an interface such as wlan0, or a range such as 192.168.43.0/24",
        )
    return text


def covers(entry: str, interface: str, hosts: Iterable[str]) -> bool:
    """An entry of the user's list means this interface, or the network that one of its addresses is in."""
    if "/" not in entry:
        return entry == interface
    network = ipaddress.ip_network(entry, strict=False)
    return any(ipaddress.ip_address(host.partition("%")[0]) in network for host in hosts)


def costs(
    networks: Iterable[NetworkCost], chosen: Iterable[str], system: Mapping[str, bool]
) -> tuple[NetworkCost, ...]:
    """The same networks with what is known of each. `chosen` is the user's list, `system` goes by interface."""
    entries = tuple(chosen)
    return tuple(
        NetworkCost(
            each.interface, each.network, each.hosts, *_judged(each, entries, system), leads=each.leads
        )
        for each in networks
    )


def _judged(
    network: NetworkCost, chosen: tuple[str, ...], system: Mapping[str, bool]
) -> tuple[bool | None, ToldBy]:
    if any(covers(entry, network.interface, network.hosts) for entry in chosen):
        return True, ToldBy.USER
    if network.interface in system:
        return system[network.interface], ToldBy.SYSTEM
    return None, ToldBy.NOBODY


def is_metered(networks: Iterable[NetworkCost], host: str) -> bool:
    """Whether what leaves from this address of ours costs money; empty: from wherever the system sends it."""
    if host:
        return any(each.metered is True for each in networks if host in each.hosts)
    leading = [each for each in networks if each.leads]
    return bool(leading) and all(each.metered is True for each in leading)
