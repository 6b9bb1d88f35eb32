"""Which path carries which priority, and why. Pure: health in, choice out, each move with its inequality.

Critical goes where least is lost, Realtime where the 99th percentile of the round trip is lowest, Bulk where most
comes through. A peer's preferred transport goes first while it is healthy. A path that is only better is moved to after a
dwell time that grows with every move; a path that delivers nothing is left at once, and put into quarantine: it is
tried again with copies of traffic that another path carries, and only what is delivered brings it back.
"""

import math
from collections import deque
from collections.abc import Mapping, Sequence
from typing import Final, NamedTuple

from netstack.model.coordinator import Decision, PathHealth, Reason
from netstack.model.session import Priority

MARGIN_S: Final = 0.005
METERED_MARGIN_S: Final = 0.02
LOSS_MARGIN: Final = 0.01
THROUGHPUT_GAIN: Final = 1.25
STALLED_S: Final = 1.0
SILENT_S: Final = 0.5
RESTING_SILENT_S: Final = 1.2
FRESH_N: Final = 8
HEALTHY_LOSS: Final = 0.05
DWELL_S: Final = 60.0
DWELL_GROWTH: Final = 4.0
MOVES_REMEMBERED_S: Final = 3600.0
QUARANTINE_S: Final = 10.0
QUARANTINE_MAX_S: Final = 600.0
QUARANTINE_FORGOTTEN_S: Final = 600.0
TRIAL_S: Final = 5.0
PROVED_PACKETS: Final = 5
SLOW_KINDS: Final = ("turn", "ble")
SURE: Final = 1.96
PRIORITIES: Final = tuple(Priority)


class Choice(NamedTuple):
    """The path of each priority, what is kept warm for them (-1: nothing), which path is on trial (-1: none)."""

    routes: tuple[int, int, int]
    reserve: int
    trial: int
    moves: tuple[Decision, ...]


class _Inequality(NamedTuple):
    reason: Reason
    left: float | None
    right: float | None
    margin: float
    unit: str
    text: str


class _Quarantine:
    """A path that failed: until when it rests, how often it failed, and since when it is tried."""

    __slots__ = ("failures", "released_s", "trial_s", "until_s")

    def __init__(self) -> None:
        self.failures = 0
        self.until_s = 0.0
        self.trial_s: float | None = None
        self.released_s: float | None = None


