"""A TURN client (RFC 8656) for one relay, from the first Allocate to the last Refresh. Pure.

Drive it so: `receive(data, now)` for what comes from the server, `poll_transmit()` for what goes there,
`poll_event()` for what happened, `handle_timeout(now)` at `deadline()`. Begin with `allocate`, then `permit` or
`bind` peers and `send`; `release` ends it. Everything that was asked for ends in an event. When the relay cannot
live on its socket any more, `SocketNeeded` asks for a new one: open it, then call `reopened`, or `unreachable`.
"""

from collections import deque
from collections.abc import Callable
from typing import Final

from netstack.core.turn_bindings import NEVER, Binding, Bindings
from netstack.core.turn_events import (
    Allocated,
    Bound,
    Ended,
    Event,
    PeerRefused,
    Permitted,
    Received,
    Refused,
    RelayLost,
    Renewed,
    SocketNeeded,
    TurnOptions,
)
from netstack.core.turn_lease import ASK_SILENT_S, Lease
from netstack.core.turn_ledger import RELEASE, Ledger
from netstack.core.turn_recovery import Recovery
from netstack.core.turn_redirect import why_not_follow
from netstack.core.turn_requests import Outcome, Requests
from netstack.errors import DecodeError
from netstack.model.address import Address
from netstack.model.turn import RelayPhase, RelayState, TurnCredentials, TurnError
from netstack.wire import stun, turn
from netstack.wire import stun_attributes as attr
from netstack.wire.stun import MessageClass, Method, StunMessage

MAX_EVENTS: Final = 4096
NO_RELAY_CODES: Final = {400, 438}  # coturn says so for ever once it has dropped the relay by itself


