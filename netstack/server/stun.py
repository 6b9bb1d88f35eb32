"""A STUN server (RFC 8489) with NAT behaviour discovery (RFC 5780): two addresses by two ports.

For the lab and the tests it can also be dishonest, in the ways in which public servers are.
"""

from enum import StrEnum

from netstack.errors import DecodeError
from netstack.model.address import Address
from netstack.server.machine import Server, StreamClose, StreamSend, Transmit
from netstack.server.rate import SourceRate
from netstack.wire import stun
from netstack.wire import stun_attributes as attr
from netstack.wire.stun import MessageClass, Method, StunMessage
from netstack.wire.stun_attributes import Attribute, ChangeRequest
from netstack.wire.turn import StreamFrames

LIE = Address("192.0.2.66", 6666)
SOFTWARE = "Peerscope"
_UNDERSTOOD = {
    attr.CHANGE_REQUEST.code,
    attr.MESSAGE_INTEGRITY.code,
    attr.MESSAGE_INTEGRITY_SHA256.code,
    attr.NONCE.code,
    attr.PADDING.code,
    attr.PRIORITY.code,
    attr.REALM.code,
    attr.RESPONSE_PORT.code,
    attr.USERNAME.code,
    attr.USE_CANDIDATE.code,
}


class Behaviour(StrEnum):
    """How a server answers."""

    HONEST = "honest"
    LIES = "lies"
    """The reflexive address is another one."""
    SELF_ALTERNATE = "self-alternate"
    """Its own address is advertised as the other one: every NAT looks open."""
    IGNORES_CHANGE = "ignores-change"
    """The answer comes from where the request went, whatever CHANGE-REQUEST asked for."""
    RUBBISH = "rubbish"
    """The answer is not STUN."""
    SILENT = "silent"


