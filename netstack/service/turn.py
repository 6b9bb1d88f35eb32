"""Does this TURN server work, and if not, what is wrong with it? The stages of `peerscope turn`, one after another."""

import asyncio
import ssl
import statistics
from collections.abc import Awaitable, Callable
from typing import Final

import msgspec

from netstack.core.stun_uri import is_address
from netstack.core.turn_events import TurnOptions
from netstack.core.turn_uri import TurnUri, parse_turn_uri
from netstack.core.turn_verdict import conclude
from netstack.errors import NetError
from netstack.model.address import Family, Scope, scope
from netstack.model.turn import Stage, StageName, TurnError, TurnReport
from netstack.net.protocol import Net
from netstack.service.turn_far import Far, Inbox, NotApplicable, RelayFar, find_far
from netstack.service.turn_knock import Knock, TlsKnocks, knock_all
from netstack.service.turn_login import TurnLogin
from netstack.service.turn_measure import PINGS, Measure
from netstack.service.turn_speed import measure_speed
from netstack.tasks import TaskScope
from netstack.transport.turn_dial import Place, find_places, open_relay
from netstack.transport.turn_relay import Relay

Progress = Callable[[float, str, TurnReport], None]
"""Told how far (0 to 1), the step in words, and the partial report."""

CLOCK_TEST_S: Final = 10 * 365 * 86_400.0
RENEWAL_S: Final = 3.0
TLS_PATIENCE_S: Final = 1.0
_R = TurnError.Reason
_N = StageName
_STEPS: Final = {
    _N.DNS: "Looking the name up",
    _N.REACH: "Knocking at the server",
    _N.CHALLENGE: "Hearing what it asks for",
    _N.ALLOCATION: "Allocating a relay",
    _N.RELAYED_ADDRESS: "Looking at the relay's address",
    _N.PERMISSION: "Permitting ourselves",
    _N.ECHO_SEND: "Sending to ourselves through the relay",
    _N.ECHO_CHANNEL: "Sending through a channel",
    _N.RTT: "Timing the relay",
    _N.THROUGHPUT: "Measuring the throughput",
    _N.MTU: "Looking for the largest packet",
    _N.RENEWAL: "Renewing",
    _N.QUOTA: "Counting relays",
    _N.DELETION: "Giving the relay back",
}


class TurnService:
    """Checks TURN servers from one host. `network` is "real" or a lab scenario's name and goes into every report."""

    def __init__(self, net: Net, *, network: str = "real", tls: ssl.SSLContext | None = None) -> None:
        self._net = net
        self._network = network
        self._tls = tls

    async def check(
        self,
        uri: str,
        login: TurnLogin,
        *,
        throughput: bool = False,
        progress: Progress | None = None,
    ) -> TurnReport:
        """Goes through every stage. `throughput` sends up to 5 MB and is to be asked for first.

        Cancelling gives back what was allocated. Raises TurnError for a malformed URI alone.
        """
        run = _Run(self._net, parse_turn_uri(uri), login, self._network, self._tls, progress)
        return await run.run(throughput=throughput)


