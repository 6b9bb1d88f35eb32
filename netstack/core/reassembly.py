"""Fragments become messages again: out of order, doubled, cut anew, contradictory, or never complete.

A lane is a row of units (docs/wire.md section 3.1). What has come is kept as pieces: stretches without
a gap that belong to one message. A piece that has both its ends is a message. Nothing is kept beyond the
bounds: what does not fit is refused, and the caller does not acknowledge it.
"""

from bisect import bisect_right, insort
from typing import Final

from netstack.core.intervals import IntervalSet
from netstack.model.session import FragmentStats
from netstack.wire.fragment import RELIABLE_LANES, UNIT_BYTES

MESSAGE_MAX_BYTES: Final = 4 << 20
PEER_MAX_BYTES: Final = 32 << 20
TOTAL_MAX_BYTES: Final = 256 << 20
PEER_MAX_FRAGMENTS: Final = 65536
EXPIRY_S: Final = 5.0
UNRELIABLE_INTERVALS: Final = 1024
MAX_INTERVALS: Final = 16384
FRAGMENT_COST_BYTES: Final = 48
PIECE_COST_BYTES: Final = 352

ORDERED_LANES: Final = RELIABLE_LANES // 2


class Budget:
    """Memory for fragments that all sessions share."""

    __slots__ = ("limit_bytes", "used_bytes")

    def __init__(self, limit_bytes: int = TOTAL_MAX_BYTES) -> None:
        self.limit_bytes = limit_bytes
        self.used_bytes = 0


class _Piece:
    """Units `start` to `end` of one message, without a gap, and when the first of them came.

    `parts` are its bytes; one of them may be what several `fragments` brought.
    """

    __slots__ = ("end", "first", "fragments", "last", "parts", "since_s", "size_bytes", "start")

    def __init__(
        self, start: int, end: int, first: bool, last: bool, parts: list[bytes], size_bytes: int, now: float
    ) -> None:
        self.start = start
        self.end = end
        self.first = first
        self.last = last
        self.parts = parts
        self.fragments = len(parts)
        self.size_bytes = size_bytes
        self.since_s = now

    @property
    def cost_bytes(self) -> int:
        return self.size_bytes + FRAGMENT_COST_BYTES * len(self.parts) + PIECE_COST_BYTES


class _Lane:
    """`floor`: everything below is finished with. `highest`: the end of the highest units seen."""

    __slots__ = ("done", "expires_s", "floor", "highest", "pieces", "starts")

    def __init__(self) -> None:
        self.starts: list[int] = []
        self.pieces: dict[int, _Piece] = {}
        self.done = IntervalSet()
        self.floor = 0
        self.highest = 0
        self.expires_s: float | None = None