class Selector:
    """The routes of one session. `routes` begin on the path that the session began on."""

    def __init__(self, first: int) -> None:
        self.routes = (first, first, first)
        self._moves: dict[Priority, deque[float]] = {priority: deque() for priority in PRIORITIES}
        self._quarantine: dict[int, _Quarantine] = {}
        self._known: dict[int, PathHealth] = {}
        self._preferred: str | None = None

    def take(self, path: int, now: float) -> None:
        """Somebody else has put everything on a path. Within the dwell time that is not followed."""
        if now >= self._rests_until_s(Priority.REALTIME):
            self.routes = (path, path, path)

    def resting(self, path: int, now: float) -> float | None:
        """How long a path stays in quarantine; None when it is not there."""
        entry = self._quarantine.get(path)
        return None if entry is None or entry.released_s is not None else max(0.0, entry.until_s - now)

    def decide(
        self,
        healths: Sequence[PathHealth],
        now: float,
        *,
        preferred: str | None = None,
    ) -> Choice:
        """The routes from now on. `preferred` is a transport; another choice of the user counts at once, whatever moved before."""
        if preferred != self._preferred:
            self._preferred = preferred
            for before in self._moves.values():
                before.clear()
        paths = {each.path: each for each in healths}
        self._release(paths, now)
        moves = []
        for priority in PRIORITIES:
            move = self._move(priority, paths, now, preferred)
            if move is not None:
                moves.append(move)
                routes = list(self.routes)
                routes[priority] = move.target
                self.routes = (routes[0], routes[1], routes[2])
        self._known = paths
        self._forget(paths, now)
        return Choice(self.routes, self._reserve(paths, now), self._trial(paths, now), tuple(moves))

    # One priority.

    def _move(
        self, priority: Priority, paths: Mapping[int, PathHealth], now: float, preferred: str | None
    ) -> Decision | None:
        current = paths.get(self.routes[priority])
        others = [each for each in paths.values() if each is not current and self._fit(each, now)]
        failed = _failure(current) if current is not None else None
        if current is None or failed is not None:
            if current is not None:
                self._punish(current.path, now)
            if not others:
                others = [each for each in paths.values() if each is not current and each.stalled_s is None]
            if not others:
                return None
            lost = "" if current is None else current.local
            target = min(others, key=lambda each: (bool(lost) and each.local == lost, _rank(priority, each)))
            known = current or self._known.get(self.routes[priority])
            if failed is None:
                gone = known.name if known else "The path"
                failed = _Inequality(Reason.CLOSED, None, None, 0.0, "", f"{gone} is gone: moved to ?")
            return self._decided(priority, known, target, failed, now)
        if now < self._rests_until_s(priority):
            return None
        for target in sorted(others, key=lambda each: _rank(priority, each)):
            found = _better(priority, current, target, preferred)
            if found is not None:
                return self._decided(priority, current, target, found, now)
        return None

    def _decided(
        self, priority: Priority, source: PathHealth | None, target: PathHealth, why: _Inequality, now: float
    ) -> Decision:
        self._moves[priority].append(now)
        text = why.text.replace("moved to ?", f"moved to {target.name}")
        return Decision(
            at_s=now,
            priority=priority,
            source=self.routes[priority],
            source_transport=source.transport if source else "",
            target=target.path,
            target_transport=target.transport,
            reason=why.reason,
            left=why.left,
            right=why.right,
            margin=why.margin,
            unit=why.unit,
            sentence=text,
        )

    def _rests_until_s(self, priority: Priority) -> float:
        """The dwell time after a move: a minute, and four times as long for every further move within the hour."""
        moves = self._moves[priority]
        if not moves:
            return 0.0
        dwell_s = DWELL_S * DWELL_GROWTH ** (len(moves) - 1)
        return moves[-1] + min(dwell_s, MOVES_REMEMBERED_S)

    # Quarantine.

    def _fit(self, path: PathHealth, now: float) -> bool:
        """It may carry traffic: measured freshly, heard of a moment ago, not failing, not in quarantine."""
        silent_s = RESTING_SILENT_S if path.rests else SILENT_S
        heard = path.checked_s is None or path.checked_s <= silent_s + (path.p99_s or 0.0)
        return path.n >= FRESH_N and heard and _failure(path) is None and self.resting(path.path, now) is None

    def _punish(self, path: int, now: float) -> None:
        entry = self._quarantine.setdefault(path, _Quarantine())
        if entry.until_s > now and entry.released_s is None:
            return
        entry.failures += 1
        entry.until_s = now + min(QUARANTINE_S * 2 ** (entry.failures - 1), QUARANTINE_MAX_S)
        entry.trial_s = entry.released_s = None

    def _release(self, paths: Mapping[int, PathHealth], now: float) -> None:
        """Ends the quarantine of what has proved itself on trial, begins trials that are due, prolongs for the rest."""
        for number, entry in self._quarantine.items():
            path = paths.get(number)
            if path is None or entry.released_s is not None or now < entry.until_s:
                continue
            if entry.trial_s is None:
                entry.trial_s = now
            elif now - entry.trial_s >= TRIAL_S:
                if _proved(path):
                    entry.released_s = now
                else:
                    self._punish(number, now)

    def _trial(self, paths: Mapping[int, PathHealth], now: float) -> int:
        for number, entry in self._quarantine.items():
            if number in paths and entry.trial_s is not None and entry.released_s is None:
                return number
        return -1

    def _reserve(self, paths: Mapping[int, PathHealth], now: float) -> int:
        """The best path that Realtime does not use: one that shares little with it first."""
        current = paths.get(self.routes[Priority.REALTIME])
        others = [each for each in paths.values() if each is not current and each.stalled_s is None]
        if not others:
            return -1
        kind = current.transport if current else ""
        best = min(
            others,
            key=lambda each: (
                not self._fit(each, now),
                each.metered,
                current is not None and each.local == current.local,
                each.transport == kind,
                _rank(Priority.REALTIME, each),
            ),
        )
        return best.path

    def _forget(self, paths: Mapping[int, PathHealth], now: float) -> None:
        for number in list(self._quarantine):
            released_s = self._quarantine[number].released_s
            old = released_s is not None and now - released_s > QUARANTINE_FORGOTTEN_S
            if number not in paths or old:
                del self._quarantine[number]
        for moves in self._moves.values():
            while moves and now - moves[0] > MOVES_REMEMBERED_S:
                moves.popleft()