class _Run:
    """One check."""

    def __init__(
        self,
        net: Net,
        uri: TurnUri,
        login: TurnLogin,
        network: str,
        tls: ssl.SSLContext | None,
        progress: Progress | None,
    ) -> None:
        self._net = net
        self._uri = uri
        self._login = login
        self._tls = tls
        self._progress = progress
        self._zero_s = net.now()
        self._report = TurnReport(uri=str(uri), network=network, started_at_s=net.wall_time())
        self._stages: list[Stage] = []
        self._places: tuple[Place, ...] = ()
        self._knocks: tuple[Knock, ...] = ()
        self._relay: Relay | None = None
        self._inbox = Inbox(net)
        self._far: Far | None = None
        self._second_error: TurnError | None = None
        self._hint: TurnUri | None = None

    async def run(self, *, throughput: bool) -> TurnReport:
        """The stages in order."""
        stages: dict[StageName, Callable[[], Awaitable[str]]] = {
            _N.DNS: self._dns,
            _N.REACH: self._reach,
            _N.CHALLENGE: self._challenge,
            _N.ALLOCATION: self._allocate,
            _N.RELAYED_ADDRESS: self._relayed_address,
            _N.PERMISSION: self._permission,
            _N.ECHO_SEND: self._echo_send,
            _N.ECHO_CHANNEL: self._echo_channel,
            _N.RTT: self._rtt,
            _N.THROUGHPUT: self._throughput if throughput else self._no_throughput,
            _N.MTU: self._mtu,
            _N.RENEWAL: self._renewal,
            _N.QUOTA: self._quota,
            _N.DELETION: self._delete,
        }
        try:
            for name, work in stages.items():
                self._tell(_STEPS[name])
                self._stages.append(await self._stage(name, work))
        finally:
            await self._give_back()
            self._tell("")
        return self._report

    async def _stage(self, name: StageName, work: Callable[[], Awaitable[str]]) -> Stage:
        began_s = self._net.now()
        try:
            detail = await work()
        except NotApplicable as why:
            return Stage(name, None, detail=str(why))
        except TurnError as error:
            took_s = self._net.now() - began_s
            return Stage(name, False, error.reason.value, error.sentence, self._next_step(error), took_s)
        except NetError as error:
            took_s = self._net.now() - began_s
            return Stage(name, False, error.reason.value, error.sentence, None, took_s)
        return Stage(name, True, detail=detail, duration_s=self._net.now() - began_s)

    def _next_step(self, error: TurnError) -> str:
        if self._hint is not None and not self._relay:
            return f"Use {self._hint}: TLS answers there."
        return error.remedy

    def _within(self, share: float) -> None:
        """How far the stage is that runs."""
        if self._progress is not None:
            step = _STEPS[_N.THROUGHPUT]
            self._progress((len(self._stages) + share) / len(_STEPS), step, self._report)

    def _tell(self, step: str) -> None:
        self._set(stages=tuple(self._stages), duration_s=self._net.now() - self._zero_s)
        self._report = conclude(self._report)
        if self._progress is not None:
            self._progress(len(self._stages) / len(_STEPS), step, self._report)

    def _set(self, **changes: object) -> None:
        self._report = msgspec.structs.replace(self._report, **changes)

    # the way to the server

    async def _dns(self) -> str:
        self._places = await find_places(self._net, self._uri)
        if is_address(self._uri.host):
            raise NotApplicable("It is an address already.")
        found = {place.server.family: place.server.host for place in reversed(self._places)}
        kinds = ((Family.IPV4, "A"), (Family.IPV6, "AAAA"))
        services = sorted({f"SRV {place.srv} ({place.transport})" for place in self._places if place.srv})
        return "; ".join([*(f"{kind} {found.get(family, 'none')}" for family, kind in kinds), *services])

    async def _reach(self) -> str:
        if not self._places:
            raise NotApplicable("There is no address to knock at.")
        async with TaskScope("turn tls") as tasks:
            tls = TlsKnocks(self._net, self._uri, self._places[0].server, self._tls, tasks)
            self._knocks = await knock_all(self._net, self._uri, self._places, self._tls)
            good = [knock for knock in self._knocks if knock.error is None]
            offered = await tls.gather(TLS_PATIENCE_S if good else None)
        words = "; ".join(f"{knock.way}: {knock.words}" for knock in self._knocks)
        if not good:
            self._hint = next((tls.uri_of(knock) for knock in offered if knock.error is None), None)
            errors = [knock.error for knock in self._knocks if knock.error is not None]
            told = next((e for e in errors if e.reason is not _R.UNREACHABLE), errors[0])
            raise TurnError(_R(told.reason), words)
        self._set(transport=good[0].transport, server=str(good[0].server), software=good[0].software)
        return f"{words}; {tls.words(offered)}"

    def _reached(self) -> list[Knock]:
        good = [knock for knock in self._knocks if knock.error is None]
        if not good:
            raise NotApplicable("The server was not reached.")
        return good

    async def _challenge(self) -> str:
        first = self._reached()[0]
        if first.open_to_all:
            return "It asks for no credentials: whoever knows it can relay through it."
        if not first.challenged:
            if first.said is not None and first.said.reason is _R.REDIRECTED:
                return first.said.sentence
            raise first.said or TurnError(_R.BAD_ANSWER)
        self._set(realm=first.realm)
        return f"Realm {first.realm!r}" + (f", {first.software}" if first.software else "")

    # the relay

    async def _open(self, *, later_s: float = 0.0) -> Relay:
        minter = self._login.minter(lambda: self._net.wall_time() + later_s)
        good = self._reached()
        transports = tuple(dict.fromkeys(knock.transport for knock in good))
        return await open_relay(
            self._net,
            self._uri,
            minter,
            servers=tuple(dict.fromkeys(knock.server for knock in good)),
            transports=transports,
            tls=self._tls,
            options=TurnOptions(recover=False),  # what goes wrong is what is looked for
        )

    async def _allocate(self) -> str:
        self._reached()
        try:
            relay = await self._open()
        except TurnError as error:
            raise await self._why_unauthorized(error) from error
        self._relay = relay
        relay.receiver = self._inbox
        state = relay.state()
        self._set(
            transport=relay.transport,
            server=state.server,
            software=state.software,
            realm=state.realm,
            relayed_address=state.relayed_address,
            mapped_address=state.mapped_address,
            lifetime_s=state.lifetime_s,
            allocate_s=state.allocate_s,
        )
        return f"{state.relayed_address} over {relay.transport.upper()}, for {state.lifetime_s:g} s"

    async def _why_unauthorized(self, error: TurnError) -> TurnError:
        """401 is the answer to everything: a time that is over, or a clock that is behind, can be told apart."""
        if error.reason is not _R.UNAUTHORIZED:
            return error
        if self._login.secret:
            try:
                relay = await self._open(later_s=CLOCK_TEST_S)
            except TurnError:
                return error
            await relay.release()
            return TurnError(_R.CLOCK, "a user for ten years later is accepted")
        expires_s = self._login.credentials(self._net.wall_time()).expires_at_s
        if expires_s is not None and expires_s < self._net.wall_time():
            return TurnError(
                _R.EXPIRED, f"{self._net.wall_time() - expires_s:.0f} s ago, by this computer's clock"
            )
        return error

    def _allocated(self) -> Relay:
        if self._relay is None or self._relay.relayed is None:
            raise NotApplicable("There is no relay.")
        return self._relay

    async def _relayed_address(self) -> str:
        relay = self._allocated()
        relayed, server = relay.client.relayed, relay.client.server
        if relayed is None:
            raise NotApplicable("There is no relay.")
        there, here = scope(relayed.host), scope(server.host)
        if there is not Scope.PUBLIC and there is not here:
            raise TurnError(_R.PRIVATE_RELAY, f"{relayed.host} is {there.value}, the server {here.value}")
        if there is not Scope.PUBLIC:
            return f"{relayed.host} is {there.value}, as the server itself is"
        return f"{relayed.host} is public"

    async def _permission(self) -> str:
        found = await find_far(self._net, self._allocated(), self._inbox, self._open)
        self._far, self._second_error = found.far, found.second_error
        return f"{found.far.address}, {found.what}"

    # through the relay

    def _measure(self) -> Measure:
        relay = self._allocated()
        if self._far is None:
            raise NotApplicable("There is nobody to send to.")
        return Measure(self._net, relay, self._inbox, self._far)

    def _echoing(self) -> Measure:
        measure = self._measure()
        if not any(stage.ok for stage in self._stages if stage.name in {_N.ECHO_SEND, _N.ECHO_CHANNEL}):
            raise NotApplicable("Nothing comes through the relay.")
        return measure

    async def _echo_send(self) -> str:
        return self._echoed(await self._measure().echo())

    async def _echo_channel(self) -> str:
        measure = self._measure()
        if self._far is not None:
            await self._allocated().bind(self._far.address)
        return self._echoed(await measure.echo())

    @staticmethod
    def _echoed(came: tuple[bool, bool]) -> str:
        there, back = came
        if not there:
            raise TurnError(_R.NO_ECHO, "nothing arrives at the peer")
        if not back:
            raise TurnError(_R.NO_ECHO, "nothing comes back from the peer")
        return "There and back"

    async def _rtt(self) -> str:
        measure = self._echoing()
        times = await measure.relay_times()
        servers = await measure.server_times()
        if times.p50_s is None:
            raise TurnError(_R.NO_ECHO, f"all {PINGS} datagrams were lost")
        server_s = statistics.median(servers) if servers else None
        self._set(
            rtt_server_p50_s=server_s,
            rtt_relay_p50_s=times.p50_s,
            rtt_relay_n=times.n,
            jitter_relay_s=times.jitter_s,
            loss_relay=times.loss,
        )
        jitter = "not measured" if times.jitter_s is None else f"{times.jitter_s * 1000:.2f} ms"
        return f"{times.p50_s * 1000:.2f} ms (n={times.n}), jitter {jitter}, loss {times.loss:.0%}"

    async def _throughput(self) -> str:
        self._report, detail = await measure_speed(self._echoing(), self._report, self._within)
        return detail

    async def _no_throughput(self) -> str:
        self._allocated()
        raise NotApplicable("It was not asked for: it sends up to 5 MB.")

    async def _mtu(self) -> str:
        size = await self._echoing().mtu(self._report.rtt_relay_p50_s or 0.1)
        if size is None:
            raise TurnError(_R.NO_ECHO, "packets of 1,200 bytes do not pass")
        self._set(mtu_bytes=size)
        return f"{size} bytes in ChannelData"

    async def _renewal(self) -> str:
        if self._inbox.ended is not None and not any(stage.ok is False for stage in self._stages):
            raise self._inbox.ended  # while it was asked how it is
        relay = self._allocated()
        state = relay.state()
        permissions = sum(permission.remaining_s is not None for permission in state.permissions)
        wanted = 1 + permissions + sum(channel.remaining_s is not None for channel in state.channels)
        while not self._inbox.renewed.empty():
            self._inbox.renewed.get_nowait()
        relay.renew()
        done = 0
        try:
            async with asyncio.timeout(RENEWAL_S):
                while done < wanted:
                    event = await self._inbox.renewed.get()
                    if event.error is not None:
                        raise event.error
                    done += 1
        except TimeoutError:
            raise TurnError(_R.UNREACHABLE, f"{done} of {wanted} renewals were answered") from None
        return f"{wanted} renewals; the relay for {relay.state().lifetime_s:g} s more"

    async def _quota(self) -> str:
        self._allocated()
        if isinstance(self._far, RelayFar) and self._second_error is None:
            return "Two relays at once"
        if self._second_error is None:
            raise NotApplicable("Only one relay was tried.")
        raise self._second_error

    async def _delete(self) -> str:
        relay = self._allocated()
        await self._close_far()
        await relay.release()
        last = relay.state().log[-1]
        if last.what != "release" or last.failure is not None:
            told = last.failure if last.what == "release" else None
            raise TurnError(_R(told or _R.UNREACHABLE), "it did not say that the relay is gone")
        return f"Given back in {last.took_s * 1000:.1f} ms"

    async def _close_far(self) -> None:
        far, self._far = self._far, None
        if far is not None:
            await far.close()

    async def _give_back(self) -> None:
        await self._close_far()
        if self._relay is not None:
            await self._relay.release()
