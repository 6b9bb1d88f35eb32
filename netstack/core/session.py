"""A sealed session between two identities, over any number of paths (docs/wire.md).

The machine knows no socket and no clock. It is driven by:

    receive(data, path_id, flow, ...)        a packet, or a burst of packets, came for one of its paths
    send_message(data, priority, mode, ...)  the caller has something to say -> its number
    poll_transmit(now) -> Transmit | None    packets to send; call until None after anything happened
    poll_event(now) -> Event | None          what happened; call until None
    deadline(now) -> float | None            when to call `poll_transmit` again though nothing happened
"""

import contextlib
from collections import Counter
from collections.abc import Callable

from netstack.core.departure import Departure
from netstack.core.fast_path import FastPath
from netstack.core.fragments import Outbox
from netstack.core.handshake import Entropy, Secrets
from netstack.core.mtu_search import MtuCache
from netstack.core.reassembly import Budget
from netstack.core.seal import RunOpener
from netstack.core.session_inbox import Inbox
from netstack.core.session_path import AMPLIFICATION, Path
from netstack.core.session_paths import SPARES, Paths
from netstack.core.session_receive import (
    Buffer,
    DataRun,
    Opened,
    OpenedBurst,
    open_packet,
    open_run,
    take_burst,
    too_many_forgeries,
)
from netstack.core.session_routing import Routing
from netstack.core.session_sender import Sender, Transmit
from netstack.core.session_sent import Sent
from netstack.core.session_timers import Timers
from netstack.core.session_turns import Turns
from netstack.core.traffic_caps import TrafficCaps
from netstack.errors import DecodeError
from netstack.model.session import (
    CloseReason,
    Drop,
    Established,
    Event,
    Flow,
    FragmentStats,
    LinkTraits,
    Mode,
    PathOpened,
    Priority,
    SessionClosed,
    SessionError,
)
from netstack.wire import frame
from netstack.wire.fragment import Fragment