class Reassembly:
    """All lanes of one peer. `receive` returns the messages that became whole.

    It returns None when the fragment could not be kept: do not acknowledge it then.
    """

    __slots__ = ("_budget", "_fragments", "_lanes", "_limit_bytes", "_resting", "stats", "used_bytes")

    def __init__(self, budget: Budget, stats: FragmentStats, limit_bytes: int = PEER_MAX_BYTES) -> None:
        self._budget = budget
        self._limit_bytes = limit_bytes
        self._lanes: dict[int, _Lane] = {}
        self._resting: tuple[tuple[int, int, int], ...] = ()
        self._fragments = 0
        self.stats = stats
        self.used_bytes = 0

    def reference(self, lane: int) -> int:
        """What 26-bit offsets of this lane are near to."""
        state = self._lane(lane)
        return state.floor if lane < RELIABLE_LANES else state.highest

    def contiguous(self, lane: int) -> int:
        """The end of what came of a reliable lane without a gap."""
        state = self._lane(lane)
        end = state.floor
        while True:
            if (piece := state.pieces.get(end)) is not None:
                end = piece.end
                continue
            at = bisect_right(state.done.starts, end) - 1
            if at < 0 or state.done.ends[at] <= end:
                return end
            end = state.done.ends[at]

    def deadline(self) -> float | None:
        """When to call `expire`."""
        return min(
            (lane.expires_s for lane in self._lanes.values() if lane.expires_s is not None), default=None
        )

    def receive(
        self, lane: int, first: bool, last: bool, offset: int, payload: bytes, now: float
    ) -> list[bytes] | None:
        """Takes one fragment."""
        self.stats.received_fragments += 1
        state = self._lane(lane)
        end = offset + len(payload) // UNIT_BYTES + last
        if end <= state.floor or state.done.covers(offset, end):
            self.stats.duplicates += 1
            return []
        full = len(state.done) >= MAX_INTERVALS and offset != state.floor and lane < RELIABLE_LANES
        if full or not self._room(len(payload) + FRAGMENT_COST_BYTES + PIECE_COST_BYTES, 1):
            self.stats.refused += 1
            return None
        if offset == state.highest:
            before = self._before(state, offset)
            touches = before is not None and before.end == offset
            if before is not None and touches and not first and not before.last:
                return self._append(lane, state, before, last, end, payload, now)
            if not touches or (before is not None and first and before.last):
                piece = _Piece(offset, end, first, last, [payload], len(payload), now)
                return self._add(lane, state, piece, now)
        return self._place(lane, state, first, last, offset, end, payload, now)

    def receive_run(self, lane: int, offset: int, payload: bytes, count: int, now: float) -> bool:
        """Takes `count` fragments that follow each other and what is there, joined, none of them an end.

        False: not as simple as that; give them one by one.
        """
        state = self._lane(lane)
        before = self._before(state, offset)
        if (
            before is None
            or not before.end == offset == state.highest
            or before.last
            or not self._room(len(payload) + FRAGMENT_COST_BYTES, 1)
        ):
            return False
        self.stats.received_fragments += count
        before.fragments += count - 1
        self._append(lane, state, before, False, offset + len(payload) // UNIT_BYTES, payload, now)
        return True

    def open_end(self, lane: int) -> int:
        """Where a lane goes on, while nothing of it is missing or kept; negative otherwise."""
        state = self._lanes.get(lane) or self._lane(lane)
        if state.pieces:
            return -1
        if state.floor == state.highest or (
            lane >= RELIABLE_LANES and state.done.ends and state.done.ends[-1] == state.highest
        ):
            return state.highest
        return -1

    def passed(self, ends: list[int], count: int) -> None:
        """So many whole messages came one after the other, and were given to the caller at once: lanes with an `open_end` go
        on from `ends` (negative: not looked at).
        """
        for lane, end in enumerate(ends):
            if end >= 0 and (state := self._lane(lane)).highest < end:
                if state.floor == state.highest:
                    state.floor = end
                else:
                    state.done.ends[-1] = end
                state.highest = end
        self.stats.received_fragments += count
        self.stats.completed += count

    def abandon(self, lane: int, offset: int, count: int) -> None:
        """The sender will not complete these units of an unreliable lane."""
        state = self._lane(lane)
        end = offset + count
        for start in [start for start in state.starts if offset <= start < end]:
            self._forget(state, state.pieces[start])
        self._finish(lane, state, offset, end)

    def expire(self, now: float) -> None:
        """Drops unreliable messages that are not whole in time."""
        for lane, state in self._lanes.items():
            if state.expires_s is None or state.expires_s > now:
                continue
            for piece in [state.pieces[start] for start in state.starts]:
                if piece.since_s + EXPIRY_S <= now:
                    self._give_up(state, piece)
                    self._finish(lane, state, piece.start, piece.end)
            oldest = min((piece.since_s for piece in state.pieces.values()), default=None)
            state.expires_s = None if oldest is None else oldest + EXPIRY_S

    def park(self) -> None:
        """Puts lanes with nothing in them to rest: two numbers each."""
        lanes = self._lanes
        self._lanes = {lane: state for lane, state in lanes.items() if state.pieces or state.done}
        self._resting += tuple(
            (lane, state.floor, state.highest) for lane, state in lanes.items() if lane not in self._lanes
        )

    def clear(self) -> None:
        """Gives all memory back."""
        self._budget.used_bytes -= self.used_bytes
        self.used_bytes = self._fragments = 0
        self._lanes.clear()

    def _lane(self, lane: int) -> _Lane:
        state = self._lanes.get(lane)
        if state is None:
            state = self._lanes[lane] = _Lane()
            for rest in self._resting:
                if rest[0] == lane:
                    _, state.floor, state.highest = rest
                    self._resting = tuple(each for each in self._resting if each is not rest)
        return state

    def _room(self, size_bytes: int, fragments: int) -> bool:
        return (
            self.used_bytes + size_bytes <= self._limit_bytes
            and self._budget.used_bytes + size_bytes <= self._budget.limit_bytes
            and self._fragments + fragments <= PEER_MAX_FRAGMENTS
        )

    def _account(self, size_bytes: int, fragments: int) -> None:
        self.used_bytes += size_bytes
        self._budget.used_bytes += size_bytes
        self._fragments += fragments

    @staticmethod
    def _before(state: _Lane, offset: int) -> _Piece | None:
        """The last piece that begins at or before `offset`."""
        starts = state.starts
        if not starts:
            return None
        if starts[-1] <= offset:
            return state.pieces[starts[-1]]
        at = bisect_right(starts, offset)
        return state.pieces[starts[at - 1]] if at else None

    def _append(
        self,
        lane: int,
        state: _Lane,
        piece: _Piece,
        last: bool,
        end: int,
        payload: bytes,
        now: float,
    ) -> list[bytes]:
        """The common case: the highest piece grows."""
        size_bytes = len(payload)
        if piece.size_bytes + size_bytes > MESSAGE_MAX_BYTES:
            return self._contradiction()
        piece.parts.append(payload)
        piece.fragments += 1
        self._account(size_bytes + FRAGMENT_COST_BYTES, 1)
        piece.size_bytes += size_bytes
        piece.end = state.highest = end
        piece.last = last
        return self._complete(lane, state, piece, now) if last and piece.first else []

    def _add(self, lane: int, state: _Lane, piece: _Piece, now: float) -> list[bytes]:
        self._account(piece.cost_bytes, len(piece.parts))
        if not state.starts or piece.start > state.starts[-1]:
            state.starts.append(piece.start)
        else:
            insort(state.starts, piece.start)
        state.pieces[piece.start] = piece
        state.highest = max(state.highest, piece.end)
        if piece.first and piece.last:
            return self._complete(lane, state, piece, now)
        if lane >= RELIABLE_LANES and state.expires_s is None:
            state.expires_s = piece.since_s + EXPIRY_S
        return []

    def _place(
        self,
        lane: int,
        state: _Lane,
        first: bool,
        last: bool,
        offset: int,
        end: int,
        payload: bytes,
        now: float,
    ) -> list[bytes]:
        """Anywhere: keeps what is new of the fragment and joins it with what it touches."""
        gaps, contradicts = self._new_parts(state, first, last, offset, end)
        if contradicts:
            return self._contradiction()
        if not gaps:
            self.stats.duplicates += 1
            return []
        whole: list[bytes] = []
        for start, stop in gaps:
            at_end = last and stop == end
            part = payload[(start - offset) * UNIT_BYTES : None if at_end else (stop - offset) * UNIT_BYTES]
            piece = _Piece(start, stop, first and start == offset, at_end, [part], len(part), now)
            whole += self._join(lane, state, piece, now)
        return whole

    def _new_parts(
        self, state: _Lane, first: bool, last: bool, offset: int, end: int
    ) -> tuple[list[tuple[int, int]], bool]:
        """The stretches of [offset, end) that are new, and whether it contradicts what is known."""
        contradicts = offset < state.floor or bool(state.done.gaps(offset, end) != [(offset, end)])
        gaps = []
        at = max(bisect_right(state.starts, offset) - 1, 0)
        cursor = offset
        for start in state.starts[at:]:
            piece = state.pieces[start]
            if start > end:
                break
            if piece.end < offset:
                continue
            contradicts = contradicts or (
                (first and start < offset < piece.end)
                or (last and start < end < piece.end)
                or (piece.first and offset < start < end)
                or (piece.last and offset < piece.end < end)
                or (piece.end == offset and piece.last != first)
                or (start == end and piece.first != last)
                or (start == offset and piece.first != first)
                or (piece.end == end and start < end and piece.last != last)
            )
            if start > cursor and start < end:
                gaps.append((cursor, start))
            cursor = max(cursor, min(piece.end, end)) if start < end else cursor
        if cursor < end:
            gaps.append((cursor, end))
        return gaps, contradicts

    def _join(self, lane: int, state: _Lane, piece: _Piece, now: float) -> list[bytes]:
        before = self._before(state, piece.start)
        after = state.pieces.get(piece.end)
        if before is not None and before.end == piece.start and not piece.first:
            self._forget(state, before)
            piece = self._joined(before, piece)
        if after is not None and not piece.last:
            self._forget(state, after)
            piece = self._joined(piece, after)
        if piece.size_bytes > MESSAGE_MAX_BYTES:
            return self._contradiction()
        return self._add(lane, state, piece, now)

    @staticmethod
    def _joined(left: _Piece, right: _Piece) -> _Piece:
        if len(left.parts) >= len(right.parts):
            left.parts.extend(right.parts)
            parts = left.parts
        else:
            right.parts[:0] = left.parts
            parts = right.parts
        size_bytes = left.size_bytes + right.size_bytes
        since_s = min(left.since_s, right.since_s)
        joined = _Piece(left.start, right.end, left.first, right.last, parts, size_bytes, since_s)
        joined.fragments = left.fragments + right.fragments
        return joined

    def _contradiction(self) -> list[bytes]:
        self.stats.inconsistencies += 1
        return []

    def _forget(self, state: _Lane, piece: _Piece) -> None:
        self._account(-piece.cost_bytes, -len(piece.parts))
        del state.pieces[piece.start]
        if state.starts[-1] == piece.start:
            state.starts.pop()
        else:
            del state.starts[bisect_right(state.starts, piece.start) - 1]

    def _complete(self, lane: int, state: _Lane, piece: _Piece, now: float) -> list[bytes]:
        """A message is whole. Ordered lanes give it, and what waited behind it, in its turn."""
        self.stats.completed += 1
        if piece.fragments > 1:
            took_s = now - piece.since_s
            self.stats.completed_fragmented += 1
            self.stats.assembly_sum_s += took_s
            self.stats.assembly_max_s = max(self.stats.assembly_max_s, took_s)
        if lane >= ORDERED_LANES:
            self._forget(state, piece)
            self._finish(lane, state, piece.start, piece.end)
            return [b"".join(piece.parts)]
        whole = []
        while (ready := state.pieces.get(state.floor)) is not None and ready.first and ready.last:
            self._forget(state, ready)
            state.floor = ready.end
            whole.append(b"".join(ready.parts))
        return whole

    def _give_up(self, state: _Lane, piece: _Piece) -> None:
        self.stats.timeouts += 1
        self.stats.lost_fragments += piece.fragments
        self._forget(state, piece)

    def _finish(self, lane: int, state: _Lane, start: int, end: int) -> None:
        """Units that are never wanted again. The gaps of unreliable lanes never close: few are remembered."""
        done = state.done
        if end <= state.floor:
            return
        done.add(max(start, state.floor), end)
        state.highest = max(state.highest, end)
        if lane >= RELIABLE_LANES and len(done) > UNRELIABLE_INTERVALS:
            state.floor = done.ends[len(done) - UNRELIABLE_INTERVALS]
            while state.starts and state.starts[0] < state.floor:
                self._give_up(state, state.pieces[state.starts[0]])
            done.drop_below(state.floor)
        if done.starts and done.starts[0] <= state.floor:
            state.floor = done.ends[0]
            done.drop_below(state.floor)