def _proved(path: PathHealth) -> bool:
    """It delivers again: data where data was sent, and at least answers."""
    delivers = path.packets >= PROVED_PACKETS and (path.success or 0.0) > 0.5
    return path.stalled_s is None and path.n >= FRESH_N and (delivers or not path.packets)


def _failure(path: PathHealth) -> _Inequality | None:
    """Why a path cannot carry anything; life is judged by delivered data where data was sent."""
    if path.stalled_s is not None and path.stalled_s > STALLED_S:
        return _Inequality(
            Reason.STALLED,
            path.stalled_s,
            STALLED_S,
            0.0,
            "s",
            f"{path.name} has delivered nothing for {path.stalled_s:.1f} s > {STALLED_S:.0f} s: moved to ?",
        )
    if path.n == 0 and path.probes >= FRESH_N and not path.success:
        return _Inequality(
            Reason.SILENT,
            float(path.probes),
            float(FRESH_N),
            0.0,
            "",
            f"{path.name} answered none of {path.probes} probes: moved to ?",
        )
    return None


def _rank(priority: Priority, path: PathHealth) -> tuple[float, ...]:
    """Smaller is better."""
    p99_s = math.inf if path.p99_s is None else path.p99_s
    slow = float(path.transport in SLOW_KINDS)
    if priority is Priority.CRITICAL:
        return (path.metered, _lost(path), p99_s)
    if priority is Priority.REALTIME:
        return (p99_s + (METERED_MARGIN_S if path.metered else 0.0), _lost(path))
    return (path.metered, slow, -(path.throughput or 0.0), p99_s)


def _better(
    priority: Priority, current: PathHealth, other: PathHealth, preferred: str | None
) -> _Inequality | None:
    """The inequality that speaks for moving; None: stay."""
    if preferred is not None and _healthy(current) and current.transport == preferred:
        return None
    if preferred is not None and other.transport == preferred and current.transport != preferred:
        if not _healthy(other):
            return None
        loss = other.loss or 0.0
        return _Inequality(
            Reason.PREFERRED,
            HEALTHY_LOSS,
            loss,
            0.0,
            "",
            f"{other.name} is preferred, and its loss {_share(loss)} <= {_share(HEALTHY_LOSS)}: moved to ?",
        )
    if priority is Priority.CRITICAL:
        return _more_reliable(current, other)
    if priority is Priority.REALTIME:
        return _quicker(current, other)
    return _faster(current, other)


def _healthy(path: PathHealth) -> bool:
    return path.n >= FRESH_N and path.stalled_s is None and (path.loss or 0.0) <= HEALTHY_LOSS


