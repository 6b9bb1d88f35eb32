"""The relays of this computer and the check of a server, as the window and scripts hold them."""

import asyncio
import ipaddress
import itertools
import ssl
from collections.abc import Callable, Sequence
from typing import Final

import msgspec

from netstack.core.stun_uri import split_host_port
from netstack.core.turn_uri import TurnUri, parse_turn_uri
from netstack.errors import InputError
from netstack.model.address import Address
from netstack.model.config import TurnServer
from netstack.model.turn import KnownServer, RelayPhase, RelayState, TurnError, TurnReport, TurnState
from netstack.net.protocol import Net
from netstack.service.turn import TurnService
from netstack.service.turn_login import TurnLogin, find_login, keep_login
from netstack.service.turn_speed import measure_again
from netstack.tasks import TaskScope
from netstack.transport.turn_dial import open_relay
from netstack.transport.turn_relay import Relay

MAX_RELAYS: Final = 32
SHOW_EVERY_S: Final = 1.0


class RelayDesk:
    """Holds several relays at once and shows them, every second, through `changed`.

    A `login` of None is looked up: in what is `known`, then in the system keyring. `closed` relays stay on show,
    with how they ended, until they are dismissed.
    """

    def __init__(
        self,
        net: Net,
        changed: Callable[[TurnState], None],
        *,
        known: Sequence[TurnServer] = (),
        network: str = "real",
        tls: ssl.SSLContext | None = None,
    ) -> None:
        self._net = net
        self._changed = changed
        self._tls = tls
        self._service = TurnService(net, network=network, tls=tls)
        self._ids = itertools.count(1)
        self._relays: dict[int, tuple[TurnUri, Relay]] = {}
        self._ended: dict[int, RelayState] = {}
        self._opening: dict[int, RelayState] = {}
        self._tasks = TaskScope("relays")
        self._checked_as: TurnLogin | None = None
        self._showing: asyncio.Task[None] | None = None
        self.state = TurnState()
        self.set_servers(known)

    def set_servers(self, known: Sequence[TurnServer]) -> None:
        """The servers that are on offer, and whose users and passwords are known."""
        self._known = tuple(known)
        servers = (KnownServer(each.url, each.username, bool(each.password)) for each in self._known)
        self._set(servers=tuple(servers))

    async def check(
        self, uri: str, login: TurnLogin | None = None, *, throughput: bool = False
    ) -> TurnReport:
        """Runs the doctor and returns its report; cancelling it keeps what is known in the state.

        `throughput` sends up to 5 MB: ask first. Raises TurnError for a malformed URI.
        """
        asked = parse_turn_uri(uri)
        self._set(running=True, progress=0.0, step="Looking the name up", report=None)
        try:
            self._checked_as = login or await find_login(asked, self._known)
            report = await self._service.check(
                uri,
                self._checked_as,
                throughput=throughput,
                progress=lambda done, step, report: self._set(progress=done, step=step, report=report),
            )
            self._set(report=report, progress=1.0)
            return report
        finally:
            self._set(running=False, step="")

    async def measure_speed(self) -> TurnReport | None:
        """Sends up to 5 MB through the relay that was checked: ask first. The report in the state gets its speed.

        Cancelling leaves that as it was. None: nothing was checked yet.
        """
        before = self.state.report
        if (
            before is None
            or self._checked_as is None
            or self.state.running
            or self.state.measuring is not None
        ):
            return before
        self._set(measuring=0.0)
        try:
            report = await measure_again(
                self._net,
                before,
                self._checked_as,
                lambda share: self._set(measuring=share),
                tls=self._tls,
            )
            if self.state.report is before:  # no other check was begun meanwhile
                self._set(report=report)
            return report
        finally:
            self._set(measuring=None)

    async def allocate(self, uri: str, login: TurnLogin | None = None) -> int:
        """Allocates a relay and keeps it; gives its number. Raises TurnError; the attempt stays on show."""
        asked = parse_turn_uri(uri)
        if len(self._relays) + len(self._opening) >= MAX_RELAYS:
            raise TurnError(TurnError.Reason.LIMIT, f"{MAX_RELAYS} relays")
        number = next(self._ids)
        self._opening[number] = RelayState(relay_id=number, uri=str(asked))
        self._show()
        try:
            found = login or await find_login(asked, self._known)
            relay = await open_relay(self._net, asked, found.minter(self._net.wall_time), tls=self._tls)
        except TurnError as error:
            self._ended[number] = msgspec.structs.replace(
                self._opening[number],
                phase=RelayPhase.FAILED,
                failure=error.reason.value,
                failure_text=error.sentence,
                remedy=error.remedy,
            )
            raise
        else:
            self._relays[number] = asked, relay
        finally:
            del self._opening[number]
            self._show()
        if self._showing is None or self._showing.done():
            self._showing = self._tasks.start(self._keep_showing(), "show")
        return number

    async def let_in(self, number: int, who: str) -> None:
        """Lets `HOST` send, or binds a channel to `HOST:PORT`. Raises InputError for what is neither, TurnError."""
        try:
            host, port = split_host_port(who.strip(), "turn")
            peer = Address(str(ipaddress.ip_address(host)), port or 0)
        except ValueError:
            raise InputError(
                InputError.Reason.USAGE, f"{who[:60]!r} is no IP address, or one with a port"
            ) from None
        await (self.bind(number, peer) if port else self.permit(number, peer.host))

    async def permit(self, number: int, host: str) -> None:
        """Lets a host send to the relay, and keeps it so. Raises TurnError."""
        try:
            await self._relay(number).permit(host)
        finally:
            self._show()

    async def bind(self, number: int, peer: Address) -> None:
        """Binds a channel to a peer, and keeps it. Raises TurnError."""
        try:
            await self._relay(number).bind(peer)
        finally:
            self._show()

    def refresh(self, number: int) -> None:
        """Renews the relay, its permissions and channels now. Raises TurnError."""
        self._relay(number).renew()

    async def release(self, number: int) -> None:
        """Gives a relay back; one that has ended is taken off the show. Never fails."""
        if number in self._ended:
            del self._ended[number]
        elif number in self._relays:
            _, relay = self._relays[number]
            await relay.release()
            self._relays.pop(number, None)
        self._show()

    async def remember(self, uri: str, login: TurnLogin) -> bool:
        """Puts a password into the system keyring; False where that does not take it. Raises TurnError."""
        return await keep_login(parse_turn_uri(uri), login)

    async def close(self) -> None:
        """Gives every relay back. May be called twice."""
        await self._tasks.close()
        relays = [relay for _, relay in self._relays.values()]
        self._relays.clear()
        await asyncio.gather(*(relay.release() for relay in relays))

    def _relay(self, number: int) -> Relay:
        if number not in self._relays:
            raise TurnError(TurnError.Reason.CLOSED)
        return self._relays[number][1]

    async def _keep_showing(self) -> None:
        while self._relays:
            await asyncio.sleep(SHOW_EVERY_S)
            for number, (uri, relay) in list(self._relays.items()):
                if relay.client.phase in {RelayPhase.FAILED, RelayPhase.RELEASED}:
                    self._ended[number] = self._state_of(number, uri, relay)
                    del self._relays[number]
                    await relay.close()
            self._show()

    def _state_of(self, number: int, uri: TurnUri, relay: Relay) -> RelayState:
        return msgspec.structs.replace(relay.state(), relay_id=number, uri=str(uri))

    def _show(self) -> None:
        alive = {number: self._state_of(number, uri, relay) for number, (uri, relay) in self._relays.items()}
        shown = alive | self._ended | self._opening
        self._set(relays=tuple(shown[number] for number in sorted(shown)))

    def _set(self, **changes: object) -> None:
        self.state = msgspec.structs.replace(self.state, **changes)
        self._changed(self.state)
