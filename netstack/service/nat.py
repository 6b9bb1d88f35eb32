"""What does my NAT do? Runs the plan of `core.nat_probe` on a network, and remembers servers and answers."""

import asyncio
import logging
import tomllib
from collections.abc import Callable
from contextlib import suppress

import msgspec

from netstack.config import RESOURCES
from netstack.core.nat_probe import Kind, Outcome, Plan, Probe, Result, Server, State, families_of, plan
from netstack.core.nat_report import build_report
from netstack.core.nat_verdict import VerdictTable
from netstack.core.server_track import ServerTracks
from netstack.core.stun_uri import host_of, parse_stun_uri
from netstack.errors import DecodeError, InputError, NetError
from netstack.model.address import Address
from netstack.model.nat import Evidence, NatReport, Verdict
from netstack.net.protocol import LinkKind, Net, Stream
from netstack.service.nat_lifetime import measure_lifetime
from netstack.service.nat_socket import UNTOUCHED, ProbeSocket
from netstack.service.port_mapping_upnp import ask_wan
from netstack.tasks import TaskScope
from netstack.wire import stun

log = logging.getLogger(__name__)

CACHE_S = 300.0
CHECK_S = 8.0
LOOKUP_S = 2.0
EXPECTED_S = 1.2
TCP_REPLY_BYTES = 2048

Progress = Callable[[float, str, NatReport], None]
"""Told how far (0 to 1), the step in words, and the partial report."""


def read_verdict_table() -> VerdictTable:
    """The decision table that is shipped with the app."""
    return msgspec.convert(tomllib.loads((RESOURCES / "nat_verdicts.toml").read_text("utf-8")), VerdictTable)


