"""One relay on a network: the machine of `core.turn_client`, its socket, its timer, and whoever waits."""

import asyncio
import ssl
from collections.abc import Callable
from contextlib import suppress
from typing import Final, Protocol

import msgspec

from netstack.core.turn_client import TurnClient
from netstack.core.turn_events import (
    Allocated,
    Bound,
    Ended,
    Event,
    Permitted,
    Received,
    Refused,
    SocketNeeded,
    TurnOptions,
)
from netstack.model.address import Address
from netstack.model.turn import RelayPhase, RelayState, ServerTransport, TurnCredentials, TurnError
from netstack.net.protocol import Net
from netstack.tasks import TaskScope
from netstack.transport.turn_carrier import Carrier, open_carrier

RELEASE_TIMEOUT_S: Final = 1.0


class RelayReceiver(Protocol):
    """Gets what comes through a relay. Called on the loop; must not block or raise."""

    def relay_received(
        self, peer: Address, data: bytes, segment_bytes: int, received_at_s: float | None
    ) -> None:
        """Datagrams of a peer, of `segment_bytes` each, the last perhaps shorter."""

    def relay_event(self, event: Event) -> None:
        """Whatever else happened, but for the socket's business."""

    def relay_writable(self) -> None:
        """The relay, which refused a burst, takes some again."""