class StunServer(Server):
    """Answers Binding requests over UDP and TCP.

    `address` is bound; with `alternate`, which differs from it in host and port, all four combinations are.
    `lie` is what a lying server reports. `answered`, `limited` and `refused` count what came of requests,
    `malformed` what was none.
    """

    streams = True

    def __init__(
        self,
        address: Address,
        alternate: Address | None = None,
        *,
        behaviour: Behaviour = Behaviour.HONEST,
        lie: Address = LIE,
        rate: SourceRate | None = None,
    ) -> None:
        super().__init__()
        if alternate and (alternate.host == address.host or alternate.port == address.port):
            raise ValueError("the alternate address differs in host and port")
        self.address = address
        self.alternate = alternate
        self.behaviour = behaviour
        self.lie = lie
        self.addresses = (
            (
                address,
                Address(address.host, alternate.port),
                Address(alternate.host, address.port),
                alternate,
            )
            if alternate
            else (address,)
        )
        self.answered = self.limited = self.refused = self.malformed = 0
        self._rate = rate or SourceRate(per_network_per_s=100, in_all_per_s=5000)
        self._streams: dict[int, tuple[StreamFrames, Address, Address]] = {}

    def receive(self, data: bytes, remote: Address, local: Address, now: float) -> None:
        """Answers a Binding request; anything else is dropped and counted."""
        request = self._admit(data, remote, now)
        if request is None:
            return
        answer, target, origin = self._answer(request, remote, local)
        self._transmits.append(Transmit(self._encode(request, answer), target, origin))

    def stream_opened(self, stream_id: int, remote: Address, local: Address, now: float) -> None:
        """Takes a connection."""
        self._streams[stream_id] = (StreamFrames(), remote, local)

    def stream_received(self, stream_id: int, data: bytes, now: float) -> None:
        """Answers requests on the connection that they came by; ends it at the first rubbish."""
        if stream_id not in self._streams:
            return
        frames, remote, local = self._streams[stream_id]
        try:
            for frame in frames.feed(data):
                if request := self._admit(frame, remote, now):
                    answer, _, _ = self._answer(request, remote, local, over_stream=True)
                    self._actions.append(StreamSend(stream_id, self._encode(request, answer)))
        except DecodeError:
            self.malformed += 1
            del self._streams[stream_id]
            self._actions.append(StreamClose(stream_id))

    def stream_closed(self, stream_id: int, now: float) -> None:
        """Forgets the connection."""
        self._streams.pop(stream_id, None)

    def _admit(self, data: bytes, remote: Address, now: float) -> StunMessage | None:
        """The request in `data`, where it is one that gets an answer."""
        if self.behaviour is Behaviour.SILENT:
            return None
        try:
            request = stun.decode(data, classic=True)
        except DecodeError:
            self.malformed += 1
            return None
        if request.method != Method.BINDING or request.message_class is not MessageClass.REQUEST:
            return None
        if remote.port == 0 or remote in self.addresses or not self._rate.allow(remote.host, now):
            self.limited += 1
            return None
        return request

    def _answer(
        self, request: StunMessage, remote: Address, local: Address, *, over_stream: bool = False
    ) -> tuple[StunMessage, Address, Address]:
        """The answer, where it goes to, and where it comes from."""
        change = request.get(attr.CHANGE_REQUEST)
        response_port = request.get(attr.RESPONSE_PORT)
        padding = request.get(attr.PADDING)
        unknown = [a.code for a in request.attributes if a.code < 0x8000 and a.code not in _UNDERSTOOD]
        if change is not None and (over_stream or not self._can_change()):
            unknown.append(attr.CHANGE_REQUEST.code)
        if unknown:
            self.refused += 1
            codes = attr.UNKNOWN_ATTRIBUTES(tuple(dict.fromkeys(unknown)))
            return stun.failure(request, 420, "Unknown Attribute", codes), remote, local
        if (response_port is not None and padding is not None) or response_port == 0:
            self.refused += 1
            return stun.failure(request, 400, "Bad Request"), remote, local
        self.answered += 1
        origin = self._origin(local, change or ChangeRequest())
        answer = stun.success(request, *self._addresses_told(request, remote, local, origin))
        if padding is not None:  # RFC 5780 section 6.1: as much as came, no more
            answer = stun.success(request, *answer.attributes, attr.PADDING(padding))
        if response_port is not None and not over_stream:
            remote = Address(remote.host, response_port)
        return answer, remote, origin

    def _can_change(self) -> bool:
        return self.alternate is not None or self.behaviour in {
            Behaviour.IGNORES_CHANGE,
            Behaviour.SELF_ALTERNATE,
        }

    def _origin(self, local: Address, change: ChangeRequest) -> Address:
        if self.behaviour in {Behaviour.IGNORES_CHANGE, Behaviour.SELF_ALTERNATE}:
            return local
        host, port = self._other(local)
        return Address(host if change.change_ip else local.host, port if change.change_port else local.port)

    def _other(self, local: Address) -> Address:
        """The address that differs from `local` in host and port, where there is one."""
        first, last = self.addresses[0], self.addresses[-1]
        return Address(
            last.host if local.host == first.host else first.host,
            last.port if local.port == first.port else first.port,
        )

    def _addresses_told(
        self, request: StunMessage, remote: Address, local: Address, origin: Address
    ) -> list[Attribute]:
        mapped = self.lie if self.behaviour is Behaviour.LIES else remote
        other = self._other(local) if self.alternate else None
        if self.behaviour is Behaviour.SELF_ALTERNATE:
            other = local
        if len(request.transaction_id) == 16:  # RFC 3489
            told = [attr.MAPPED_ADDRESS(mapped), attr.SOURCE_ADDRESS(origin)]
            return [*told, attr.CHANGED_ADDRESS(other)] if other else told
        told = [attr.XOR_MAPPED_ADDRESS(mapped), attr.MAPPED_ADDRESS(mapped), attr.RESPONSE_ORIGIN(origin)]
        if other:
            told.append(attr.OTHER_ADDRESS(other))
        return [*told, attr.SOFTWARE(SOFTWARE)]

    def _encode(self, request: StunMessage, answer: StunMessage) -> bytes:
        data = stun.encode(answer, fingerprint=request.get(attr.FINGERPRINT) is not None)
        if self.behaviour is Behaviour.RUBBISH:
            return bytes(byte ^ 0xA5 for byte in data)
        return data