class NatService:
    """NAT checks of one host. `network` is "real" or a lab scenario's name and goes into every report."""

    def __init__(self, net: Net, *, network: str = "real") -> None:
        self._net = net
        self._network = network
        self._table = read_verdict_table()
        self._tracks = ServerTracks()
        self._cached: tuple[object, float, NatReport] | None = None
        self._judged: tuple[_Run, NatReport] | None = None

    def parse_servers(self, servers: tuple[str, ...]) -> tuple[Server, ...]:
        """Raises InputError for the first server that is malformed, or when there is none."""
        if not servers:
            raise InputError(InputError.Reason.SERVER, "no server is named")
        return tuple({server.name: server for server in map(parse_stun_uri, servers)}.values())

    async def check(
        self,
        servers: tuple[str, ...],
        *,
        fresh: bool = True,
        lifetime: bool = False,
        progress: Progress | None = None,
    ) -> NatReport:
        """Runs one check, or gives the answer of the last five minutes when `fresh` is False.

        The cached answer counts only while interfaces, gateways, local addresses and servers are the same, and
        only if it was no failure. Cancelling reports what is known through `progress` first. Raises InputError.
        """
        parsed = self.parse_servers(servers)
        interfaces = await self._net.interfaces()
        gateways = await self._net.gateways()
        key = (interfaces, gateways, parsed)
        if not fresh and not lifetime and self._cached is not None:
            cached_key, at_s, report = self._cached
            if cached_key == key and self._net.now() - at_s < CACHE_S:
                return msgspec.structs.replace(report, cached=True)
        vpns = [interface for interface in interfaces if interface.kind is LinkKind.VPN]
        hosts = tuple(host for interface in interfaces for host in interface.hosts)
        run = _Run(
            self._net,
            State(
                servers=parsed,
                local_hosts=hosts,
                vpn=vpns[0].name if vpns else None,
                other_hosts=tuple(
                    host
                    for each in interfaces
                    for host in each.hosts
                    if each.kind is LinkKind.VPN or (gateways and not gateways[0].is_on(each))
                ),
                gateway=next((gateway.host for gateway in gateways), None),
                families=families_of(hosts),
            ),
            lambda state, now_s, final, cancelled: build_report(
                state,
                now_s,
                self._table,
                self._tracks,
                final=final,
                cancelled=cancelled,
                network=self._network,
                started_at_s=started_at_s,
                clock_s=self._net.now(),
            ),
            progress,
        )
        started_at_s = self._net.wall_time()
        report = await run.finish()
        self._remember(run.state, report)
        report = run.report(final=True)
        if lifetime and report.failure is None and report.verdict is not Verdict.BLOCKED:
            report = await self._with_lifetime(run.state, report, progress)
        good = report.failure is None
        self._cached = (key, self._net.now(), report) if good else None
        self._judged = run, report
        answered = sum(server.answered for server in report.servers)
        log.info(
            "NAT check: %s, %d of %d servers answered, %.2f s",
            report.failure or report.verdict.value,
            answered,
            len(report.servers),
            report.duration_s,
        )
        return report

    def judge_with_port_mapping(self, reachable: bool | None, text: str) -> NatReport:
        """The newest report, judged anew: a mapping was proved from outside (True), disproved, or could not be.

        `text` says what was seen. Raises LookupError before the first check.
        """
        if self._judged is None:
            raise LookupError("no check has ended yet")
        run, report = self._judged
        run.state = msgspec.structs.replace(run.state, port_mapping=reachable)
        judged = run.report(final=True)
        return msgspec.structs.replace(
            report,
            verdict=judged.verdict,
            headline=judged.headline,
            label=judged.label,
            confidence=judged.confidence,
            advice=judged.advice,
            port_mapping=reachable,
            evidence=(*report.evidence, Evidence("port_mapping", text)),
        )

    async def _with_lifetime(self, state: State, report: NatReport, progress: Progress | None) -> NatReport:
        def tell(done: float, step: str) -> None:
            if progress is not None:
                progress(done, step, msgspec.structs.replace(report, provisional=True))

        began_s = self._net.now()
        try:
            lifetime, evidence = await measure_lifetime(self._net, state, tell)
        except asyncio.CancelledError:
            if progress is not None:
                progress(1.0, "", report)
            raise
        return msgspec.structs.replace(
            report,
            lifetime=lifetime,
            evidence=(*report.evidence, evidence),
            duration_s=report.duration_s + self._net.now() - began_s,
        )

    def _remember(self, state: State, report: NatReport) -> None:
        """Keeps each server's record; being slower than the others is no failure."""
        now = self._net.now()
        for index, server in enumerate(state.servers):
            asked = [o for o in state.of(Kind.MAPPING) if o.probe.server == index]
            rtts = [o.rtt_s for o in asked if o.rtt_s is not None]
            if rtts or any(o.result is not Result.DROPPED for o in asked) or server.failure:
                self._tracks.of(server.name).record(min(rtts, default=None), now)
            if report.servers[index].struck_for:
                self._tracks.of(server.name).strike()


