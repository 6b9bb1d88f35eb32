"""Which path of a session carries what: one for each priority, a stand-in for one in doubt, copies for one on trial.

Usually all goes over the main path and there is no plan at all. The routes are the caller's (`core.selector`); what a
doubt changes is done here at once, as no message may wait for the next look at the figures.
"""

from collections.abc import Mapping
from typing import NamedTuple

from netstack.core.fragments import EVERY_PRIORITY
from netstack.core.path_doubt import rescue, silent_from_s
from netstack.core.session_path import Path
from netstack.core.session_paths import Paths
from netstack.core.session_sender import Sender, Transmit
from netstack.model.session import Priority


class Plan(NamedTuple):
    """What goes where while not all of it goes over one path.

    `shares`: the priorities (bit by value) that a path carries. `copies`: who gets a copy of what a path carries, bulk
    aside. `lead` carries control frames. `helped` are the paths in doubt that `stand_in` stands in for.
    """

    lead: int
    shares: dict[int, int]
    copies: dict[int, list[Path]]
    helped: list[Path]
    stand_in: Path | None


class Routing:
    """`routes` is the path id of each priority (None: all on the main path), `plan` what comes of it and of the doubts."""

    __slots__ = ("_paths", "_sender", "plan", "reserve", "routes", "trial")

    def __init__(self, paths: Paths, sender: Sender) -> None:
        self._paths = paths
        self._sender = sender
        self.plan: Plan | None = None
        self.routes: tuple[int, int, int] | None = None
        self.reserve = self.trial = -1

    @property
    def stale(self) -> bool:
        """A doubt has come or gone, or a path has."""
        return bool(self._sender.doubts.changed) or self._paths.moved

    def look(self) -> None:
        """Makes the plan anew. What is in flight on a path newly in doubt is carried twice from here on."""
        sender, before = self._sender, self.plan
        sender.doubts.changed.clear()
        self._paths.moved = False
        plan = self.plan = _plan(self._paths.table, self._paths.main, self.routes, self.reserve, self.trial)
        sender.copy_to = None if plan is None else plan.copies
        sender.doubts.stand_in = None if plan is None else plan.stand_in
        if plan is None:
            sender.outbox.show(EVERY_PRIORITY)
            return
        for path in plan.helped:
            if plan.stand_in is not None and (before is None or path not in before.helped):
                rescue(path, plan.stand_in)
        main = self._paths.table.get(self._paths.main)
        if main is not None and plan.lead != main.id and (before is None or before.lead == main.id):
            sender.repeat_controls(main)

    def poll(self, plan: Plan, now: float) -> Transmit | None:
        """The next packets, by the plan."""
        for path in self._paths.table.values():
            share = plan.shares.get(path.id, 0)
            self._sender.outbox.show(share)
            transmit = self._sender.poll(path, now, main=path.id == plan.lead, carries=share > 0)
            if transmit is not None:
                return transmit
        return None

    def deadline(self, now: float, due: float) -> float:
        """When the first path has something to do, or `due` when that is earlier."""
        plan, main, sender = self.plan, self._paths.main, self._sender
        for path in self._paths.table.values():
            if plan is None:
                each = sender.deadline(path, now, main=path.id == main, carries=path.id == main)
            else:
                share = plan.shares.get(path.id, 0)
                sender.outbox.show(share)
                each = sender.deadline(path, now, main=path.id == plan.lead, carries=share > 0)
            if each is not None and each < due:
                due = each
            if len(self._paths.table) > 1 and (doubt_due_s := silent_from_s(path)) is not None:
                due = min(due, doubt_due_s)
        return due

    def doubt(self, now: float) -> None:
        """Finds the paths on which data is unanswered for too long."""
        if len(self._paths.table) > 1:
            for path in self._paths.table.values():
                doubt_due_s = silent_from_s(path)
                if doubt_due_s is not None and doubt_due_s <= now:
                    self._sender.doubts.silence(path, now)


def _plan(
    table: Mapping[int, Path], main: int, routes: tuple[int, int, int] | None, reserve: int, trial: int
) -> Plan | None:
    """None: everything on the main path."""
    shares: dict[int, int] = {}
    copies: dict[int, list[Path]] = {}
    helped: list[Path] = []
    first, tried, stand_in = table.get(main), table.get(trial), None
    lead = main
    if first is not None and first.doubt_s is not None and (stand_in := _stand_in(table, first, reserve)):
        lead = stand_in.id
    for priority in Priority:
        path = first if routes is None else table.get(routes[priority], first)
        if path is None or not path.in_use:
            path = first
        if path is None:
            continue
        carrier = path
        if priority is not Priority.BULK:
            if path.doubt_s is not None:
                stand_in = stand_in or _stand_in(table, path, reserve)
                carrier = stand_in if stand_in is not None and stand_in is not path else path
            extra = [path, tried] if tried is not None and tried.in_use else [path]
            for each in extra:
                targets = copies.setdefault(carrier.id, [])
                if each is not carrier and each not in targets:
                    targets.append(each)
            if carrier is not path and path not in helped:
                helped.append(path)
        shares[carrier.id] = shares.get(carrier.id, 0) | 1 << priority
    copies = {number: targets for number, targets in copies.items() if targets}
    if lead == main and not copies and shares in ({}, {main: EVERY_PRIORITY}):
        return None
    return Plan(lead, shares, copies, helped, stand_in)


def _stand_in(table: Mapping[int, Path], path: Path, reserve: int) -> Path | None:
    """Who carries what matters while `path` is in doubt: the reserve, or what was heard last."""
    fit = [
        each
        for each in table.values()
        if each is not path
        and each.in_use
        and each.able
        and each.proved
        and not each.suspect
        and each.stalled_since_s is None
    ]
    fit = [each for each in fit if each.doubt_s is None] or fit  # two doubtful ones are better than one
    kept = next((each for each in fit if each.id == reserve), None)
    return kept or max(fit, key=lambda each: each.last_heard_s, default=None)
