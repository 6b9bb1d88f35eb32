"""The allocations of a TURN server by everything that they are looked up by, and the ports held for later."""

from collections.abc import Iterator
from typing import NamedTuple

from netstack.model.address import Address
from netstack.server.turn_allocation import Allocation, Client


class Reservation(NamedTuple):
    """A relay socket that waits for whoever has its token (RFC 8656 section 7.2)."""

    relay_id: int
    local: Address
    username: str
    expires_at: float


class Table:
    """Every allocation is in it from its request on; its relayed address from when the relay is bound."""

    def __init__(self) -> None:
        self._by_client: dict[Client, Allocation] = {}
        self._by_relay: dict[int, Allocation] = {}
        self._by_address: dict[Address, Allocation] = {}
        self._hosts: dict[str, int] = {}
        self._per_user: dict[str, int] = {}
        self.reservations: dict[bytes, Reservation] = {}

    def __len__(self) -> int:
        return len(self._by_client) + len(self.reservations)

    def __iter__(self) -> Iterator[Allocation]:
        return iter(self._by_client.values())

    def add(self, allocation: Allocation) -> None:
        """A new one."""
        self._by_client[allocation.client] = self._by_relay[allocation.relay_id] = allocation
        self._per_user[allocation.username] = self._per_user.get(allocation.username, 0) + 1

    def relayed(self, allocation: Allocation, address: Address) -> None:
        """Its relay is bound: clients are told this address."""
        allocation.relayed = address
        self._by_address[address] = allocation
        self._hosts[address.host] = self._hosts.get(address.host, 0) + 1

    def remove(self, allocation: Allocation) -> bool:
        """Forgets it; False where it is not there any more."""
        if self._by_client.pop(allocation.client, None) is None:
            return False
        del self._by_relay[allocation.relay_id]
        if allocation.relayed is not None:
            del self._by_address[allocation.relayed]
            _count_down(self._hosts, allocation.relayed.host)
        _count_down(self._per_user, allocation.username)
        return True

    def of_client(self, client: Client) -> Allocation | None:
        """By its five-tuple."""
        return self._by_client.get(client)

    def of_relay(self, relay_id: int) -> Allocation | None:
        """By its relay."""
        return self._by_relay.get(relay_id)

    def of_address(self, address: Address) -> Allocation | None:
        """By its relayed address."""
        return self._by_address.get(address)

    def has_host(self, host: str) -> bool:
        """Whether some relayed address is on this host."""
        return host in self._hosts

    def of_user(self, username: str) -> int:
        """How many a user has."""
        return self._per_user.get(username, 0)

    def expiries(self) -> Iterator[float]:
        """When each allocation and each reservation lapses."""
        yield from (allocation.expires_at for allocation in self)
        yield from (reservation.expires_at for reservation in self.reservations.values())

    @property
    def busiest(self) -> int:
        """How many the user with the most has."""
        return max(self._per_user.values(), default=0)


def _count_down(counts: dict[str, int], key: str) -> None:
    counts[key] -= 1
    if not counts[key]:
        del counts[key]
