"""The ten kinds of NAT that everything is tried on, by name."""

import msgspec

from netstack.lab.nat import Allocation, NatBehaviour
from netstack.lab.router import BoxRules
from netstack.model.nat import Filtering, Mapping

_DEPENDENT = Mapping.ADDRESS_AND_PORT_DEPENDENT


class NatKind(msgspec.Struct, frozen=True):
    """What a box of this kind does; `nat` None: it forwards everything. `title` is a sentence for people."""

    title: str
    nat: NatBehaviour | None = NatBehaviour()
    rules: BoxRules = BoxRules()

    @property
    def translates(self) -> bool:
        """Whether the hosts behind it share its public address."""
        return self.nat is not None and self.nat.mapping != Mapping.NONE


KINDS: dict[str, NatKind] = {
    "open": NatKind("No router in between: everyone can reach this computer.", None),
    "firewall": NatKind(
        "A public address behind a firewall: only those it wrote to may answer.",
        NatBehaviour(mapping=Mapping.NONE),
    ),
    "full-cone": NatKind(
        "A router that keeps one public port and lets everyone in through it.",
        NatBehaviour(filtering=Filtering.ENDPOINT_INDEPENDENT),
    ),
    "address-restricted": NatKind(
        "A router that lets in whoever this computer has written to, from any of their ports.",
        NatBehaviour(filtering=Filtering.ADDRESS_DEPENDENT),
    ),
    "port-restricted": NatKind(
        "An ordinary home router: it lets in answers, from exactly the port that was written to."
    ),
    "port-restricted-nopreserve": NatKind(
        "An ordinary home router that gives every program another public port.",
        NatBehaviour(allocation=Allocation.RANDOM, first_port=30_000, last_port=39_999),
    ),
    "addr-dep-mapping": NatKind(
        "A strict router: another public port for every computer that is written to.",
        NatBehaviour(mapping=Mapping.ADDRESS_DEPENDENT, allocation=Allocation.RANDOM),
    ),
    "symmetric": NatKind(
        "A strict router: another random public port for every destination.",
        NatBehaviour(mapping=_DEPENDENT, allocation=Allocation.RANDOM),
    ),
    "symmetric-seq": NatKind(
        "A strict router that takes the next public port for every destination.",
        NatBehaviour(mapping=_DEPENDENT, allocation=Allocation.SEQUENTIAL, first_port=40_000),
    ),
    "udp-blocked": NatKind(
        "A network that lets no UDP out: only web-like traffic passes.", rules=BoxRules(udp_ports=())
    ),
}
