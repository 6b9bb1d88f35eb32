"""When a session has something to do although nothing came in, and what it does then.

Two kinds of time: the slow ones (idle, keep-alive, challenges, key rounds, unfinished messages) and those of a path
that carries packets (loss, pacing, acknowledgements). Plain traffic only moves the slow ones away, so the earliest
of them is computed once and stays a good lower bound until something else happens (`stir`).
"""

from math import inf, nextafter
from typing import Final

from netstack.core.session_inbox import Inbox
from netstack.core.session_paths import Paths
from netstack.core.session_routing import Routing
from netstack.core.session_sender import Sender
from netstack.core.session_sent import Sent
from netstack.core.session_turns import Turns
from netstack.model.session import CloseReason, Event, KeysTurned
from netstack.wire import frame

IDLE_S: Final = 60.0


class Timers:
    """The clock of one session. `look_at_s`: nothing depends on the time before then."""

    __slots__ = (
        "_calms",
        "_events",
        "_inbox",
        "_paths",
        "_routing",
        "_sender",
        "_sent",
        "_slow_s",
        "_turns",
        "calm",
        "look_at_s",
    )

    def __init__(
        self,
        turns: Turns,
        inbox: Inbox,
        paths: Paths,
        sender: Sender,
        sent: Sent,
        routing: Routing,
        events: list[Event],
        now: float,
    ) -> None:
        self._turns = turns
        self._inbox = inbox
        self._paths = paths
        self._sender = sender
        self._sent = sent
        self._routing = routing
        self._events = events
        self._slow_s: float | None = None
        # Not 0: nothing but plain traffic has happened since `deadline` was asked. Each calm has a number of its own.
        self.calm = 0
        self._calms = 0
        self.look_at_s = now

    def stir(self) -> None:
        """Something happened that is not plain traffic: look at everything."""
        self.look_at_s = float("-inf")
        self._slow_s = None
        self.calm = 0

    def acknowledged(self) -> None:
        """Only the times of a path that carries packets have changed."""
        self.look_at_s = float("-inf")
        self.calm = 0

    def expire(self, now: float, *, established: bool) -> CloseReason | None:
        """Does everything whose time has come. Returns why the session is over, if it is."""
        if self._slow_s is not None and self._slow_s <= now:
            self._slow_s = None
        # Looking twice at one moment shows the same: a turn of the pump polls many bursts.
        self.look_at_s = nextafter(now, inf)
        self.calm = 0
        self._turns.receive.forget(now)
        self._inbox.reassembly.expire(now)
        self._paths.expire(now)
        heard_s = -1.0
        for path in list(self._paths.table.values()):
            heard_s = max(heard_s, path.last_heard_s)
            control = path.control
            if control is None:
                continue
            due = control.deadline(now, waiting=False)
            if due is not None and due <= now:
                self._sent.settle(path, control.expired(now), now)
                if control.exhausted:
                    path.suspect = True
                    self._slow_s = None
                    self._sent.give_up(path)
        self._routing.doubt(now)
        if heard_s + IDLE_S <= now:
            return CloseReason.IDLE
        if established and (share := self._turns.begin_fresh(now)) is not None:
            self._sender.say(share)
        self.turn_keys(now)
        self.tell_abandoned()
        return None

    def turn_keys(self, now: float) -> None:
        """Turns the sending key when it is time."""
        turned = self._turns.advance(now)
        if turned is None:
            return
        self._slow_s = None
        for path in self._paths.table.values():
            path.turn_first = path.next_number
        if turned > 0:
            self._events.append(KeysTurned(turned))
            if (main := self._paths.table.get(self._paths.main)) is not None:
                main.ping_wanted = True

    def tell_abandoned(self) -> None:
        """Says which messages will not be completed."""
        abandoned = self._sender.outbox.abandoned
        for lane, offset, count in abandoned:
            self._sender.say(frame.Abandon(lane, offset, count))
        abandoned.clear()

    def deadline(self, now: float) -> float:
        """When to look again."""
        due = self._slow_s
        if due is None:
            due = self._slow_s = self._slow_deadline()
        due = self._routing.deadline(now, due)
        self.look_at_s = due
        if not self.calm:
            self._calms += 1
            self.calm = self._calms
        return due

    def _slow_deadline(self) -> float:
        heard_s = max((path.last_heard_s for path in self._paths.table.values()), default=-1.0)
        due = [
            self._turns.receive.forget_s,
            self._inbox.reassembly.deadline(),
            self._paths.deadline(),
            self._turns.fresh_due_s(),
            heard_s + IDLE_S,
        ]
        return min(each for each in due if each is not None)