class _Run:
    """One check under way: starts what the plan wants, collects what comes, tells as it goes."""

    def __init__(
        self,
        net: Net,
        state: State,
        build: Callable[[State, float, bool, bool], NatReport],
        progress: Progress | None,
    ) -> None:
        self.state = state
        self._net = net
        self._build = build
        self._progress = progress
        self._zero_s = net.now()
        self._news = asyncio.Event()
        self._sockets: dict[str, asyncio.Future[ProbeSocket]] = {}
        self._tasks = TaskScope("nat")
        self._probes: dict[str, asyncio.Task[None]] = {}

    def report(self, *, final: bool, cancelled: bool = False) -> NatReport:
        """What is known now."""
        return self._build(self.state, self._net.now() - self._zero_s, final, cancelled)

    async def finish(self) -> NatReport:
        """Runs until nothing is left to do; `CHECK_S` is the bound on everything."""
        try:
            async with asyncio.timeout(CHECK_S):
                for index, server in enumerate(self.state.servers):
                    if server.hosts is None:
                        self._tasks.start(self._look_up(index, server), f"look up {server.name}")
                await self._carry_out_plans()
        except TimeoutError:
            pass
        except asyncio.CancelledError:
            if self._progress is not None:
                self._progress(1.0, "", self.report(final=True, cancelled=True))
            raise
        finally:
            await self._tasks.close()
            for socket in self._sockets.values():
                if socket.done() and not socket.cancelled() and socket.exception() is None:
                    socket.result().close()
        return self.report(final=True)

    async def _carry_out_plans(self) -> None:
        while True:
            self._news.clear()
            now_s = self._net.now() - self._zero_s
            todo = plan(self.state, now_s)
            self._carry_out(todo, now_s)
            self._tell(now_s)
            if todo.start:
                continue  # what was started now may want to be looked at later
            looking_up = any(server.hosts is None for server in self.state.servers)
            if not self.state.running() and not looking_up and todo.wake_s is None:
                return
            wait_s = None if todo.wake_s is None else max(0.0, todo.wake_s - now_s)
            with suppress(TimeoutError):
                async with asyncio.timeout(wait_s):
                    await self._news.wait()

    def _carry_out(self, todo: Plan, now_s: float) -> None:
        for name in todo.drop:
            self._probes[name].cancel()
        for probe in todo.start:
            self.state = msgspec.structs.replace(self.state, started=(*self.state.started, (probe, now_s)))
            self._probes[probe.name] = self._tasks.start(self._run(probe), probe.name)

    def _tell(self, now_s: float) -> None:
        if self._progress is None:
            return
        running = [probe.kind for probe, _ in self.state.running()]
        step = "Looking up the servers"
        if running:
            step = _STEPS[max(running, key=list(_STEPS).index)]
        self._progress(min(0.95, now_s / EXPECTED_S), step, self.report(final=False))

    async def _look_up(self, index: int, server: Server) -> None:
        failure = None
        hosts: tuple[str, ...] = ()
        try:
            async with asyncio.timeout(LOOKUP_S):
                hosts = await self._net.resolve(host_of(server))
        except TimeoutError:
            failure = "looking up its name took too long"
        except NetError as error:
            failure = (
                "no computer has that name" if error.reason is NetError.Reason.UNKNOWN_HOST else str(error)
            )
        known = msgspec.structs.replace(server, hosts=hosts, failure=failure)
        servers = (*self.state.servers[:index], known, *self.state.servers[index + 1 :])
        self.state = msgspec.structs.replace(self.state, servers=servers)
        self._news.set()

    async def _run(self, probe: Probe) -> None:
        start_s = self._net.now() - self._zero_s
        try:
            if probe.kind is Kind.TCP:
                outcome = await self._ask_over_tcp(probe, start_s)
            elif probe.kind is Kind.GATEWAY:
                outcome = await self._ask_gateway(probe, start_s)
            else:
                peer = await self._socket(probe, probe.awaited_on) if probe.awaited_on else None
                outcome = await (await self._socket(probe, probe.socket)).ask(probe, peer)
        except NetError:
            outcome = Outcome(probe, Result.UNREACHABLE, start_s, self._net.now() - self._zero_s)
        except asyncio.CancelledError:
            end_s = self._net.now() - self._zero_s
            sends = sum(offset_s <= end_s - start_s for offset_s in probe.sends_s)
            self._ended(Outcome(probe, Result.DROPPED, start_s, end_s, sends))
            raise
        self._ended(outcome)

    def _ended(self, outcome: Outcome) -> None:
        wan = outcome.mapped.host if outcome.probe.kind is Kind.GATEWAY and outcome.mapped else None
        self.state = msgspec.structs.replace(
            self.state,
            outcomes=(*self.state.outcomes, outcome),
            gateway_wan=wan or self.state.gateway_wan,
        )
        self._news.set()

    async def _socket(self, probe: Probe, name: str) -> ProbeSocket:
        """The socket of that name; probes that start together share one opening."""
        known = self._sockets.get(name)
        if known is not None:
            return await asyncio.shield(known)
        future = self._sockets[name] = asyncio.get_running_loop().create_future()
        socket = ProbeSocket(self._net, self._zero_s)
        try:
            await socket.open(probe.family, untouched=probe.kind in UNTOUCHED)
        except NetError as error:
            future.set_exception(error)
            future.exception()  # seen: whoever waits gets it, and nobody may
            raise
        except asyncio.CancelledError:
            future.cancel()
            raise
        future.set_result(socket)
        return socket

    async def _ask_gateway(self, probe: Probe, start_s: float) -> Outcome:
        """By NAT-PMP and UPnP at once: whichever tells an address first (PCP tells one only with a mapping)."""
        socket = await self._socket(probe, probe.socket)
        nat_pmp = self._tasks.start(socket.ask(probe), "gateway by NAT-PMP")
        upnp = self._tasks.start(ask_wan(self._net, timeout_s=probe.end_s), "gateway by UPnP")
        try:
            await asyncio.wait((nat_pmp, upnp), return_when=asyncio.FIRST_COMPLETED)
            if upnp.done() or (await nat_pmp).mapped is None:
                wan = await upnp
                if wan is not None:
                    end_s = self._net.now() - self._zero_s
                    mapped = Address(wan, 0)
                    return Outcome(probe, Result.ANSWERED, start_s, end_s, mapped=mapped, source=probe.target)
            return msgspec.structs.replace(await nat_pmp, end_s=self._net.now() - self._zero_s)
        finally:
            nat_pmp.cancel()
            upnp.cancel()

    async def _ask_over_tcp(self, probe: Probe, start_s: float) -> Outcome:
        """CONNECTED proves that the computer lives, ANSWERED that it is a STUN server (RFC 8489 section 6.2.2)."""
        result, rtt_s = Result.SILENT, None
        stream: Stream | None = None
        try:
            async with asyncio.timeout(probe.end_s):
                stream = await self._net.open_stream(probe.target, timeout_s=probe.end_s)
                result = Result.CONNECTED
                rtt_s = self._net.now() - self._zero_s - start_s
                transaction_id = self._net.random_bytes(12)
                stream.write(stun.encode(stun.binding_request(transaction_id)))
                await stream.drain()
                reply = await _read_message(stream)
                if reply is not None and reply.transaction_id == transaction_id:
                    result = Result.ANSWERED
        except TimeoutError:
            pass
        except NetError as error:
            if stream is None:
                reasons = {NetError.Reason.REFUSED: Result.REFUSED, NetError.Reason.TIMED_OUT: Result.SILENT}
                result = reasons.get(NetError.Reason(error.reason), Result.UNREACHABLE)
        finally:
            if stream is not None:
                stream.abort()
        return Outcome(probe, result, start_s, self._net.now() - self._zero_s, rtt_s=rtt_s)


async def _read_message(stream: Stream) -> stun.StunMessage | None:
    data = b""
    while len(data) < TCP_REPLY_BYTES:
        more = await stream.read(TCP_REPLY_BYTES - len(data))
        data += more
        with suppress(DecodeError):
            return stun.decode(data)
        if not more:
            return None
    return None


_STEPS = {
    Kind.GATEWAY: "Asking the router for its address",
    Kind.MAPPING: "Asking the servers for the public address",
    Kind.RECHECK: "Asking again, as the servers disagree",
    Kind.OTHER_PORT: "Asking other ports of the servers",
    Kind.HAIRPIN_OPEN: "Testing whether the router turns packets back",
    Kind.HAIRPIN: "Testing whether the router turns packets back",
    Kind.HOLE: "Preparing the filtering test",
    Kind.CONTROL_BOTH: "Checking that the server can do the filtering test",
    Kind.CONTROL_PORT: "Checking that the server can do the filtering test",
    Kind.CHANGE_PORT: "Testing who may come in",
    Kind.CHANGE_BOTH: "Testing who may come in",
    Kind.TCP: "UDP is silent: trying the servers over TCP",
}
