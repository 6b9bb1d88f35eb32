"""Hides the addresses that tell the world who somebody is, wherever in a text they stand."""

import ipaddress
import re
from collections.abc import Iterable

from netstack.model.address import Scope, scope
from netstack.model.nat import NatReport

HIDDEN = "(hidden)"


class Veil:
    """Replaces given hosts by `(hidden)`; lifted, it changes nothing. `needed`: there is something to hide."""

    def __init__(self, hosts: Iterable[str], *, lifted: bool = False) -> None:
        found = sorted(set(hosts), key=lambda host: (-len(host), host))
        self.needed = bool(found)
        self._pattern = (
            None
            if lifted or not found
            else re.compile(
                r"(?<![\w.:])(?:" + "|".join(map(re.escape, found)) + r")(?!\w|\.\d)", re.IGNORECASE
            )
        )

    def __call__(self, text: str) -> str:
        """The text without the hosts."""
        return self._pattern.sub(HIDDEN, text) if self._pattern else text


def of_report(report: NatReport | None, *, lifted: bool = False) -> Veil:
    """A veil over every address of this computer, or of its router, that reaches the whole internet."""
    if report is None:
        return Veil(())
    seen = [*report.public_addresses, *report.local_addresses, report.gateway_wan, report.gateway]
    for family in report.families:
        seen += [*family.public_addresses, family.local_address]
    seen += [server.mapped for server in report.servers]
    return Veil((host for text in seen if text and (host := _public_host(text))), lifted=lifted)


def _public_host(text: str) -> str | None:
    """The host of `host`, `host:port` or `[host]:port` when it is public."""
    host = text[1:].partition("]")[0] if text.startswith("[") else text
    if host.count(":") == 1:
        host = host.partition(":")[0]
    try:
        ipaddress.ip_address(host.partition("%")[0])
        return host if scope(host) is Scope.PUBLIC else None
    except ValueError:
        return None
