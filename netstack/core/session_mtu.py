"""A path's packet size is searched for, used, and given up again when large packets vanish (RFC 8899).

The search begins when somebody sends more than fits a packet. A probe is PING and PADDING in a packet of its own,
sealed like any other; that it is acknowledged proves its size, and that it is lost says nothing of congestion. What
was found is remembered for an hour by the far address, for the next session.
"""

from typing import Final

from netstack.core.loss_detection import Outcome
from netstack.core.mtu_search import BLACK_HOLE_LOSSES, MtuCache, MtuSearch, Phase
from netstack.core.session_path import NEVER_S, Path

SILENT_PROBE_TIMEOUTS: Final = 3
PATIENCE: Final = (
    4  # loss detection tells of a lost probe earlier than that, and one loss must not count twice
)


def begin(path: Path, cache: MtuCache, now: float) -> None:
    """Starts the search where there is something to find. Beginning twice does nothing."""
    path.mtu_due_s = NEVER_S
    traits = path.traits
    if path.mtu is not None or traits is None or traits.reliable or traits.max_mtu_bytes <= traits.mtu_bytes:
        return
    path.mtu = MtuSearch(
        traits.max_mtu_bytes, base_bytes=traits.mtu_bytes, cached_bytes=cache.get(_key(path), now)
    )
    path.mtu_due_s = now


def poll(path: Path, now: float) -> int | None:
    """The size of a probe to send now."""
    if path.mtu is None:
        path.mtu_due_s = NEVER_S
        return None
    size_bytes = path.mtu.poll_probe(now, PATIENCE * path.probe_timeout_s())
    _settle(path, now)
    return size_bytes


def learn(path: Path, outcome: Outcome, cache: MtuCache, now: float) -> None:
    """Takes what loss detection told of packets and their sizes."""
    search = path.mtu
    if search is None or path.traits is None:
        return
    base_bytes = path.traits.mtu_bytes
    for burst, mask in outcome.acked:
        if burst.packet_bytes > base_bytes:
            newest = burst.first + mask.bit_length() - 1
            path.mtu_passed = max(path.mtu_passed, newest)
            tail_alone = mask == 1 << (burst.count - 1)
            search.acked(burst.last_bytes if tail_alone else burst.packet_bytes, now)
    for burst, mask in outcome.lost:
        if burst.mtu_probe:
            search.lost(burst.packet_bytes, now)
        elif burst.packet_bytes == search.mtu_bytes > base_bytes:
            # Chance takes one here and there; a black hole takes all that are newer than the last that passed.
            newer = mask >> max(path.mtu_passed - burst.first + 1, 0)
            for _ in range(min(newer.bit_count(), BLACK_HOLE_LOSSES)):
                search.lost(burst.packet_bytes, now)
    if outcome.probes and path.control and path.control.losses.probe_timeouts >= SILENT_PROBE_TIMEOUTS:
        search.silent()
    if outcome.acked or outcome.lost or outcome.probes:
        _use(path, search, cache, now)


def refused(path: Path, size_bytes: int, cache: MtuCache, now: float) -> None:
    """The system would not send packets of this size on the way that the path takes."""
    if path.mtu is not None:
        path.mtu.refused(size_bytes, now)
        _use(path, path.mtu, cache, now)


def restart(path: Path) -> None:
    """The path leads elsewhere: only the base is known to pass."""
    if path.traits is not None:
        path.mtu, path.mtu_due_s = None, NEVER_S
        path.resize(path.traits.mtu_bytes)


def _use(path: Path, search: MtuSearch, cache: MtuCache, now: float) -> None:
    if search.mtu_bytes != path.mtu_bytes:
        path.resize(search.mtu_bytes)
        cache.put(_key(path), search.mtu_bytes, now)
    _settle(path, now)


def _settle(path: Path, now: float) -> None:
    if path.mtu is None:
        return
    due_s = path.mtu.deadline()
    if due_s is None:
        due_s = now if path.mtu.phase is Phase.SEARCHING else NEVER_S
    path.mtu_due_s = due_s


def _key(path: Path) -> str:
    flow, traits = path.flow, path.traits
    host = flow.remote.host if flow is not None and flow.remote is not None else ""
    return f"{traits.kind if traits else ''} {host}"
