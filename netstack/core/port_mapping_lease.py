"""When to renew a lease, and whether the gateway has forgotten it. Pure."""

from enum import StrEnum

from netstack.core.port_mapping import Grant

SHORTEST_WAIT_S = 4.0


class Change(StrEnum):
    """What an answer did to a lease."""

    RENEWED = "renewed"
    MOVED = "moved"


class EpochWatch:
    """Compares a gateway's uptime with our clock: a jump means that it lost its mappings.

    RFC 6887 section 8.5 for PCP; RFC 6886 section 3.6 for NAT-PMP, which lets the uptime run ahead.
    """

    def __init__(self, *, pcp: bool) -> None:
        self._pcp = pcp
        self._seen: tuple[int, float] | None = None

    def lost_state(self, epoch_s: int, now: float) -> bool:
        """Takes the uptime that an answer told; True when the gateway has started anew since the last one."""
        before, self._seen = self._seen, (epoch_s, now)
        if before is None:
            return False
        passed, counted = now - before[1], epoch_s - before[0]
        if not self._pcp:
            return counted < passed * 7 / 8 - 2
        return counted < -1 or passed + 2 < counted * 15 / 16 or counted + 2 < passed * 15 / 16


class Lease:
    """A mapping's time: renewed at half of what is left, and again at half of the rest, until it has run out.

    Drive it so: at `deadline()` renew, then tell `granted` or `failed`; `forgotten` makes it due at once.
    """

    def __init__(self, grant: Grant, now: float) -> None:
        self.grant = grant
        self._ends_at = now + grant.lifetime_s
        self._due_at = now + grant.lifetime_s / 2

    def deadline(self) -> float:
        """When to renew."""
        return self._due_at

    def left_s(self, now: float) -> float:
        """For how long the gateway still keeps it, as far as it told."""
        return max(0.0, self._ends_at - now)

    def granted(self, grant: Grant, now: float) -> Change:
        """The gateway renewed it, or made it anew."""
        before, self.grant = self.grant, grant
        self._ends_at = now + grant.lifetime_s
        self._due_at = now + max(grant.lifetime_s / 2, SHORTEST_WAIT_S)
        same = (before.external_host, before.external_port) == (grant.external_host, grant.external_port)
        return Change.RENEWED if same else Change.MOVED

    def failed(self, now: float) -> bool:
        """The gateway was silent or refused; False when the lease has run out, and nothing is left to renew."""
        left_s = self.left_s(now)
        self._due_at = now + min(max(left_s / 2, SHORTEST_WAIT_S), max(left_s, 0.0))
        return left_s > 0

    def forgotten(self, now: float) -> None:
        """The gateway lost it: ask again now."""
        self._due_at = now
