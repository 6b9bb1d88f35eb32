"""What the doctor measures: each measurement with the rows of the checklist that it fills, and its facts."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Final

import msgspec

from netstack.core import doctor_facts as facts_from
from netstack.core.doctor_rows import (
    ROWS,
    UNASKED,
    Link,
    Row,
    bluetooth_row,
    firewall_row,
    interface_row,
    latency_rows,
    mapping_row,
    name_row,
    nat_rows,
    relay_row,
    size_row,
    way_row,
    web_rows,
)
from netstack.core.stun_uri import host_of, parse_stun_uri
from netstack.core.web_facts import web_facts
from netstack.errors import NetError
from netstack.model.address import Address, Family
from netstack.model.config import TurnServer
from netstack.model.doctor import Outcome, Quality, RelayReach, RelayState, Rung, Segment
from netstack.model.nat import NatReport, Udp
from netstack.model.port_mapping import PortMappingError
from netstack.model.turn import TurnError
from netstack.net.protocol import Net
from netstack.radio.protocol import Radio
from netstack.service.link_quality import measure_latency, measure_size
from netstack.service.nat import NatService
from netstack.service.path_ladder import climb
from netstack.service.port_mapping import PortMappingService
from netstack.service.turn_reach import reach_turn
from netstack.service.web_check import check_web
from netstack.tasks import TaskScope

LOOKUP_S: Final = 3.0
WITHIN_S: Final = 14.0
CANCELLED: Final = "cancelled"
ROWS_OF: Final = {
    "nat": ("udp", "nat", "gateway", "ipv6", "vpn"),
    "latency": ("latency", "loss"),
    "size": ("mtu",),
    "names": ("names",),
    "relay": ("relay",),
    "mapping": ("mapping",),
    "way": ("way",),
    "web": ("portal", "clock"),
    "firewall": ("firewall",),
    "bluetooth": ("bluetooth",),
}
"""Which measurement fills which rows."""


BESIDE: Final = ("firewall", "web", "names", "relay", "mapping", "bluetooth")

OpenRadio = Callable[[], Awaitable[Radio | None]]
"""Opens this computer's Bluetooth; None: there is nothing to look at."""
MAX_RELAYS: Final = 4


class Targets(msgspec.Struct, frozen=True):
    """Whom a check asks: STUN servers, relays, web checks."""

    stun: tuple[str, ...] = ()
    turn: tuple[TurnServer, ...] = ()
    web: tuple[str, ...] = ()


