"""The ways to a peer that are known from meeting it: pairs of addresses that answered, and where it listens for TCP."""

from netstack.core.hole_punch import PairAnswered
from netstack.model.address import Address
from netstack.model.session import TCP_TRAITS, Flow, LinkTraits, TransportKind
from netstack.service.coordinator import Way
from netstack.service.sessions import Sessions
from netstack.service.traversal import Traversal


def known_ways(traversal: Traversal, sessions: Sessions) -> tuple[Way, ...]:
    """One way for each pair whose link is still there, then TCP."""
    ways = []
    for pair in traversal.answered:
        traits = sessions.endpoint.traits(pair.link)
        if traits is not None:
            ways.append(_way(pair, traits, sessions.local_host(pair.link)))
    return (*ways, *(_stream(place, sessions) for place in traversal.peer_tcp))


def _way(pair: PairAnswered, traits: LinkTraits, local: str) -> Way:
    async def begin() -> tuple[Flow, LinkTraits]:
        return Flow(pair.link, pair.remote), traits

    return Way(traits.kind, local, begin)


def _stream(place: Address, sessions: Sessions) -> Way:
    async def begin() -> tuple[Flow, LinkTraits]:
        return Flow(await sessions.open_stream(place)), TCP_TRAITS

    return Way(TransportKind.TCP, "", begin)
