"""Node: one endpoint of the whole stack; the facade that the window, the command line and tests hold."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Coroutine
from pathlib import Path
from typing import Any

import msgspec

from netstack.core.game_ports import Game, ports_of
from netstack.core.identity import fingerprint
from netstack.core.metered import covers
from netstack.core.pair_verdict import facts_of_report
from netstack.core.rate_limits import RateLimits
from netstack.errors import InputError, PeerscopeError
from netstack.model.config import Config
from netstack.model.coordinator import CoordinatorState, DrillCause, DrillResult, DrillState
from netstack.model.doctor import Check, DoctorReport
from netstack.model.nat import NatReport
from netstack.model.pair import NatFacts
from netstack.model.path import PlotData
from netstack.model.peers import PeersState
from netstack.model.port_mapping import Carried
from netstack.model.race import RaceState
from netstack.model.session import TransportKind
from netstack.model.snapshot import NatState, Snapshot
from netstack.model.turn import TurnState
from netstack.net.protocol import Net
from netstack.observe.history import Retention
from netstack.observe.journal import Journal
from netstack.observe.store import Store
from netstack.radio.one_radio import OneRadio
from netstack.radio.protocol import Radio
from netstack.radio.system import open_system_radio
from netstack.service.attempt import Met
from netstack.service.ble import BleDesk
from netstack.service.coordinator import Coordinator
from netstack.service.doctor import Doctor
from netstack.service.fleet_metrics import FleetMetrics
from netstack.service.game_port import read_games, shipped_games
from netstack.service.history_desk import HistoryDesk
from netstack.service.metered import MeteredNetworks
from netstack.service.nat import NatService
from netstack.service.nat_port_mapping import try_out
from netstack.service.path_watch import PathWatch
from netstack.service.peer_desk import DriverMaker, PeerDesk
from netstack.service.port_mapping import PortMappingService
from netstack.service.port_mapping_records import records_path
from netstack.service.race import race
from netstack.service.rehearsal import rehearse
from netstack.service.relay_desk import RelayDesk
from netstack.service.settings import SettingsDesk
from netstack.service.two_ends import here
from netstack.tasks import TaskScope

log = logging.getLogger(__name__)

Drill = Callable[[Callable[[DrillResult], None]], Awaitable[object]]

LAG_PERIOD_S = 0.5
LIMIT_KEYS = {"peer_bits_per_s", "peer_packets_per_s", "all_bits_per_s", "all_packets_per_s"}


class Node:
    """Owns the services of one host on one network. `network` is "real" or a lab scenario's name.

    `home` keeps the identity and the known peers (None: nothing is kept), `folder` gets received files, `peers` is
    the state to begin with, `drivers` makes a way to meet from its name, `history` is the file of what is remembered.
    `settings` are what the Settings page shows and `settings_file` keeps, where that is not `config`: the lab has servers
    of its own. `radio` opens a Bluetooth radio.
    """

    def __init__(
        self,
        net: Net,
        config: Config,
        *,
        network: str = "real",
        home: Path | None = None,
        folder: Path | None = None,
        peers: PeersState | None = None,
        drivers: DriverMaker | None = None,
        history: Path | None = None,
        settings: Config | None = None,
        settings_file: Path | None = None,
        radio: Callable[[], Awaitable[Radio]] | None = None,
    ) -> None:
        self.net = net
        self.network = network
        self._store = Store(Snapshot(network=network, nat=NatState(servers=config.stun)))
        self._journal = Journal(self._store, net)
        self._nat = NatService(net, network=network)
        self._turn = config.turn
        self._web_checks = config.web_checks
        self._port_mapping = PortMappingService(net, records=records_path() if network == "real" else None)
        self._radio = OneRadio(radio or open_system_radio)
        self._doctor = Doctor(
            net, network=network, nat=self._nat, mappings=self._port_mapping, radio=self._doctors_radio
        )
        self.metered = MeteredNetworks(net, lambda networks: self._store.update(networks=networks))
        self.metered.choose(config.metered)
        self.relays = RelayDesk(net, self._take_turn, known=config.turn, network=network)
        self._games = _games()
        self._set_doctor(games=tuple(game.name for game in self._games))
        self._watch = PathWatch(net, lambda paths: self._store.update(paths=paths))
        self.coordinator = Coordinator(net, self._watch, self._take_paths)
        self.peers = PeerDesk(
            net,
            self._watch,
            self._take_peers,
            home=home,
            folder=folder or Path("received"),
            stun=config.stun,
            turn=config.turn,
            caps=config.cap,
            limits=RateLimits.of_config(config),
            state=peers
            or PeersState(
                ways=config.rendezvous,
                brokers=config.brokers,
                hidden=config.hide_address,
                open_ports=config.open_ports,
            ),
            drivers=drivers,
            open_radio=self._radio.open,
            webrtc=network == "real",
        )
        self.peers.own.nat = self._nat_facts
        self.peers.own.guess_ports = config.guess_ports
        self.peers.own.mappings = self._port_mapping
        self.peers.began = self._coordinate
        self.history = HistoryDesk(
            net,
            self._watch,
            lambda state: self._store.update(history=state),
            path=history,
            retention=_retention(config),
            network=network,
        )
        self.metrics = FleetMetrics(self._watch, self.peers.own.guard)
        self._metrics_place = config.metrics
        self.settings = SettingsDesk(
            settings or config,
            settings_file,
            lambda state: self._store.update(settings=state),
            self._use_settings,
            virtual=network != "real",
        )
        self.bluetooth = BleDesk(net, self._radio.open, lambda state: self._store.update(bluetooth=state))
        self._tasks = TaskScope("node")

    @property
    def snapshot(self) -> Snapshot:
        """The newest state."""
        return self._store.snapshot

    async def start(self) -> None:
        """Begins to watch the loop's lag and to keep the log."""
        self._journal.open()
        self._tasks.start(self._watch_lag(), "lag")
        self._tasks.start(self._port_mapping.start(), "port mappings left behind")
        self._tasks.start(self.metered.run(), "metered networks")
        await self.peers.start()
        await self.history.start()
        try:
            await self._serve_metrics(self._metrics_place)
        except PeerscopeError as error:
            log.warning("metrics: %s", error.sentence)

    async def close(self) -> None:
        """Ends services, tasks and the store, in that order. May be called twice."""
        await self._tasks.close()
        await self.bluetooth.close()
        await self.relays.close()
        await self.coordinator.close()
        await self.peers.close()
        await self._watch.close()
        await self.metrics.close()
        await self.history.close()
        await self._port_mapping.close()
        self._journal.close()
        self._store.close()

    async def _doctors_radio(self) -> Radio | None:
        """What the check looks at."""
        return await self._radio.open()

    def subscribe(self, listener: Callable[[Snapshot], None]) -> Callable[[], None]:
        """Calls `listener` on this loop after changes, at most every 100 ms; call the result to end it."""
        return self._store.subscribe(listener)

    async def _use_settings(self, config: Config, keys: frozenset[str]) -> None:
        """Settings have changed: whatever can takes them up at once."""
        if "stun" in keys:
            self.set_stun_servers(config.stun)
        if keys & {"stun", "turn"}:
            self._turn = config.turn
            self.relays.set_servers(config.turn)
            await self.peers.own.set_servers(config.stun, config.turn)
        self._web_checks = config.web_checks
        if "rendezvous" in keys and config.rendezvous:
            self.peers.set_ways(config.rendezvous)
        if "brokers" in keys:
            self.peers.set_brokers(config.brokers)
        await self._use_own_settings(config, keys)

    async def _use_own_settings(self, config: Config, keys: frozenset[str]) -> None:
        """Those that hold in the lab too."""
        if "open_ports" in keys:
            self.peers.set_open_ports(config.open_ports)
        if "guess_ports" in keys:
            self.peers.own.guess_ports = config.guess_ports
        if "metered" in keys:
            self.metered.choose(config.metered)
        if "hide_address" in keys:
            self.peers.set_hidden(config.hide_address)
        if "cap" in keys:
            self.peers.own.set_caps(config.cap)
        if keys & LIMIT_KEYS:
            self.peers.own.set_limits(RateLimits.of_config(config))
        if keys & {"history_days", "history_megabytes"}:
            self.history.set_retention(_retention(config))
        if "metrics" in keys:
            await self._serve_metrics(config.metrics)

    async def _serve_metrics(self, place: str) -> None:
        if place:
            log.info("metrics on http://%s/metrics", await self.metrics.open(place))
        else:
            await self.metrics.close()

    def set_stun_servers(self, servers: tuple[str, ...]) -> None:
        """Replaces the servers that a check asks. Raises InputError naming the first malformed one."""
        self._nat.parse_servers(servers)
        self._set_nat(servers=servers)

    async def choose_stun_servers(self, servers: tuple[str, ...]) -> None:
        """The user's choice: it is kept in the settings. Raises PeerscopeError naming what is wrong."""
        await self.settings.change("stun", servers)

    async def choose_hidden(self, hidden: bool) -> None:
        """The user's choice whether peers see our address; it is kept in the settings. Raises PeerscopeError."""
        await self.settings.change("hide_address", hidden)

    async def choose_open_ports(self, wanted: bool) -> None:
        """The user's consent to ports being opened on the router; it is kept in the settings. Raises PeerscopeError."""
        await self.settings.change("open_ports", wanted)

    async def choose_metered(self, network: str, metered: bool) -> None:
        """The user's word whether data costs money on a network that this computer is in; it is kept in the settings.

        Raises PeerscopeError.
        """
        here = next((each for each in self.metered.networks if each.network == network), None)
        before = self.snapshot.settings.config.metered
        kept = [each for each in before if here is None or not covers(each, here.interface, here.hosts)]
        await self.settings.change("metered", (*kept, network) if metered else tuple(kept))

    async def check_nat(
        self, servers: tuple[str, ...] | None = None, *, fresh: bool = True, lifetime: bool = False
    ) -> NatReport:
        """Runs the NAT check and returns its report. Cancelling keeps what is known in the snapshot.

        Raises InputError for a malformed server.
        """
        await self.settings.settled()
        asked = servers or self.snapshot.nat.servers
        self._nat.parse_servers(asked)
        self._set_nat(running=True, progress=0.0, step="Looking at the network")
        try:
            report = await self._nat.check(
                asked,
                fresh=fresh,
                lifetime=lifetime,
                progress=lambda done, step, report: self._set_nat(progress=done, step=step, report=report),
            )
            self._set_nat(report=report, progress=1.0)
            self.history.add(report)
            self.metrics.nat_check(report.label.value)
            return report
        finally:
            self._set_nat(running=False, step="")

    async def try_port_mapping(self) -> NatReport:
        """Opens a port on the router for some seconds, and judges the newest NAT check by what came in.

        Only after the user has agreed to it. Raises LookupError before the first check.
        """
        report = self.snapshot.nat.report
        if report is None:
            raise LookupError("no check has ended yet")
        self._set_nat(running=True, progress=0.0, step="Asking the router to open a port")
        try:
            tried = await try_out(self.net, self._port_mapping, report)
            report = self._nat.judge_with_port_mapping(tried.reachable, tried.text)
            self._set_nat(report=report)
            self._doctor.take_port_mapping(report, tried)
            if self.snapshot.doctor.report is not None:
                self._take_doctor(self._doctor.known())
            return report
        finally:
            self._set_nat(running=False, step="", progress=1.0)

    async def examine(self) -> DoctorReport:
        """Checks the whole connection and returns the report. Cancelling keeps what is known in the snapshot.

        Raises InputError for a malformed server.
        """
        await self.settings.settled()
        self._set_doctor(running=True, checks=(), nat=None, retesting="")
        try:
            report = await self._doctor.examine(
                self.snapshot.nat.servers, self._turn, self._web_checks, progress=self._tell_checks
            )
        except asyncio.CancelledError:
            self._take_doctor(self._doctor.known())
            raise
        finally:
            self._set_doctor(running=False)
        self._take_doctor(report)
        self.history.add(report)
        if report.nat is not None:
            self.metrics.nat_check(report.nat.label.value)
        return report

    async def retest(self, rule: str) -> DoctorReport:
        """Looks at one rule's facts again and returns the whole report. Cancelling leaves everything as it was.

        Raises KeyError for an unknown rule, LookupError before the first check.
        """
        if self.snapshot.doctor.report is None:
            raise LookupError("no check has ended yet")
        self._set_doctor(running=True, retesting=rule)
        try:
            return self._take_doctor(await self._doctor.retest(rule, progress=self._tell_checks))
        finally:
            self._set_doctor(running=False, retesting="", checks=self._doctor.known().checks)

    async def look_at_port(self, text: str) -> None:
        """A game by its name, or a port as in udp/7777: here and in the router. Raises InputError."""
        game, ports = ports_of(text, self._games)
        known = await self._doctor.look_at_ports(ports, game)
        report = self.snapshot.doctor.report
        if report is not None:
            report = msgspec.structs.replace(report, ports=known)
        self._set_doctor(ports=known, report=report)

    async def knock(self, conversation: int) -> None:
        """Asks a connected peer to knock at the ports that were looked at. Raises InputError, SessionError."""
        nat = self.snapshot.nat.report
        public = next((host for host in nat.public_addresses if ":" not in host), None) if nat else None
        if public is None:
            raise InputError(
                InputError.Reason.USAGE, "run the check first: your public address is not known yet"
            )
        for port in self.snapshot.doctor.ports:
            carried, _, number = port.port.partition("/")
            peer, knock = await self.peers.knock(conversation, Carried(carried), int(number), public)
            known = self._doctor.take_knock(port.port, knock, peer)
            report = self.snapshot.doctor.report
            if report is not None:
                report = msgspec.structs.replace(report, ports=known)
            self._set_doctor(ports=known, report=report)

    async def measure_load(self, conversation: int) -> None:
        """Latency under load with a connected peer, once it allows it. Raises InputError, LoadError, SessionError."""
        report = await self.peers.measure_load(conversation)
        self._doctor.take_load(report)
        if self.snapshot.doctor.report is not None:
            self._take_doctor(self._doctor.known())

    def _take_doctor(self, report: DoctorReport) -> DoctorReport:
        """The NAT page shows what the doctor found out."""
        self._set_doctor(report=report, checks=report.checks)
        if report.nat is not None and not self.snapshot.nat.running:
            self._set_nat(report=report.nat, progress=1.0)
        return report

    def _tell_checks(self, checks: tuple[Check, ...]) -> None:
        self._set_doctor(checks=checks, nat=self._doctor.nat)

    def _set_doctor(self, **changes: object) -> None:
        self._store.update(doctor=msgspec.structs.replace(self.snapshot.doctor, **changes))

    async def rehearse(self) -> None:
        """Sessions over UDP and TCP with oneself, watched until cancelled. Raises NetError, SessionError."""
        net, host, peer = await self._rehearsal_partner()
        self._watch.forget_closed()
        try:
            await rehearse(self.net, net, host, self._watch, peer=peer)
        finally:
            self._watch.forget_closed()

    async def drill(self, run: Drill) -> None:
        """Lets `run` drill, which is the lab's; what comes out is in the snapshot. Raises WorkerError."""
        state = DrillState(running=True, total=2 * len(DrillCause))

        def tell(result: DrillResult) -> None:
            nonlocal state
            state = msgspec.structs.replace(state, results=(*state.results, result))
            self._store.update(drill=state)

        self._store.update(drill=state)
        try:
            await run(tell)
        finally:
            self._store.update(drill=msgspec.structs.replace(state, running=False))

    async def race(self, seconds: float) -> None:
        """The same traffic over every transport at once, to oneself or to a server of the lab; it is in the snapshot.

        Cancelling keeps what ran. Raises NetError.
        """
        net, host, peer = await self._rehearsal_partner()

        def tell(state: RaceState) -> None:
            self._store.update(race=state)

        try:
            await race(self.net, net, host, seconds=seconds, where=peer, at=self._at, tell=tell)
        finally:
            if self.snapshot.race.running:
                tell(msgspec.structs.replace(self.snapshot.race, running=False))

    def plot_data(self, since_s: float | None = None) -> PlotData:
        """Every watched path's points since then on the engine's clock, for the live plots; by default ten minutes."""
        return self._watch.plot_data(since_s)

    def failed(self, error: PeerscopeError) -> None:
        """Something that the window asked for went wrong: it is counted."""
        self.metrics.error(error.reason.value)

    def prefer_transport(self, peer: str, transport: TransportKind | None) -> None:
        """While it is healthy, that transport goes first for this known peer (its id); None: the best one. It is kept.

        Raises InputError for one who is not known.
        """
        self.peers.prefer(peer, transport)
        self.coordinator.prefer(peer, transport)

    def _coordinate(self, met: Met, watched: int, name: str) -> None:
        peer = fingerprint(met.established.peer_key)
        known = {each.peer: each.prefers for each in self.snapshot.peers.known}
        self.coordinator.prefer(peer, known.get(peer))
        self.coordinator.coordinate(
            met.connection,
            watched,
            name,
            peer=peer,
            ways=met.ways,
            local=met.local,
            metered=lambda link: self.metered.is_metered(met.local(link)),
        )

    def _take_paths(self, state: CoordinatorState) -> None:
        newest = max((each.at_s for each in self.snapshot.coordinator.decisions), default=float("-inf"))
        self._store.update(coordinator=state)
        for decision in reversed(state.decisions):
            if decision.at_s > newest:
                self.history.decided(decision)

    def _take_turn(self, state: TurnState) -> None:
        before = self.snapshot.turn.report
        self._store.update(turn=state)
        if state.report is not None and state.report is not before and not state.running:
            self.history.add(state.report)

    def _take_peers(self, state: PeersState) -> None:
        known = {each.number: each.load.report for each in self.snapshot.peers.conversations}
        self._store.update(peers=state)
        for each in state.conversations:
            if each.load.report is not None and each.load.report != known.get(each.number):
                self.history.add(each.load.report)

    async def _rehearsal_partner(self) -> tuple[Net, str, str]:
        return self.net, "127.0.0.1", "this computer"

    def _at(self, net: Net, work: Coroutine[Any, Any, Any]) -> Awaitable[Any]:
        """Runs what opens sockets of its own on the host that `net` belongs to."""
        return here(net, work)

    def _nat_facts(self) -> NatFacts | None:
        report = self.snapshot.nat.report
        return None if report is None else facts_of_report(report)

    def _set_nat(self, **changes: object) -> None:
        self._store.update(nat=msgspec.structs.replace(self.snapshot.nat, **changes))

    async def _watch_lag(self) -> None:
        """How late the loop runs its timers: the smallest honest sign that something blocks it. And who is let in."""
        while True:
            due = self.net.now() + LAG_PERIOD_S
            await asyncio.sleep(LAG_PERIOD_S)
            self._store.update(
                engine_lag_s=max(0.0, self.net.now() - due), guard=self.peers.own.guard_state()
            )


def _retention(config: Config) -> Retention:
    return Retention(config.history_days, config.history_megabytes * 1_000_000)


def _games() -> tuple[Game, ...]:
    """The user's games too, unless their file cannot be read: no reason not to start."""
    try:
        return read_games()
    except InputError as error:
        log.warning("%s", error.sentence)
        return shipped_games()