class Relay:
    """`open`, then `permit` or `bind` peers, `send`, and `close` at the end; every call ends or raises TurnError.

    `name` is the server's as it was written: certificates are checked for it.
    """

    def __init__(
        self,
        net: Net,
        server: Address,
        transport: ServerTransport,
        credentials: Callable[[], TurnCredentials] | None,
        receiver: RelayReceiver,
        *,
        name: str = "",
        tls: ssl.SSLContext | None = None,
        options: TurnOptions | None = None,
    ) -> None:
        self.transport = transport
        self.receiver = receiver
        self.client = TurnClient(
            server,
            credentials,
            net.random_bytes,
            stream=transport is not ServerTransport.UDP,
            options=options,
        )
        self._net = net
        self._name = name or server.host
        self._tls = tls
        self._carrier: Carrier | None = None
        self._begin: Callable[[float], None] = self.client.allocate
        self._tasks = TaskScope("relay")
        self._timer: asyncio.TimerHandle | None = None
        self._opened: asyncio.Future[Allocated] = asyncio.get_running_loop().create_future()
        self._over = asyncio.Event()
        self._waiting: dict[Address, list[asyncio.Future[None]]] = {}
        self._pumping = False
        self._closed = False

    @property
    def relayed(self) -> Address | None:
        """The relayed address, while there is one."""
        return self.client.relayed if self.client.phase is RelayPhase.ALLOCATED else None

    @property
    def local(self) -> Address:
        """Our end of the way to the server."""
        return self._carrier.local if self._carrier is not None else Address("", 0)

    async def open(self) -> Allocated:
        """Allocates. Raises TurnError; the relay is closed then, and when this is cancelled."""
        try:
            await self._open_carrier(self.client.server, self.client.allocate)
            return await self._opened
        except BaseException:
            await self.close()
            raise

    async def permit(self, host: str) -> None:
        """Lets a host send, and keeps it so. Raises TurnError."""
        await self._ask(Address(host, 0), lambda now: self.client.permit(host, now))

    async def bind(self, peer: Address) -> None:
        """Binds a channel, and keeps it. Raises TurnError."""
        await self._ask(peer, lambda now: self.client.bind(peer, now))

    def forget(self, peer: Address) -> None:
        """Lets a channel lapse; port 0: all of the host."""
        self.client.forget(peer)

    def refresh(self) -> None:
        """Asks the server now how the relay is; `Renewed` follows."""
        self.client.refresh(self._net.now())
        self._pump()

    def renew(self) -> None:
        """Renews relay, permissions and channels now; `Renewed` follows for each."""
        self.client.renew(self._net.now())
        self._pump()

    def send(self, data: bytes, peer: Address, *, dont_fragment: bool = False) -> None:
        """Sends by channel, else in a Send indication. Raises TurnError where the peer has neither."""
        self.client.send(data, peer, self._net.now(), dont_fragment=dont_fragment)
        self._pump()

    def send_ahead(self, data: bytes, segment_bytes: int, peer: Address) -> None:
        """Asks for the peer's channel and sends `data`, cut into `segment_bytes`, right behind. Raises TurnError."""
        now = self._net.now()
        for at in range(0, len(data), segment_bytes):
            self.client.send_ahead(data[at : at + segment_bytes], peer, now)
        self._pump()

    def send_burst(self, data: bytes, segment_bytes: int, peer: Address) -> bool | None:
        """Sends `data` cut into `segment_bytes` by the peer's channel. None: it has none.

        False: nothing was taken, `relay_writable` follows.
        """
        wrapped = self.client.wrap(data, segment_bytes, peer, self._net.now())
        if wrapped is None or self._carrier is None:
            return None
        sent = self._carrier.send(*wrapped)
        if self._timer is None:
            self._arm()
        return sent

    def state(self) -> RelayState:
        """Everything of it, for people."""
        return msgspec.structs.replace(self.client.state(self._net.now()), transport=self.transport)

    async def release(self) -> None:
        """Gives the relay back and waits for the server to say so, a second at most; then closes."""
        self.client.release(self._net.now())
        self._pump()
        with suppress(TimeoutError):
            async with asyncio.timeout(RELEASE_TIMEOUT_S):
                await self._over.wait()
        await self.close()

    async def close(self) -> None:
        """Releases the socket; the server lets the relay lapse where it was not given back. May be called twice."""
        if self._closed:
            return
        self._closed = True
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        self._end(self.client.error or TurnError(TurnError.Reason.CLOSED))
        try:
            await self._tasks.close()
        finally:  # also when this is cancelled
            carrier, self._carrier = self._carrier, None
            if carrier is not None:
                await carrier.close(flush=True)

    # from the carrier

    def carrier_opened(self, carrier: Carrier) -> None:
        """There is a way to the server: what it was opened for begins at once."""
        if self._closed:  # it was given up meanwhile
            return
        self._carrier = carrier
        self._begin(self._net.now())
        self._pump()

    def carrier_received(
        self, data: memoryview | bytes, segment_bytes: int, received_at_s: float | None
    ) -> None:
        """Datagrams, or bytes of the stream."""
        now = self._net.now()
        if not segment_bytes:
            self.client.receive(bytes(data), now)
        elif (found := self.client.unwrap(memoryview(data), segment_bytes, now)) is not None:
            peer, payload, size = found
            self.receiver.relay_received(peer, payload, size, received_at_s)
            return
        else:
            for at in range(0, len(data), segment_bytes):
                self.client.receive(bytes(data[at : at + segment_bytes]), now)
        self._pump()

    def carrier_failed(self, error: TurnError) -> None:
        """The way to the server failed."""
        if self._pumping:  # from within a send
            asyncio.get_running_loop().call_soon(self.carrier_failed, error)
        elif not self._closed:
            self.client.unreachable(error, self._net.now())
            self._pump()

    def carrier_writable(self) -> None:
        """The way takes bursts again."""
        self.receiver.relay_writable()

    # inside

    async def _ask(self, peer: Address, ask: Callable[[float], None]) -> None:
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.setdefault(peer, []).append(future)
        try:
            ask(self._net.now())
            self._pump()
            await future
        finally:
            waiting = self._waiting.get(peer, [])
            if future in waiting:
                waiting.remove(future)
            if not waiting:
                self._waiting.pop(peer, None)

    async def _open_carrier(self, server: Address, begin: Callable[[float], None]) -> None:
        self._begin = begin
        await open_carrier(self._net, self.transport, server, self, name=self._name, tls=self._tls)

    async def _replace_carrier(self, server: Address) -> None:
        old, self._carrier = self._carrier, None
        if old is not None:
            await old.close()
        try:
            await self._open_carrier(server, lambda now: self.client.reopened(server, now))
        except TurnError as error:
            self.client.unreachable(error, self._net.now())
            self._pump()

    def _pump(self) -> None:
        """Sends what is to be sent, tells what happened, sets the timer."""
        if self._pumping or self._closed:
            return
        self._pumping = True
        self._send_all()
        while (event := self.client.poll_event()) is not None:
            self._happened(event)
            self._send_all()  # whoever was told may have sent
        self._pumping = False
        self._arm()

    def _send_all(self) -> None:
        while (data := self.client.poll_transmit()) is not None:
            if self._carrier is not None:
                self._carrier.send(data, len(data))

    def _happened(self, event: Event) -> None:
        match event:
            case Received(peer, data, _):
                self.receiver.relay_received(peer, data, len(data), None)
                return
            case SocketNeeded(server, _):
                self._tasks.start(self._replace_carrier(server), "new socket")
                return
            case Allocated() if not self._opened.done():
                self._opened.set_result(event)
            case Permitted(host):
                self._settle(Address(host, 0), None)
            case Bound(peer, _):
                self._settle(peer, None)
            case Refused(peer, error):
                self._settle(peer, error)
            case Ended(error):
                self._end(error or TurnError(TurnError.Reason.CLOSED))
            case _:
                pass
        self.receiver.relay_event(event)

    def _settle(self, peer: Address, error: TurnError | None) -> None:
        for future in self._waiting.pop(peer, []):
            if future.done():
                continue
            if error is None:
                future.set_result(None)
            else:
                future.set_exception(error)

    def _end(self, error: TurnError) -> None:
        self._over.set()
        if not self._opened.done():
            self._opened.set_exception(error)
            self._opened.exception()  # nobody need have asked
        for peer in list(self._waiting):
            self._settle(peer, error)

    def _arm(self) -> None:
        """One timer, never later than the next deadline; one that fires early just looks again."""
        due = self.client.deadline()
        if self._timer is not None:
            if due is not None and self._timer.when() <= due:
                return
            self._timer.cancel()
            self._timer = None
        if due is not None and not self._closed:
            self._timer = asyncio.get_running_loop().call_at(due, self._fired)

    def _fired(self) -> None:
        self._timer = None
        self.client.handle_timeout(self._net.now())
        self._pump()