def _quicker(current: PathHealth, other: PathHealth) -> _Inequality | None:
    if current.p99_s is None or other.p99_s is None or current.n < FRESH_N:
        return None
    margin_s = METERED_MARGIN_S if other.metered and not current.metered else MARGIN_S
    if (other.loss or 0.0) > max(HEALTHY_LOSS, current.loss or 0.0):
        return None  # quick answers of a path that loses many are no gain
    if current.p99_s <= other.p99_s + margin_s:
        return None
    extra = " (metered)" if margin_s > MARGIN_S else ""
    return _Inequality(
        Reason.LATENCY,
        current.p99_s,
        other.p99_s,
        margin_s,
        "s",
        f"{current.name} p99 {_ms(current.p99_s)} > {other.name} p99 {_ms(other.p99_s)} + {_ms(margin_s)}{extra}: moved to ?",
    )


def _more_reliable(current: PathHealth, other: PathHealth) -> _Inequality | None:
    """Only where chance does not explain the difference (a 95 % bound of each)."""
    if current.metered and not other.metered and _healthy(other):
        return _Inequality(
            Reason.UNMETERED,
            HEALTHY_LOSS,
            other.loss or 0.0,
            0.0,
            "",
            f"{current.name} is metered, {other.name} is not and loses {_share(other.loss or 0.0)}: moved to ?",
        )
    ours, theirs = _lost(current), _lost(other)
    unsure = math.hypot(_error(ours, current), _error(theirs, other))
    margin = max(LOSS_MARGIN, SURE * unsure)
    if (other.metered and not current.metered and _healthy(current)) or ours <= theirs + margin:
        return None
    return _Inequality(
        Reason.RELIABILITY,
        ours,
        theirs,
        margin,
        "",
        f"{current.name} loss {_share(ours)} > {other.name} loss {_share(theirs)} + {_share(margin)}: moved to ?",
    )


def _faster(current: PathHealth, other: PathHealth) -> _Inequality | None:
    if other.metered and not current.metered and _healthy(current):
        return None
    if current.metered and not other.metered and _healthy(other):
        loss = other.loss or 0.0
        text = f"{current.name} is metered, {other.name} is not and loses {_share(loss)}: moved to ?"
        return _Inequality(Reason.UNMETERED, HEALTHY_LOSS, loss, 0.0, "", text)
    ours, theirs = current.throughput, other.throughput
    slow = current.transport in SLOW_KINDS and other.transport not in SLOW_KINDS
    if slow and _healthy(other) and (ours is None or theirs is None):
        loss = other.loss or 0.0
        text = f"{other.name} is of a faster kind than {current.name} and loses {_share(loss)}: moved to ?"
        return _Inequality(Reason.UPGRADE, HEALTHY_LOSS, loss, 0.0, "", text)
    if ours is None or theirs is None or theirs <= ours * THROUGHPUT_GAIN:
        return None
    text = (
        f"{other.name} {_mbit(theirs)} > {current.name} {_mbit(ours)} + {THROUGHPUT_GAIN - 1:.0%}: moved to ?"
    )
    return _Inequality(Reason.THROUGHPUT, theirs, ours, ours * (THROUGHPUT_GAIN - 1), "B/s", text)


def _lost(path: PathHealth) -> float:
    """Share that is lost: of probes both ways, or of data, whichever is worse; 1 where nothing is known."""
    known = [
        each for each in (path.loss, None if path.success is None else 1 - path.success) if each is not None
    ]
    return max(known, default=1.0)


def _error(share: float, path: PathHealth) -> float:
    """The standard error of a share, never 0: Agresti and Coull's two more of each."""
    n = max(path.probes, path.packets) + 4
    share = (share * (n - 4) + 2) / n
    return math.sqrt(share * (1 - share) / n)


def _ms(seconds: float) -> str:
    return f"{seconds * 1000:.3g} ms" if seconds < 1 else f"{seconds:.2f} s"


def _share(share: float) -> str:
    return f"{share * 100:.2g} %"


def _mbit(bytes_per_s: float) -> str:
    return f"{bytes_per_s * 8 / 1e6:.3g} Mbit/s"
