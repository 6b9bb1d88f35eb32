"""Two data channels to one peer (RFC 8831) on aiortc: one keeps order and loses nothing, one does neither.

aiortc's parts are put together by hand (ICE, DTLS, SCTP), so no SDP of a stranger is ever parsed, and one
certificate can serve the several attempts of an invitation. Nothing of aiortc is imported before `Certificate.make`
or `DataChannels.gather`.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final

from netstack.model.address import Address
from netstack.model.candidate import Candidate, CandidateKind, PairState, PairStory
from netstack.model.webrtc import IceServers, SelectedPair, WebRtcError
from netstack.tasks import TaskScope
from netstack.transport.webrtc_library import load_aiortc
from netstack.wire.ice_description import MAX_CANDIDATES, IceCandidate, IceDescription

if TYPE_CHECKING:
    from aiortc import RTCCertificate, RTCDataChannel, RTCDtlsTransport, RTCIceTransport, RTCSctpTransport

SCTP_PORT: Final = 5000
ORDERED_ID, FAST_ID = 0, 1
MAX_MESSAGE_BYTES: Final = 65_536
CONNECT_S: Final = 15.0
CLOSE_S: Final = 6.0

_KIND_OF = {
    "host": CandidateKind.HOST,
    "srflx": CandidateKind.REFLEXIVE,
    "prflx": CandidateKind.PEER_REFLEXIVE,
    "relay": CandidateKind.RELAYED,
}
_ICE_NAME = {kind: name for name, kind in _KIND_OF.items()}
_TYPE_PREFERENCE = {"host": 126, "prflx": 110, "srflx": 100, "relay": 0}
UNTRIED: Final = frozenset({"WAITING", "FROZEN"})
SENT_IN_VAIN: Final = 7  # aioice sends a check again six times (its stun.RETRY_MAX) before it calls it failed
_STATE_OF = {"SUCCEEDED": PairState.ANSWERED, "FAILED": PairState.NO_REPLY}


class Certificate:
    """A DTLS certificate of ours; whoever is told its fingerprint knows whom it has reached."""

    def __init__(self, inner: RTCCertificate) -> None:
        self.inner = inner
        prints = {each.algorithm: each.value for each in inner.getFingerprints()}
        self.fingerprint = prints["sha-256"].replace(":", "").lower()

    @classmethod
    def make(cls) -> Certificate:
        """A fresh one."""
        load_aiortc()
        from aiortc import RTCCertificate

        return cls(RTCCertificate.generateCertificate())


class DataChannels:
    """One connection: `gather`, tell the peer the description, `connect` to theirs, send, `close`.

    `controlling` is the side that offers. The callbacks are called on the loop, `on_closed` once. Sending never
    blocks: `queued_bytes` tells what waits, `on_drained` is called when it has become little. `sent_bytes` and
    `received_bytes` are those of messages.
    """

    def __init__(self, certificate: Certificate, servers: IceServers, *, controlling: bool) -> None:
        self._certificate = certificate
        self._servers = servers
        self._controlling = controlling
        self._ice: RTCIceTransport | None = None
        self._dtls: RTCDtlsTransport | None = None
        self._sctp: RTCSctpTransport | None = None
        self._ordered: RTCDataChannel | None = None
        self._fast: RTCDataChannel | None = None
        self._tasks = TaskScope("webrtc")
        self._gathering: asyncio.Task[None] | None = None
        self._connecting: asyncio.Task[WebRtcError.Reason | None] | None = None
        self._releasing: asyncio.Task[None] | None = None
        self._open = asyncio.Event()
        self._closed = False
        self.sent_bytes = self.received_bytes = 0
        self.on_message: Callable[[bytes], None] = lambda _: None
        self.on_fast: Callable[[bytes], None] = lambda _: None
        self.on_drained: Callable[[], None] = lambda: None
        self.on_closed: Callable[[], None] = lambda: None

    async def gather(self) -> IceDescription:
        """Opens sockets and finds our addresses. Raises WebRtcError when it was closed meanwhile."""
        load_aiortc()
        from aiortc import (
            RTCDataChannel,
            RTCDataChannelParameters,
            RTCDtlsTransport,
            RTCIceGatherer,
            RTCIceServer,
            RTCIceTransport,
            RTCSctpTransport,
        )

        servers = []
        if self._servers.stun is not None:
            host, port = self._servers.stun
            servers.append(RTCIceServer(f"stun:[{host}]:{port}" if ":" in host else f"stun:{host}:{port}"))
        if self._servers.turn:
            servers.append(RTCIceServer(self._servers.turn, self._servers.username, self._servers.password))
        self._check_open()
        gatherer = RTCIceGatherer(servers)
        self._ice = RTCIceTransport(gatherer)
        self._connection.ice_controlling = self._controlling
        self._dtls = RTCDtlsTransport(self._ice, [self._certificate.inner])
        self._sctp = RTCSctpTransport(self._dtls, SCTP_PORT)
        self._ordered = RTCDataChannel(
            self._sctp, RTCDataChannelParameters(label="ordered", negotiated=True, id=ORDERED_ID)
        )
        self._fast = RTCDataChannel(
            self._sctp,
            RTCDataChannelParameters(
                label="fast", negotiated=True, id=FAST_ID, ordered=False, maxRetransmits=0
            ),
        )
        self._listen(self._ordered, self._fast)
        self._gathering = self._tasks.start(gatherer.gather(), "gather")
        await asyncio.shield(self._gathering)
        self._check_open()
        mine = gatherer.getLocalParameters()
        if mine.usernameFragment is None or mine.password is None:
            raise WebRtcError(WebRtcError.Reason.NO_WAY, "ICE has no credentials")
        found = [
            IceCandidate(_KIND_OF[each.type], each.ip, each.port)
            for each in gatherer.getLocalCandidates()
            if each.type in _KIND_OF
        ]
        return IceDescription(
            mine.usernameFragment, mine.password, self._certificate.fingerprint, tuple(found[:MAX_CANDIDATES])
        )

    async def connect(self, remote: IceDescription, *, timeout_s: float = CONNECT_S) -> None:
        """Returns once both channels are open and the peer has shown the certificate that it told of.

        Raises WebRtcError; close it then.
        """
        self._check_open()
        if self._connecting is not None:
            raise ValueError("one connection a time")
        self._connecting = self._tasks.start(self._connect(remote), "connect")
        try:
            async with asyncio.timeout(timeout_s):
                if (reason := await asyncio.shield(self._connecting)) is not None:
                    raise WebRtcError(reason)
                await self._open.wait()
        except TimeoutError as error:
            raise WebRtcError(WebRtcError.Reason.NO_WAY, f"within {timeout_s:g} s") from error
        self._check_open()

    async def _connect(self, remote: IceDescription) -> WebRtcError.Reason | None:
        """Why it came to nothing, if so."""
        from aiortc import (
            RTCDtlsFingerprint,
            RTCDtlsParameters,
            RTCIceCandidate,
            RTCIceParameters,
            RTCSctpCapabilities,
        )

        ice, dtls, sctp = self._ice, self._dtls, self._sctp
        if ice is None or dtls is None or sctp is None:
            raise ValueError("gather first")
        for number, each in enumerate(remote.candidates):
            name = _ICE_NAME[each.kind]
            priority = (_TYPE_PREFERENCE[name] << 24) + ((65_535 - number) << 8) + 255
            await ice.addRemoteCandidate(
                RTCIceCandidate(1, f"{number}", each.host, each.port, priority, "udp", name)
            )
        await ice.start(RTCIceParameters(remote.user, remote.password))
        if self._closed or ice.state != "completed":
            return WebRtcError.Reason.CLOSED if self._closed else WebRtcError.Reason.NO_WAY
        pairs = (remote.fingerprint[at : at + 2] for at in range(0, len(remote.fingerprint), 2))
        await dtls.start(RTCDtlsParameters([RTCDtlsFingerprint("sha-256", ":".join(pairs))]))
        if self._closed or dtls.state != "connected":
            return WebRtcError.Reason.CLOSED if self._closed else WebRtcError.Reason.WRONG_FINGERPRINT
        with contextlib.suppress(ConnectionError):  # told by the channels
            await sctp.start(RTCSctpCapabilities(MAX_MESSAGE_BYTES), SCTP_PORT)
        return None

    def _listen(self, ordered: RTCDataChannel, fast: RTCDataChannel) -> None:
        def opened() -> None:
            if ordered.readyState == fast.readyState == "open":
                self._open.set()

        def lost() -> None:
            if not self._closed:
                self._closed = True
                self._open.set()
                self.on_closed()

        for channel in (ordered, fast):
            channel.on("open", opened)
            channel.on("close", lost)
        ordered.on("message", lambda data: self._take(data, self.on_message))
        fast.on("message", lambda data: self._take(data, self.on_fast))
        ordered.on("bufferedamountlow", self._drained)

    def _drained(self) -> None:
        self.on_drained()

    def _take(self, data: object, give: Callable[[bytes], None]) -> None:
        if isinstance(data, bytes):  # nobody of ours sends text
            self.received_bytes += len(data)
            give(data)

    @property
    def is_open(self) -> bool:
        """Both channels are."""
        return self._open.is_set() and not self._closed

    @property
    def queued_bytes(self) -> int:
        """What waits to be sent in order."""
        return 0 if self._ordered is None else self._ordered.bufferedAmount

    def drained_at(self, queued_bytes: int) -> None:
        """When `on_drained` is called."""
        if self._ordered is not None:
            self._ordered.bufferedAmountLowThreshold = queued_bytes

    def send(self, data: bytes) -> None:
        """In order, repeated until it arrives. On a channel that is not open it is dropped."""
        self._send(self._ordered, data)

    def send_fast(self, data: bytes) -> None:
        """Once, in no order. On a channel that is not open it is dropped."""
        self._send(self._fast, data)

    def _send(self, channel: RTCDataChannel | None, data: bytes) -> None:
        if len(data) > MAX_MESSAGE_BYTES:
            raise WebRtcError(WebRtcError.Reason.TOO_LARGE)
        if channel is not None and self.is_open and channel.readyState == "open":
            self.sent_bytes += len(data)
            channel.send(data)

    @property
    def selected(self) -> SelectedPair | None:
        """What carries it; None while nothing does."""
        nominated = None if self._ice is None else self._connection._nominated.get(1)  # noqa: SLF001
        if nominated is None:
            return None
        return SelectedPair(_candidate(nominated.local_candidate), _candidate(nominated.remote_candidate))

    @property
    def stories(self) -> tuple[PairStory, ...]:
        """What became of every pair of addresses."""
        if self._ice is None:
            return ()
        chosen = self._connection._nominated.get(1)  # noqa: SLF001
        return tuple(
            PairStory(
                kind=_KIND_OF[pair.remote_candidate.type],
                remote=str(Address(pair.remote_candidate.host, pair.remote_candidate.port)),
                state=_STATE_OF.get(pair.state.name, PairState.TRYING),
                sent=SENT_IN_VAIN if pair.state.name == "FAILED" else int(pair.state.name not in UNTRIED),
                heard=pair.remote_candidate.type == "prflx" or pair is chosen,
                rtt_s=None,
                by_relay=pair.local_candidate.type == "relay",
                used=pair is chosen,
            )
            for pair in self._connection._check_list  # noqa: SLF001
        )

    @property
    def _connection(self) -> Any:
        """The part of aioice, which tells and takes what aiortc hides."""
        if self._ice is None:
            raise ValueError("gather first")
        return self._ice._connection  # noqa: SLF001

    def _check_open(self) -> None:
        if self._closed:
            raise WebRtcError(WebRtcError.Reason.CLOSED)

    async def close(self) -> None:
        """Ends it, at whatever stage it is; returns when nothing of it is left. May be called twice."""
        self._closed = True
        self._open.set()
        if self._releasing is None:
            self._releasing = self._tasks.start(self._release(), "release")
        await asyncio.shield(self._releasing)
        await self._tasks.close()

    async def _release(self) -> None:
        """Lets what is under way end first: cut in the middle, ICE would leave sockets and tasks behind."""
        if self._gathering is not None:
            await asyncio.wait([self._gathering], timeout=CLOSE_S)
        await self._stop()
        if self._connecting is not None:
            await asyncio.wait([self._connecting], timeout=CLOSE_S)
        await (
            self._stop()
        )  # a step that came through at the last moment has begun the next: consent, SCTP's timers
        if self._ice is not None:
            await self._connection.close()

    async def _stop(self) -> None:
        for part in (self._sctp, self._dtls, self._ice):
            if part is not None:
                await part.stop()


def _candidate(candidate: Any) -> Candidate:
    return Candidate(_KIND_OF[candidate.type], Address(candidate.host, candidate.port))