class TurnClient:
    """One relay at one server. `stream`: over TCP or TLS. Times are seconds on the clock of `now`.

    `credentials` gives a user for each allocation (time-limited ones are made anew); None: there are none.
    """

    def __init__(
        self,
        server: Address,
        credentials: Callable[[], TurnCredentials] | None,
        random_bytes: Callable[[int], bytes],
        *,
        stream: bool = False,
        options: TurnOptions | None = None,
    ) -> None:
        self.server = server
        self.options = options or TurnOptions()
        self.phase = RelayPhase.OPENING
        self.error: TurnError | None = None
        self.ledger = Ledger()
        self._random_bytes = random_bytes
        self._stream = stream
        self._frames = turn.StreamFrames()
        self._transmits: deque[bytes] = deque()
        self._events: deque[Event] = deque()
        self._requests = Requests(credentials, random_bytes, self._transmits, stream=stream)
        self._bindings = Bindings(self.options.permission_s, self.options.channel_s)
        self._lease = Lease()
        self._home = server
        self._redirected = self._changed_port = False
        self._recovery = Recovery()

    # what is wanted

    def allocate(self, now: float) -> None:
        """Asks for the relay; `Allocated` or `Ended` follows."""
        self._requests.begin()
        self.phase = RelayPhase.RECOVERING if self._recovery.under_way else RelayPhase.OPENING
        self.ledger.heard(now)
        self._lease.asked_s = now
        self._requests.start(Method.ALLOCATE, self.options.attributes(), None, now)

    def permit(self, host: str, now: float) -> None:
        """Lets a host send, and keeps it so; `Permitted` or `Refused` follows. Raises TurnError."""
        self._check_open()
        binding = self._bindings.permit(host, now)
        if binding.in_force(now) and self.phase is RelayPhase.ALLOCATED:
            self._tell(Permitted(host))
        else:
            self._renew(now)

    def bind(self, peer: Address, now: float) -> None:
        """Binds a channel, and keeps it; `Bound` or `Refused` follows. Raises TurnError."""
        self._check_open()
        binding = self._bindings.bind(peer, now)
        if binding.number is not None and self.channel(peer, now) is not None:
            self._tell(Bound(peer, binding.number))
        else:
            self._renew(now)

    def forget(self, peer: Address) -> None:
        """Lets the channel to a peer lapse; port 0: and the permission and all channels of its host."""
        self._bindings.forget(peer)

    def refresh(self, now: float) -> None:
        """Asks now how the relay is; its log tells."""
        if self.phase is RelayPhase.ALLOCATED and not self._requests.under_way(Method.REFRESH):
            self._lease.asked_s = now
            self._requests.start(Method.REFRESH, (attr.LIFETIME(self.options.lifetime_s),), None, now)

    def renew(self, now: float) -> None:
        """Renews relay, permissions and channels now; a `Renewed` for each follows."""
        self._bindings.hurry(now)
        self._renew(now)
        self.refresh(now)

    def release(self, now: float) -> None:
        """Gives the relay back; `Ended` follows. May be called at any time."""
        if self.phase is RelayPhase.ALLOCATED:
            self.phase = RelayPhase.RELEASING
            self._fail_open(TurnError(TurnError.Reason.CLOSED), now)
            self._requests.start(Method.REFRESH, (attr.LIFETIME(0),), RELEASE, now)
        elif self.phase in {RelayPhase.OPENING, RelayPhase.RECOVERING}:
            self._end(None, now)

    # data

    def channel(self, peer: Address, now: float) -> int | None:
        """The channel to a peer that is in force."""
        return self._bindings.channel(peer, now) if self.phase is RelayPhase.ALLOCATED else None

    def send(self, data: bytes, peer: Address, now: float, *, dont_fragment: bool = False) -> None:
        """Sends by the peer's channel, else in a Send indication; `dont_fragment` always by the latter.

        Raises TurnError: there is neither a channel nor a permission. It is counted in `dropped`, too.
        """
        number = None if dont_fragment else self.channel(peer, now)
        if number is not None:
            self._transmits.append(turn.encode_channel_data(number, data, padded=self._stream))
            self.ledger.sent(1, len(data))
        elif self.phase is RelayPhase.ALLOCATED and self._bindings.permits(peer.host, now):
            self._indicate(data, peer, dont_fragment=dont_fragment)
        else:
            self.ledger.dropped += 1
            raise TurnError(TurnError.Reason.NO_PERMISSION, str(peer))

    def send_ahead(self, data: bytes, peer: Address, now: float) -> None:
        """Binds a channel and does not wait for it: the data leaves right behind the request, in a Send indication.

        The request opens the way at the server before that comes; where it is lost on the way, so is the data. Raises
        TurnError: the channel was refused, or there is no relay now.
        """
        self._check_open()
        if self.phase is not RelayPhase.ALLOCATED:
            self.ledger.dropped += 1
            raise TurnError(TurnError.Reason.LOST)
        self._bindings.bind(peer, now)
        self._renew(now)
        self._indicate(data, peer)

    def _indicate(self, data: bytes, peer: Address, *, dont_fragment: bool = False) -> None:
        attributes = [attr.XOR_PEER_ADDRESS(peer), attr.DATA(data)]
        if dont_fragment:
            attributes.append(attr.DONT_FRAGMENT(True))
        indication = StunMessage(
            Method.SEND, MessageClass.INDICATION, self._random_bytes(12), tuple(attributes)
        )
        self._transmits.append(stun.encode(indication))
        self.ledger.sent(1, len(data))

    def wrap(self, data: bytes, segment_bytes: int, peer: Address, now: float) -> tuple[bytes, int] | None:
        """A burst for the peer's channel, to be sent by the caller; None where it has none.

        Gives the bytes and the size of each but the last: `data` is cut into `segment_bytes`.
        """
        number = self.channel(peer, now)
        if number is None:
            return None
        self.ledger.sent(-(-len(data) // segment_bytes), len(data))
        return turn.encode_channel_burst(number, data, segment_bytes, padded=self._stream)

    def unwrap(self, data: memoryview, segment_bytes: int, now: float) -> tuple[Address, bytes, int] | None:
        """A burst of one channel as peer, data and segment size; anything else goes to `receive` (None)."""
        found = turn.decode_channel_burst(data, segment_bytes)
        peer = self._bindings.peer_of(found[0]) if found is not None else None
        if found is None or peer is None:
            return None
        _, payload, size = found
        self.ledger.received(-(-len(data) // segment_bytes), len(payload), now)
        return peer, payload, size

    # the world

    def receive(self, data: bytes, now: float) -> None:
        """A datagram of the server, or bytes of its stream."""
        if not self._stream:
            self._take(data, now)
            return
        try:
            for frame in self._frames.feed(data):
                self._take(frame, now)
        except DecodeError:
            self.ledger.malformed += 1
            self.unreachable(TurnError(TurnError.Reason.NOT_TURN), now)

    def unreachable(self, error: TurnError, now: float) -> None:
        """The connection is cut, the new socket could not be opened, or the network refused a datagram."""
        if self.phase in {RelayPhase.RELEASED, RelayPhase.FAILED}:
            return
        if self._stream or self.phase is not RelayPhase.ALLOCATED:
            self._frames = turn.StreamFrames()
            for outcome in self._requests.fail_all(error, now):
                self.ledger.ended(outcome)
            self._lost(error, now)
        else:  # it may pass, or be anybody's ICMP: the relay is asked again
            self.error = error
            for outcome in self._requests.fail_all(error, now):
                self._finish(outcome, now)

    def reopened(self, server: Address, now: float) -> None:
        """There is a new socket, which leads to `server`: the one that was asked for."""
        if self.phase in {RelayPhase.OPENING, RelayPhase.RECOVERING}:
            self.server = server
            self._frames = turn.StreamFrames()
            self._transmits.clear()
            self._recovery.again_s = NEVER
            self.allocate(now)

    def poll_transmit(self) -> bytes | None:
        """The next message for the server."""
        return self._transmits.popleft() if self._transmits else None

    def poll_event(self) -> Event | None:
        """What happened next."""
        return self._events.popleft() if self._events else None

    def deadline(self) -> float | None:
        """When to call `handle_timeout`."""
        at = [self._requests.deadline() or NEVER, self._recovery.again_s]
        if self.phase is RelayPhase.ALLOCATED:
            lease = self._lease
            at += [lease.expires_s, lease.refresh_s, self._bindings.deadline(), self._doubt_s]
        due_s = min(at)
        return None if due_s == NEVER else due_s

    def handle_timeout(self, now: float) -> None:
        """Repeats, renews, gives up, begins anew."""
        for outcome in self._requests.handle_timeout(now):
            self._finish(outcome, now)
        if self.phase is RelayPhase.RECOVERING and self._recovery.take(now):
            self._tell(SocketNeeded(self._home, self.error or TurnError(TurnError.Reason.LOST)))
        if self.phase is not RelayPhase.ALLOCATED:
            return
        if now >= self._lease.expires_s:
            self._lost(self.error or TurnError(TurnError.Reason.LOST, "it lapsed"), now)
            return
        for binding in self._bindings.lapsed(now):
            self._tell(Refused(binding.peer, TurnError(TurnError.Reason.NO_PERMISSION, "it lapsed")))
        self._renew(now)
        if now >= self._lease.refresh_s or now >= self._doubt_s:
            self._lease.refresh_s = now + ASK_SILENT_S
            self._lease.asked_s = now
            self.refresh(now)

    def state(self, now: float) -> RelayState:
        """Everything of it, for people."""
        alive = self.phase in {RelayPhase.ALLOCATED, RelayPhase.RELEASING}
        return RelayState(
            server=str(self.server),
            phase=self.phase,
            silent_s=max(0.0, now - self.ledger.heard_s) if alive else None,
            permissions=self._bindings.permission_states(now),
            channels=self._bindings.channel_states(now),
            malformed=self.ledger.malformed + self._requests.unverified,
            software=self._requests.software,
            realm=self._requests.realm,
            **({} if self.error is None else self.error.facts()),
            **self._lease.facts(now, alive=alive),
            **self.ledger.facts(now),
        )

    @property
    def relayed(self) -> Address | None:
        """The newest relayed address."""
        return self._lease.relayed

    @property
    def challenged_s(self) -> float | None:
        """How long the server took to ask for credentials."""
        return self._requests.challenged_s

    @property
    def _doubt_s(self) -> float:
        return self._lease.doubt_s(self.ledger.heard_s, spoke=self.ledger.spoke, error=self.error)

    def _check_open(self) -> None:
        if self.phase in {RelayPhase.RELEASING, RelayPhase.RELEASED, RelayPhase.FAILED}:
            raise TurnError(TurnError.Reason.CLOSED)

    def _tell(self, event: Event) -> None:
        if isinstance(event, Received) and len(self._events) >= MAX_EVENTS:
            self.ledger.dropped += 1
        else:
            self._events.append(event)

    def _take(self, data: bytes, now: float) -> None:
        try:
            if turn.is_channel_data(data):
                self._take_channel_data(turn.decode_channel_data(data), now)
                return
            message = stun.decode(data)
        except DecodeError:
            self.ledger.malformed += 1
            return
        if message.message_class is MessageClass.INDICATION:
            if message.method == Method.DATA:
                self._take_indication(message, now)
        elif (outcome := self._requests.receive(message, data, now)) is not None:
            self.ledger.heard(now)
            self._finish(outcome, now)

    def _take_channel_data(self, frame: turn.ChannelData, now: float) -> None:
        peer = self._bindings.peer_of(frame.channel)
        if peer is None:
            self.ledger.dropped += 1
            return
        self.ledger.received(1, len(frame.data), now)
        self._tell(Received(peer, frame.data, frame.channel))

    def _take_indication(self, message: StunMessage, now: float) -> None:
        peer, data, icmp = (
            message.get(attr.XOR_PEER_ADDRESS), message.get(attr.DATA), message.get(attr.ICMP),
        )  # fmt: skip
        if peer is None or (data is None and icmp is None) or not self._bindings.permits(peer.host, now):
            self.ledger.dropped += 1
        elif icmp is not None:
            self.ledger.heard(now)
            self._tell(PeerRefused(peer, icmp))
        elif data is not None:
            self.ledger.received(1, len(data), now)
            self._tell(Received(peer, data, None))
            if self._bindings.came_as_indication(peer, now):
                self._renew(now)

    def _renew(self, now: float) -> None:
        """Asks for every permission and channel that is due."""
        if self.phase is not RelayPhase.ALLOCATED:
            return
        for binding in [b for b in self._bindings if b.due_s <= now]:
            binding.due_s = NEVER  # until its answer
            peer = attr.XOR_PEER_ADDRESS(binding.peer)
            if binding.number is None:
                self._requests.start(Method.CREATE_PERMISSION, (peer,), binding, now)
            else:
                number = attr.CHANNEL_NUMBER(binding.number)
                self._requests.start(Method.CHANNEL_BIND, (number, peer), binding, now)

    def _finish(self, outcome: Outcome, now: float) -> None:
        """A request has ended."""
        self.ledger.ended(outcome)
        request, error = outcome.request, outcome.error
        if request.subject == RELEASE:
            self._end(None, now)
        elif error is not None and error.reason is TurnError.Reason.MISMATCH:
            self._mismatch(error, now)
        elif request.method == Method.ALLOCATE:
            if error is None and outcome.response is not None:
                self._allocated(outcome.response, outcome.took_s, now)
            elif error is not None:
                self._allocate_failed(error, outcome.response, now)
        elif isinstance(request.subject, Binding):
            self._binding_finished(request.subject, error, request.began_s, now)
        elif error is None and outcome.response is not None:
            self.error = None
            self._lease.renew(outcome.response, now)
            self._tell(Renewed(None, outcome.took_s, None))
        else:
            self.error = error
            self._tell(Renewed(None, outcome.took_s, error))
            self._lease.asked_s = now
            if error is not None and error.code is not None and self.options.recover:
                self._lost(error, now)

    def _binding_finished(
        self, binding: Binding, error: TurnError | None, began_s: float, now: float
    ) -> None:
        was = binding.in_force(now)
        if was:
            self._tell(Renewed(binding.peer, now - began_s, error))
        if error is not None:
            self._bindings.refused(binding, error, now)
            if error.code in NO_RELAY_CODES:
                self.refresh(now)
            if error.code is not None or not binding.in_force(now):
                self._tell(Refused(binding.peer, error))
            return
        self._bindings.agreed(binding, began_s)
        if binding.number is None:
            if not was:
                self._tell(Permitted(binding.peer.host))
        elif not was:
            self._tell(Bound(binding.peer, binding.number))

    def _allocated(self, response: StunMessage, took_s: float, now: float) -> None:
        relayed = self._lease.grant(response, took_s, now)
        if relayed is None:
            self._allocate_failed(TurnError(TurnError.Reason.BAD_ANSWER), None, now)
            return
        again = self._recovery.under_way
        self.phase = RelayPhase.ALLOCATED
        self.error = None
        self._recovery.succeeded(now)
        lease, token = self._lease, response.get(attr.RESERVATION_TOKEN)
        self._tell(Allocated(relayed, lease.mapped, lease.lifetime_s or 0.0, took_s, again, token))
        self._renew(now)

    def _allocate_failed(self, error: TurnError, response: StunMessage | None, now: float) -> None:
        if error.reason is TurnError.Reason.REDIRECTED and response is not None and self.options.follow:
            alternate = response.get(attr.ALTERNATE_SERVER)
            why = why_not_follow(self.server, alternate, followed_one=self._redirected)
            if alternate is not None and not why:
                self._redirected = True
                self._tell(SocketNeeded(alternate, error))
                return
            error = TurnError(error.reason, f"{error.code}: {why}", code=error.code)
        self._lost(error, now)

    def _mismatch(self, error: TurnError, now: float) -> None:
        """437: this port has another history at the server, or the relay is gone (RFC 8656 section 7.4)."""
        self._fail_open(error, now)
        if self.phase is RelayPhase.OPENING and not self._changed_port:
            self._changed_port = True
            self._tell(SocketNeeded(self.server, error))
        else:
            self._lost(error, now)

    def _fail_open(self, error: TurnError, now: float) -> None:
        for outcome in self._requests.fail_all(error, now):
            self.ledger.ended(outcome)

    def _lost(self, error: TurnError, now: float) -> None:
        """There is no relay (any more): begin again where there was one, else it has failed."""
        self.error = error
        hopeless = self._recovery.hopeless(now)
        if self.phase is RelayPhase.ALLOCATED and self.options.recover:
            self._recovery.begin(now)
            hopeless = self._recovery.hopeless(now)
            self.ledger.recoveries += 1
            self._redirected = False
            self._tell(RelayLost(error))
        if hopeless or self.phase is RelayPhase.RELEASING:
            self._end(None if self.phase is RelayPhase.RELEASING else error, now)
            return
        self.phase = RelayPhase.RECOVERING
        self._fail_open(error, now)
        self._bindings.reset(now)
        self._lease.end()
        self._recovery.wait(now)

    def _end(self, error: TurnError | None, now: float) -> None:
        self._fail_open(error or TurnError(TurnError.Reason.CLOSED), now)
        self.error = error
        self.phase = RelayPhase.RELEASED if error is None else RelayPhase.FAILED
        self._lease.end()
        self._recovery.again_s = NEVER
        for binding in self._bindings:
            self._tell(Refused(binding.peer, error or TurnError(TurnError.Reason.CLOSED)))
        self._tell(Ended(error))