class Session:
    """One session. After `SessionClosed` everything is ignored.

    `secrets` are used up, not kept: what stays could open what was recorded.
    """

    __slots__ = (
        "_closing",
        "_entropy",
        "_events",
        "_fast",
        "_inbox",
        "_opener",
        "_paths",
        "_routing",
        "_sender",
        "_sent",
        "_stats",
        "_timers",
        "_turns",
        "closed",
        "drops",
        "established",
        "initiator",
        "outlives_links",
        "peer_key",
        "rests",
        "safety_digits",
    )

    def __init__(
        self,
        secrets: Secrets,
        flow: Flow,
        traits: LinkTraits,
        now: float,
        *,
        entropy: Entropy,
        new_id: Callable[[], int],
        budget: Budget,
        mtu_cache: MtuCache | None = None,
        departure: Departure | None = None,
        opener: RunOpener | None = None,
    ) -> None:
        self.peer_key = secrets.peer_key
        self.safety_digits = secrets.safety_digits
        self.initiator = secrets.initiator
        self._stats = FragmentStats()
        self.drops: Counter[Drop] = Counter()
        self.established = False
        self.outlives_links = False  # somebody moves the last path when its link is gone
        self.closed = False
        self.rests = (
            False  # `poll_transmit` has given all there is, and nothing but plain traffic has happened
        )
        self._entropy = entropy
        self._opener = opener or RunOpener()
        self._events: list[Event] = []
        self._closing: CloseReason | None = None
        self._turns = Turns(secrets.send_chain, secrets.receive_chain, entropy, now)
        self._inbox = Inbox(budget, self._stats, self.drops, traits.buffer_bytes)
        departure = departure or Departure()
        self._sender = Sender(
            Outbox(self._stats), self._turns, self._still_wanted, mtu_cache or MtuCache(), departure
        )
        self._sent = Sent(self._sender, self._turns)
        first = Path(0, secrets.receive_id, now, send_id=secrets.send_id)
        first.attach(flow, traits)
        first.prove()
        self._paths = Paths(
            first,
            initiator=secrets.initiator,
            entropy=entropy,
            new_id=new_id,
            events=self._events,
            say=self._sender.say,
            departure=departure,
        )
        self._routing = Routing(self._paths, self._sender)
        self._timers = Timers(
            self._turns, self._inbox, self._paths, self._sender, self._sent, self._routing, self._events, now
        )
        self._fast: FastPath | None = None

    # What the caller wants.

    @property
    def paths(self) -> Paths:
        """The paths, to look at."""
        self._settle()
        return self._paths

    @property
    def stats(self) -> FragmentStats:
        """What became of fragments."""
        self._settle()
        return self._stats

    @property
    def key_turn(self) -> int:
        """How often the sending key has turned."""
        return self._turns.send.turn

    @property
    def queued_bytes(self) -> int:
        """What waits to be sent, or to be acknowledged."""
        self._settle()
        return self._sender.outbox.queued_bytes

    def send_message(
        self,
        data: bytes,
        priority: Priority = Priority.REALTIME,
        mode: Mode = Mode.ORDERED,
        deadline_s: float | None = None,
        *,
        quiet: bool = False,
    ) -> int:
        """Queues a message and returns its number. `deadline_s` (only `Mode.DEADLINE`) is a time, not a span. No
        MessageAcknowledged follows a `quiet` one.

        Raises SessionError: closed, too large, or the queue is full (`SendReady` follows).
        """
        if self.closed or self._closing is not None:
            raise SessionError(SessionError.Reason.CLOSED)
        self._leave()
        return self._sender.outbox.put(data, mode, priority, deadline_s, quiet=quiet)

    @property
    def fast(self) -> FastPath | None:
        """The short way of small messages; None where there is none now."""
        if self._fast is None and self.established and self._closing is None and not self.closed:
            self._fast = FastPath(
                self._turns,
                self._inbox,
                self._paths,
                self._sender,
                self._sent,
                self._timers,
                self._events,
                self._acked,
            )
        return self._fast

    def _settle(self) -> None:
        """The books are to be looked at."""
        if self._fast is not None:
            self._fast.settle()

    def _leave(self) -> None:
        """The books are to be written by the general way."""
        if self._fast is not None:
            self._fast.leave()

    def _retire(self) -> None:
        """No fast path from here on, or another one."""
        if self._fast is not None:
            self._fast.retire()
            self._fast = None

    def _stir(self) -> None:
        """Something happens that is not plain traffic."""
        self._leave()
        self._timers.stir()

    def add_path(self, flow: Flow, traits: LinkTraits, now: float) -> int:
        """Tries another way to the peer; `PathOpened` tells when it works. Raises SessionError at the limit."""
        if self.closed:
            raise SessionError(SessionError.Reason.CLOSED)
        self._stir()
        return self._paths.add(flow, traits, now).id

    def use_path(self, path_id: int) -> None:
        """Messages travel on this path from now on, once it is proved."""
        path = self._paths.table.get(path_id)
        if path is not None and path.in_use:
            self._stir()
            self._paths.main = path_id
            self._paths.moved = True

    @property
    def doubled(self) -> bool:
        """Something travels on two paths now."""
        return self._routing.plan is not None and bool(self._routing.plan.copies)

    def route(self, routes: tuple[int, int, int] | None, *, reserve: int = -1, trial: int = -1) -> bool:
        """The path id of each priority (None: all on the main one), which path stands in for one in doubt, and which one gets
        copies to prove itself (-1: none). What is not in use carries nothing. The main path is that of Realtime.
        Returns whether anything has changed.
        """
        routing = self._routing
        if (routes, reserve, trial) == (routing.routes, routing.reserve, routing.trial):
            return False
        routing.routes, routing.reserve, routing.trial = routes, reserve, trial
        if routes is not None:
            self.use_path(routes[Priority.REALTIME])
        self._stir()
        routing.look()
        return True

    def route_of(self, priority: Priority) -> int:
        """The id of the path that carries messages of that priority now."""
        routes = self._routing.routes
        chosen = self._paths.table.get(routes[priority]) if routes is not None else None
        return chosen.id if chosen is not None and chosen.in_use else self._paths.main

    def test_path(self, path_id: int) -> None:
        """Sends a packet the size of data, so that a path which carries none can show whether it would."""
        path = self._paths.table.get(path_id)
        if path is not None:
            path.test_wanted = True
            self._stir()

    def leave_path(self, path_id: int) -> None:
        """Nothing arrives on a path: what is in flight there goes elsewhere. The path stays."""
        path = self._paths.table.get(path_id)
        if path is not None:
            self._stir()
            self._sent.give_up(path)

    def prepare_path(self, now: float) -> bool:
        """Sees to spare paths, so that `add_path` works while no path does. False: they are there, or the limit is reached."""
        if self.closed or len(self._paths.spares) >= SPARES:
            return False
        with contextlib.suppress(SessionError):
            self._paths.add_spare(now)
            self._stir()
            return True
        return False

    def move_path(self, path_id: int, flow: Flow, traits: LinkTraits, now: float) -> None:
        """Goes on with a path elsewhere, where no other path is left to add one by; `PathMoved` tells when it answers."""
        path = self._paths.table.get(path_id)
        if path is not None and not self.closed:
            self._stir()
            self._paths.move(path, flow, traits, now)

    def strand(self, path_id: int) -> bool:
        """The link of a path is gone. The last path waits to be moved, where somebody does that; false: end it."""
        path = self._paths.table.get(path_id)
        others = any(each.in_use for each in self._paths.table.values() if each is not path)
        if path is None or not self.outlives_links or others:
            return False
        self._stir()
        self._sent.give_up(path)
        path.flow = path.old_flow = None
        return True

    def cap(self, caps: TrafficCaps, now: float) -> None:
        """Keeps every path to what the user allows this peer."""
        self._leave()
        for path in self._paths.table.values():
            if path.traits is not None:
                path.cap(caps.of(self.peer_key, path.traits.kind), now)

    def close_path(self, path_id: int, reason: CloseReason = CloseReason.DONE) -> None:
        """Ends a path; the session goes on over another, or waits for one."""
        path = self._paths.table.get(path_id)
        if path is not None:
            self._stir()
            self._sent.give_up(path)
            self._paths.drop(path, reason)
            self._sender.say(frame.PathClose(path_id, reason))

    def packet_refused(self, path_id: int, size_bytes: int, now: float) -> None:
        """The system would not send a packet so large on this path (EMSGSIZE)."""
        path = self._paths.table.get(path_id)
        if path is not None:
            self._leave()
            self._sender.mtu_refused(path, size_bytes, now)

    def probe(self, path_id: int) -> int | None:
        """Sends a probe with four timestamps and returns its sequence; None while the path cannot."""
        path = self._paths.table.get(path_id)
        return None if path is None else self._paths.probe(path)

    def ping(self, path_id: int = 0) -> None:
        """Asks for a sign of life."""
        path = self._paths.table.get(path_id)
        if path is not None:
            path.ping_wanted = True

    def close(self, reason: CloseReason = CloseReason.DONE) -> None:
        """Says good-bye with the next packet, and ends."""
        if self._closing is None and not self.closed:
            self._retire()
            self._closing = reason

    def abort(self, reason: CloseReason, *, by_peer: bool = False) -> None:
        """Ends at once and forgets the keys. May be called twice."""
        if self.closed:
            return
        self._retire()
        self.closed = True
        self._sender.outbox.clear()
        self._sender.controls.clear()
        self._sender.report(self._events)
        self._inbox.reassembly.clear()
        self._paths.table.clear()
        self._paths.changed = True
        self._turns.forget_all()
        self._events.append(SessionClosed(reason, by_peer))

    @property
    def silent(self) -> bool:
        """No event waits."""
        outbox = self._sender.outbox
        return not (self._events or self._inbox.messages or outbox.done or outbox.dropped or outbox.full)

    def poll_event(self, now: float) -> Event | None:
        """The next thing that happened."""
        self._sender.report(self._events)
        if self._events and not isinstance(self._events[0], SessionClosed):
            return self._events.pop(0)
        if (read := self._inbox.read(now)) is not None:
            message, grants = read
            for credit in grants:
                self._sender.say(credit)
            return message
        return self._events.pop(0) if self._events else None

    # What comes in.

    def confirm(self) -> None:
        """The handshake has proved the peer: the session is up, and the peer should hear it."""
        if not self.established:
            self.established = True
            self._events.append(Established(self.peer_key, self.safety_digits, self.initiator))
            first = self._paths.table[0]
            if first.flow is not None:
                self._events.append(PathOpened(0, first.flow))
            self.ping()

    def receive(
        self,
        data: Buffer,
        path_id: int,
        flow: Flow,
        traits: LinkTraits,
        now: float,
        *,
        segment_bytes: int = 0,
        gap_bytes: int = 0,
        received_at_s: float | None = None,
    ) -> bool:
        """Takes a packet, or packets of `segment_bytes` each. False: nothing of it opened.

        `gap_bytes` lie between them that are not theirs. `received_at_s` is the kernel's stamp, where there is one.
        """
        path = self._paths.table.get(path_id)
        if path is None:
            self.drops[Drop.CLOSED] += 1
            return False
        self._leave()
        if path.cap_bucket is not None and not path.cap_bucket.take(len(data), now):
            self.drops[Drop.OVER_RATE] += 1
            return False
        path.stamp_s = received_at_s
        if not 0 < segment_bytes < len(data):
            return self._receive_one(path, data, flow, traits, now)
        burst = open_run(path, self._turns, self._opener, data, segment_bytes, gap_bytes)
        if burst is not None:
            self._opened(path, burst, len(data), flow, traits, now)
            return True
        ats = range(0, len(data), segment_bytes + gap_bytes)
        results = [self._receive_one(path, data[at : at + segment_bytes], flow, traits, now) for at in ats]
        return any(results)

    def _receive_one(self, path: Path, data: Buffer, flow: Flow, traits: LinkTraits, now: float) -> bool:
        if self.closed:
            return False
        opened = open_packet(path, self._turns, data, exclusive=traits.exclusive)
        if isinstance(opened, Drop):
            self.drops[opened] += 1
            if too_many_forgeries(self._turns):
                self.abort(CloseReason.LIMIT)
            return False
        self._opened(path, opened, len(data), flow, traits, now)
        return True

    def _opened(
        self,
        path: Path,
        opened: Opened | OpenedBurst,
        size_bytes: int,
        flow: Flow,
        traits: LinkTraits,
        now: float,
    ) -> None:
        self._stir()
        newest = opened.first > path.window.highest
        count = opened.packets
        path.window.add(opened.first, count)
        self._turns.opened(opened.turn, now)
        path.heard(count, size_bytes, now)
        if path.budget_bytes is not None and flow == path.flow:
            path.budget_bytes += AMPLIFICATION * size_bytes
        self._paths.heard_from(path, flow, traits, size_bytes, now, newest=newest)
        self.confirm()
        if isinstance(opened, Opened):
            asks = self._take(path, opened.turn, opened.plaintext, now)
            kept = [] if asks is None else [(opened.first, opened.first, asks)]
        else:
            kept = take_burst(
                opened,
                lambda plaintext: self._take(path, opened.turn, plaintext, now),
                lambda run: self._take_run(path, run, now),
            )
        if kept and not self.closed:
            acks, schedule = path.ensure_acks()
            in_order, eliciting = True, 0
            for first, last, asks in kept:
                in_order = acks.add(first, last, now) and in_order
                eliciting += (last - first + 1) * asks
            if eliciting:
                schedule.received(eliciting, in_order, now)

    def _take_run(self, path: Path, run: DataRun, now: float) -> bool:
        """The middle of a message at once; false when it is not that simple."""
        grants = None if self.closed else self._inbox.take_run(run, path.rtt_s, now)
        for credit in grants or ():
            self._sender.say(credit)
        self._turns.protected = self._turns.protected or grants is not None
        return grants is not None

    def _take(self, path: Path, turn: int, plaintext: bytes, now: float) -> bool | None:
        """One packet's frames: whether it asks to be acknowledged; None when it may not be."""
        if self.closed:
            return None
        try:
            frames = frame.decode(plaintext)
        except DecodeError:
            self.drops[Drop.MALFORMED] += 1
            return None
        kept, asks = True, False
        for each in frames:
            if isinstance(each, Fragment):
                grants = self._inbox.take(each, path.rtt_s, now)
                kept = kept and grants is not None
                for credit in grants or ():
                    self._sender.say(credit)
                self._turns.protected = asks = True
            else:
                self._control(path, each, turn, now)
                asks = asks or not isinstance(each, frame.SILENT)
            if self.closed:
                return None
        return asks if kept else None

    def _control(self, path: Path, each: frame.Control, turn: int, now: float) -> None:
        match each:
            case frame.Ack():
                self._acked(each, now)
            case frame.Credit(lane, limit):
                self._sender.outbox.credit(lane, limit)
            case frame.Abandon(lane, offset, count):
                self._inbox.reassembly.abandon(lane, offset, count)
            case frame.PathAdd(path_id, send_id):
                self._paths.added(path_id, send_id, now)
            case frame.PathClose(path_id, _):
                if (closed := self._paths.table.get(path_id)) is not None:
                    self._sent.give_up(closed)
                    self._paths.drop(closed, CloseReason.DONE)
            case frame.Challenge(token):
                path.say(frame.Response(token))
            case frame.Response(token):
                self._paths.response(path, token)
            case frame.Probe():
                self._paths.reflect(path, each, now)
            case frame.ProbeReply():
                self._paths.answered(path, each, now)
            case frame.KeyShare():
                self._their_share(each, turn)
            case frame.Close(reason):
                known = reason in CloseReason.__members__.values()
                self.abort(CloseReason(reason) if known else CloseReason.DONE, by_peer=True)
            case frame.Ping():
                pass

    def _acked(self, ack: frame.Ack, now: float) -> None:
        self._timers.acknowledged()
        path = self._paths.table.get(ack.path_id)
        if path is None or not self._sent.acked(path, ack, now):
            self.drops[Drop.BAD_ACK] += 1

    def _their_share(self, share: frame.KeyShare, turn: int) -> None:
        try:
            ours = self._turns.their_share(share, turn)
        except SessionError:
            self.abort(CloseReason.PROTOCOL)
            return
        if ours is not None:
            self._sender.say(ours)

    def _still_wanted(self, control: frame.Control) -> bool:
        match control:
            case frame.Credit():
                return self._inbox.still_newest(control)
            case frame.KeyShare():
                return self._turns.share_wanted(control)
            case frame.PathAdd(path_id, _):
                return path_id in self._paths.table
            case _:
                return True

    # What goes out, and when.

    def poll_transmit(self, now: float) -> Transmit | None:
        """The next packets to send, if any may leave now."""
        self.rests = False
        if self.closed:
            return None
        self._leave()
        if self._closing is not None:
            return self._say_good_bye(self._closing, now)
        if now >= self._timers.look_at_s:
            reason = self._timers.expire(now, established=self.established)
            if reason is not None:
                self.abort(reason)
                return None
            if self._routing.stale:
                self._routing.look()
        elif self._turns.ripe:
            self._timers.turn_keys(now)
        plan = self._routing.plan
        if plan is not None:
            return self._routing.poll(plan, now)
        main = self._paths.main
        for path in self._paths.table.values():
            transmit = self._sender.poll(path, now, main=path.id == main, carries=path.id == main)
            if transmit is not None:
                return transmit
        self.rests = bool(self._timers.calm) and self._sender.outbox.idle
        return None

    def _say_good_bye(self, reason: CloseReason, now: float) -> Transmit | None:
        plan = self._routing.plan
        path, transmit = self._paths.table.get(plan.lead if plan else self._paths.main), None
        if path is not None:
            path.urgent = [frame.Close(reason)]
            transmit = self._sender.poll(path, now, main=False, carries=False)
        self.abort(reason)
        return transmit

    def deadline(self, now: float) -> float | None:
        """When to call `poll_transmit` although nothing happened; `now` or earlier: at once."""
        if self.closed:
            return None
        if self._closing is not None:
            return now
        self._settle()
        return self._timers.deadline(now)

    def park(self, now: float) -> None:
        """Frees what an idle session does not need (cipher objects, congestion state)."""
        self._retire()
        self._turns.receive.forget(now)
        self._turns.park()
        self._sender.outbox.park()
        self._inbox.park()
        for path in self._paths.table.values():
            path.park()