class Measurements:
    """One check's rows and facts as they come; `changed` is called when a row did.

    Rows begin as running. `run` carries out one measurement, `run_all` every one side by side.
    """

    def __init__(
        self,
        net: Net,
        nats: NatService,
        mappings: PortMappingService | None,
        targets: Targets,
        changed: Callable[[], None],
        radio: OpenRadio | None = None,
    ) -> None:
        self.rows = dict.fromkeys(ROWS, Row(Outcome.RUNNING, "")) | UNASKED
        self.took_s: dict[str, float] = {}
        self.facts = facts_from.blank()
        self.nat: NatReport | None = None
        self.quality: Quality | None = None
        self.segments: tuple[Segment, ...] = ()
        self.relays: tuple[RelayReach, ...] = ()
        self.began_s = 0.0
        self._net = net
        self._nats = nats
        self._mappings = mappings
        self._stun, self._turn, self._web = targets.stun, targets.turn, targets.web
        self._changed = changed
        self._radio = radio

    def kept(self) -> Callable[[], None]:
        """What puts everything back as it is now."""
        before = (dict(self.rows), dict(self.facts), self.nat, self.quality, self.segments, self.relays)

        def restore() -> None:
            self.rows, self.facts, self.nat, self.quality, self.segments, self.relays = before

        return restore

    async def run_all(self) -> None:
        """Side by side where they do not disturb each other."""
        self.began_s = self._net.now()
        await self._look_at_interfaces()
        self._show("proxy", await self._proxy())
        async with TaskScope("measurements") as tasks:
            beside = [tasks.start(self.run(name), name) for name in BESIDE]
            await self.run("nat")
            beside.append(tasks.start(self.run("way"), "way"))
            await self.run("latency")
            await self.run("size")
            await asyncio.gather(*beside)
            self.join()

    async def run_again(self, names: list[str]) -> None:
        """Some of them, one after the other."""
        self.began_s = self._net.now()
        for name in names:
            for row in ROWS_OF[name]:
                self.rows[row] = Row(Outcome.RUNNING, "")
        self._changed()
        for name in names:
            await self.run(name)
        self.join()

    def join(self) -> None:
        """What only several of them prove together."""
        self._join_way()
        self._join_relay()

    def _show(self, name: str, row: Row) -> None:
        self.rows[name] = row
        self._changed()

    async def run(self, name: str) -> None:
        """Carries out one of `GROUPS`, or `firewall`."""
        began_s = self._net.now()
        work: dict[str, Callable[[], Awaitable[None]]] = {
            "nat": self._check_nat,
            "latency": self._measure_latency,
            "size": self._measure_size,
            "names": self._look_up,
            "relay": self._reach_relay,
            "mapping": self._detect_mapping,
            "way": self._climb,
            "web": self._check_web,
            "firewall": self._read_firewall,
            "bluetooth": self._look_at_bluetooth,
        }
        await work[name]()
        for row in ROWS_OF[name]:
            self.took_s[row] = self._net.now() - began_s
        self._changed()

    async def _look_at_interfaces(self) -> None:
        interfaces = await self._net.interfaces()
        gateways = await self._net.gateways()
        self.facts["interface"] = gateways[0].interface if gateways else None
        links = [Link(i.name, i.kind.value, i.mtu_bytes, i.signal_dbm, i.speed_bps) for i in interfaces]
        self._show("interfaces", interface_row(links))

    async def _proxy(self) -> Row:
        proxy = await self._net.web_proxy()
        if proxy is None:
            return Row(Outcome.GOOD, "none is set")
        return Row(Outcome.GOOD, f"{proxy} for the web", "Games and Peerscope's own packets go around it.")

    async def _read_firewall(self) -> None:
        wall = await self._net.firewall()
        self.rows["firewall"] = firewall_row(wall.name, wall.drops_unasked) if wall else firewall_row()

    async def _look_at_bluetooth(self) -> None:
        preflight = None
        if self._radio is not None:
            with suppress(TimeoutError):
                async with asyncio.timeout(LOOKUP_S):
                    radio = await self._radio()
                    preflight = None if radio is None else await radio.preflight()
        self.facts |= facts_from.bluetooth_facts(preflight)
        self.rows["bluetooth"] = bluetooth_row(preflight)

    async def _check_web(self) -> None:
        answers = await check_web(self._net, self._web)
        self.facts |= web_facts(answers)
        self.rows |= web_rows(answers)

    async def _check_nat(self) -> None:
        def keep(_: float, step: str, partial: NatReport) -> None:
            self.rows["nat"] = Row(Outcome.RUNNING, step)
            if partial.failure == CANCELLED:
                self._take_nat(partial)
            self._changed()

        self._take_nat(await self._nats.check(self._stun, progress=keep))

    def _take_nat(self, nat: NatReport) -> None:
        self.nat = nat
        self.facts |= facts_from.nat_facts(nat)
        self.rows |= nat_rows(nat)

    def take_port_mapping(self, nat: NatReport, refused: bool | None, text: str) -> None:
        """After the user let a port be opened for some seconds."""
        if self.nat is not None:
            self._take_nat(nat)
        if refused is not None:
            self.facts |= facts_from.mapping_facts("refused" if refused else "speaks")
            words = "the router refuses" if refused else "the router opens ports"
            self.rows["mapping"] = Row(Outcome.UNKNOWN if refused else Outcome.GOOD, words, text)

    async def _look_up(self) -> None:
        names = [host_of(server) for server in map(parse_stun_uri, self._stun) if server.hosts is None]
        looked_up = await asyncio.gather(*(self._time_name(name) for name in dict.fromkeys(names)))
        self.facts |= facts_from.name_facts(tuple((name, took_s) for name, took_s, _ in looked_up))
        self.rows["names"] = name_row(looked_up)

    async def _time_name(self, name: str) -> tuple[str, float | None, str]:
        """Seconds, None where it was not found, and why."""
        began_s = self._net.now()
        try:
            async with asyncio.timeout(LOOKUP_S):
                await self._net.resolve(name)
        except TimeoutError:
            return name, None, f"no answer within {LOOKUP_S:g} s"
        except NetError as error:
            return name, None, error.sentence
        return name, self._net.now() - began_s, ""

    async def _reach_relay(self) -> None:
        """Every relay of the configuration, four at most; one that takes us is enough."""
        if not self._turn:
            self.rows["relay"] = Row(Outcome.UNKNOWN, "none is set up")
            return
        try:
            asking = (reach_turn(self._net, server) for server in self._turn[:MAX_RELAYS])
            self.relays = tuple(await asyncio.gather(*asking))
        except TurnError as error:
            self.rows["relay"] = Row(Outcome.BAD, "is not named right", error.sentence)
            return
        best = next((each for each in self.relays if each.state is RelayState.OK), self.relays[0])
        self.facts |= facts_from.relay_facts(best.state.value, best.url)
        self.rows["relay"] = relay_row(self.relays)

    async def _detect_mapping(self) -> None:
        """What the router speaks; nothing is mapped."""
        mappings = self._mappings or PortMappingService(self._net)
        try:
            gateway = await mappings.detect()
        except PortMappingError as error:
            self.rows["mapping"] = Row(Outcome.UNKNOWN, error.sentence)
            return
        finally:
            if mappings is not self._mappings:
                await mappings.close()
        state, self.rows["mapping"] = mapping_row(gateway)
        self.facts |= facts_from.mapping_facts(state)

    def _server(self) -> tuple[Address, str] | None:
        """The first STUN server that answers over UDP and tells the truth."""
        for server in self.nat.servers if self.nat else ():
            if server.answered and server.address and not server.struck_for:
                return _address(server.address), server.server.removeprefix("stun:")
        return None

    async def _measure_latency(self) -> None:
        await self._of_server(ROWS_OF["latency"], self._latency_of)

    async def _latency_of(self, server: Address, name: str) -> None:
        def tell(asked: int) -> None:
            if asked % 25 == 0:
                self._show("loss", Row(Outcome.RUNNING, f"asked {asked} times"))

        quality = await measure_latency(self._net, server, name, tell)
        if self.quality is not None:
            kept = (self.quality.mtu_bytes, self.quality.mtu_sent_bytes)
            quality = msgspec.structs.replace(quality, mtu_bytes=kept[0], mtu_sent_bytes=kept[1])
        self.quality = quality
        self.facts |= facts_from.latency_facts(quality)
        self.rows |= latency_rows(quality)

    async def _measure_size(self) -> None:
        await self._of_server(ROWS_OF["size"], self._size_of)

    async def _size_of(self, server: Address, name: str) -> None:
        self.quality = await measure_size(self._net, server, self.quality or Quality(name, 0, 0))
        header_bytes = 48 if server.family is Family.IPV6 else 28
        self.facts |= facts_from.size_facts(self.quality, header_bytes)
        self.rows["mtu"] = size_row(self.quality)

    async def _climb(self) -> None:
        """Towards any server whose address is known: nobody needs to answer at the end."""
        known = next((s.address for s in self.nat.servers if s.address), None) if self.nat else None
        if known is None:
            self.rows["way"] = Row(Outcome.UNKNOWN, "no server's address is known")
            return
        try:
            async with asyncio.timeout(max(0.0, self.began_s + WITHIN_S - self._net.now())):
                self.segments = await climb(self._net, _address(known))
        except TimeoutError:
            self.rows["way"] = Row(Outcome.UNKNOWN, "no time was left", "Other checks had to wait too long.")
            return
        except NetError as error:
            self.rows["way"] = Row(Outcome.UNKNOWN, error.sentence)
            return
        self.rows["way"] = way_row(self.segments)

    def _join_way(self) -> None:
        """The far end of the ladder is the server whose latency was measured."""
        near = tuple(segment for segment in self.segments if segment.rung is not Rung.SERVER)
        quality = self.quality
        if quality is not None and quality.sent:
            server = self._server()
            end = Segment(
                Rung.SERVER,
                server[0].host if server else None,
                None,
                quality.sent,
                quality.answered,
                quality.rtt_p50_s,
            )
            near = (*near, end)
        self.segments = near
        self.facts |= facts_from.way_facts(near)

    def _join_relay(self) -> None:
        """A relay's silence proves nothing while nobody else answers either."""
        alone = self.nat is None or self.nat.udp is Udp.UNKNOWN
        if alone and self.facts["turn"] == "unreachable":
            self.facts["turn"] = None
            self.rows["relay"] = Row(
                Outcome.UNKNOWN, "does not answer, and nobody else does", self.rows["relay"].detail
            )

    async def _of_server(
        self, rows: tuple[str, ...], measure: Callable[[Address, str], Awaitable[None]]
    ) -> None:
        server = self._server()
        if server is None:
            self.rows |= dict.fromkeys(rows, Row(Outcome.UNKNOWN, "no server answers over UDP"))
            return
        try:
            await measure(*server)
        except NetError as error:
            self.rows |= dict.fromkeys(rows, Row(Outcome.UNKNOWN, error.sentence))


def _address(text: str) -> Address:
    host, _, port = text.rpartition(":")
    return Address(host.strip("[]"), int(port))
