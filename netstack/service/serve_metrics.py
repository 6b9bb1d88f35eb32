"""Tells Prometheus how full the servers of `peerscope serve` are, and what they answered."""

import asyncio
from collections.abc import Sequence
from typing import Final

from netstack.observe.prometheus import Registry
from netstack.server.machine import Server
from netstack.server.rendezvous import MAX_MAILBOXES, RendezvousServer
from netstack.server.turn import TurnServer
from netstack.service.rendezvous_host import MAX_CONNECTIONS

PERIOD_S: Final = 1.0
OUTCOMES: Final = ("allocated", "answered", "limited", "refused", "malformed", "dropped")


class ServeMetrics:
    """Copies the machines' gauges and counters, once a second, until cancelled."""

    def __init__(
        self, registry: Registry, servers: Sequence[Server], mailboxes: RendezvousServer | None
    ) -> None:
        self._registry = registry
        self._servers = servers
        self._mailboxes = mailboxes
        self._before: dict[tuple[int, str], int] = {}

    async def run(self) -> None:
        """Never ends by itself."""
        while True:
            self.copy()
            await asyncio.sleep(PERIOD_S)

    def copy(self) -> None:
        """Now."""
        for server in self._servers:
            if isinstance(server, TurnServer):
                for resource, (used, limit) in server.gauges().items():
                    self._registry.serving(resource, used, limit)
            self._count(server)
        if self._mailboxes is not None:
            mailboxes, clients = self._mailboxes.used
            self._registry.serving("mailboxes", mailboxes, MAX_MAILBOXES)
            self._registry.serving("mailbox_clients", clients, MAX_CONNECTIONS)
            self._count(self._mailboxes)

    def _count(self, machine: object) -> None:
        """Counters never go down; the difference since the last look is added."""
        for outcome in OUTCOMES:
            now = getattr(machine, outcome, None)
            if not isinstance(now, int):
                continue
            key = (id(machine), outcome)
            new = now - self._before.get(key, 0)
            self._before[key] = now
            if new > 0:
                self._registry.served(outcome, new)
