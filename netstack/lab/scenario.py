"""Scenarios: a small internet as data, with a sentence for people and what must come out of it."""

import difflib
import ipaddress
import tomllib
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal

import msgspec

from netstack.config import RESOURCES
from netstack.errors import Fault, InputError, PeerscopeError
from netstack.lab.kinds import KINDS
from netstack.lab.link import PROFILES, Shape
from netstack.lab.nat import NatBehaviour
from netstack.lab.router import BoxRules
from netstack.model.bluetooth_error import BluetoothError
from netstack.net.protocol import LinkKind
from netstack.server.stun import Behaviour

SCENARIOS = RESOURCES / "scenarios"
INTERNET = "internet"
STUN_PORT = 3478
STUN_ALTERNATE_PORT = 3479
TURN_PORT = 3478
TURN_USERNAME = "lab"
TURN_PASSWORD = "relay"  # noqa: S105 - of a virtual server
TURN_REALM = "lab.example"
ECHO_PORT = 7
WEB_PORT = 80
DNS_PORT = 53
INTERNET_GATEWAYS = ("203.0.113.254", "2001:db8:ff::254")

NAMES = (
    "home",
    "strict-router",
    "double-nat",
    "cgnat",
    "hotel-wifi",
    "udp-blocked",
    "symmetric-vs-restricted",
    "no-hairpin",
    "vpn",
    "ipv6-one-side",
    "satellite",
    "bursty-wifi",
    "mtu-blackhole",
    "turn-down",
    "turn-refuses",
    "failover",
    "captive-portal",
    "no-names",
    "wrong-clock",
    "train",
    "no-peripheral-role",
    "weak-signal",
)
"""In the order in which they are told."""


class ScenarioError(PeerscopeError):
    """A scenario file cannot be used."""

    class Reason(StrEnum):
        """What is wrong with it."""

        MALFORMED = "malformed-scenario"

    TABLE: ClassVar = {Reason.MALFORMED: (Fault.USER, "The scenario cannot be used.")}


class Part(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Anything with a name."""

    name: str
    title: str = ""


class BoxPart(Part, frozen=True, kw_only=True):
    """A router, firewall or provider's NAT. `nat` is a kind's name; `behaviour` replaces the kind's rules.

    `lan` is its inner address with the prefix length; `ipv6` a prefix that is routed to it. `nat_pmp` lets it tell its
    outer address, `maps_ports` open ports as well.
    """

    behind: str = INTERNET
    wan: str
    lan: str
    nat: str = "port-restricted"
    behaviour: NatBehaviour | None = None
    rules: BoxRules | None = None
    hairpin: bool = False
    nat_pmp: bool = False
    maps_ports: bool = False
    ipv6: str | None = None
    link: str | Shape = "cable"


class InterfacePart(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """One interface of a host; the one with the smallest `metric` is used first."""

    behind: str = INTERNET
    hosts: tuple[str, ...]
    kind: LinkKind = LinkKind.CABLE
    metric: int = 100
    mtu_bytes: int = 1500
    link: str | Shape = "lan"


class RadioPart(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A computer's Bluetooth, where it stands in metres; `fault` is a `BluetoothError.Reason` that keeps it from working."""

    place_m: tuple[float, float] = (0.0, 0.0)
    can_host: bool = True
    fault: BluetoothError.Reason | None = None


class DevicePart(Part, frozen=True, kw_only=True):
    """A thing with Bluetooth."""

    kind: Literal["thermometer", "game-pad"]
    place_m: tuple[float, float]


class HostPart(Part, frozen=True, kw_only=True):
    """A person's computer; its clock may be ahead. Without `names` it finds none. It has a network, a radio, or both."""

    interface: tuple[InterfacePart, ...] = ()
    radio: RadioPart | None = None
    firewall: bool = False
    clock_off_s: float = 0.0
    names: bool = True


class SrvPart(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What a name server says of a service (RFC 2782), such as `_turn._udp.example`."""

    name: str
    target: str
    port: int
    priority: int = 0
    weight: int = 0


class ServerPart(Part, frozen=True, kw_only=True):
    """A server, mostly on the internet; two `hosts` make a STUN server that proves filtering. `dns` is its name.

    `login` is the page of a network that wants a login before anything else. A relay that `refuses` has changed its
    password since we were told it. `srv` is what a name server (`dns`) knows.
    """

    kind: Literal["stun", "turn", "echo", "web", "login", "dns"]
    behind: str = INTERNET
    hosts: tuple[str, ...]
    dns: str
    behaviour: Behaviour = Behaviour.HONEST
    down: bool = False
    refuses: bool = False
    srv: tuple[SrvPart, ...] = ()
    link: str | Shape = "server"


class EventPart(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Something that happens `at_s` seconds after the pair began to connect."""

    at_s: float
    action: Literal["cut", "mend", "reboot"]
    target: str


class PairExpectation(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Whether the pair can connect, and directly."""

    connected: bool
    direct: bool


class Expectation(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What must come out: fields of the NAT report by host, the problems that the doctor finds, the pair's fate."""

    nat: dict[str, dict[str, str | bool]] = {}
    problems: tuple[str, ...] = ()
    hints: tuple[str, ...] = ()
    pair: PairExpectation


_DEFAULT_SERVERS = (
    ServerPart(
        name="stun1",
        title="STUN server with two addresses",
        kind="stun",
        hosts=("203.0.113.10", "203.0.113.11", "2001:db8:ff::10", "2001:db8:ff::11"),
        dns="stun1.example",
    ),
    ServerPart(
        name="stun2",
        title="STUN server",
        kind="stun",
        hosts=("203.0.113.20", "2001:db8:ff::20"),
        dns="stun2.example",
    ),
    ServerPart(name="stun3", title="STUN server", kind="stun", hosts=("203.0.113.30",), dns="stun3.example"),
    ServerPart(name="relay", title="Relay", kind="turn", hosts=("203.0.113.40",), dns="relay.example"),
    ServerPart(name="web", title="Web server", kind="web", hosts=("203.0.113.50",), dns="web.example"),
)


class Scenario(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A whole scenario. `story` is a sentence for people; `pair` are the two who want to connect.

    `patient` is the one whom the doctor examines, the first of the pair where it is empty. `air_loss` is the share of
    Bluetooth packets that is lost for other reasons than the distance.
    """

    name: str = ""
    title: str
    story: str
    pair: tuple[str, str]
    patient: str = ""
    box: tuple[BoxPart, ...] = ()
    host: tuple[HostPart, ...]
    server: tuple[ServerPart, ...] = _DEFAULT_SERVERS
    device: tuple[DevicePart, ...] = ()
    air_loss: Annotated[float, msgspec.Meta(ge=0.0, le=1.0)] = 0.0
    event: tuple[EventPart, ...] = ()
    expect: Expectation


def load_scenario(name: str) -> Scenario:
    """Reads one of the scenarios that come with the app. Raises InputError for an unknown name."""
    if name not in NAMES:
        near = difflib.get_close_matches(name, NAMES, n=1)
        detail = f"did you mean {near[0]}?" if near else name
        raise InputError(InputError.Reason.SCENARIO, detail)
    return read_scenario(SCENARIOS / f"{name}.toml")


def read_scenario(path: Path) -> Scenario:
    """Reads a scenario file. Raises ScenarioError with a sentence; InputError where it cannot be opened."""
    try:
        values = tomllib.loads(path.read_text("utf-8"))
    except OSError as error:
        raise InputError(InputError.Reason.FILE, f"{path.name}: {error.strerror}") from error
    except (UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise _malformed(path.name, str(error)) from error
    return parse_scenario(values, path.stem)


def parse_scenario(values: dict[str, Any], name: str) -> Scenario:
    """Checks a scenario. Raises ScenarioError."""
    try:
        scenario = msgspec.convert({**values, "name": name}, Scenario)
    except msgspec.ValidationError as error:
        raise _malformed(name, str(error)) from error
    if wrong := next(_faults(scenario), None):
        raise _malformed(name, wrong)
    return scenario


def shape_of(link: str | Shape) -> Shape:
    """A link's shape, by profile name or as it is."""
    return PROFILES[link] if isinstance(link, str) else link


def _malformed(name: str, detail: str) -> ScenarioError:
    return ScenarioError(ScenarioError.Reason.MALFORMED, f"{name}: {detail}")


def _faults(scenario: Scenario) -> Any:
    """What does not fit together, a sentence each."""
    parts: tuple[Part, ...] = (*scenario.box, *scenario.host, *scenario.server, *scenario.device)
    names = [part.name for part in parts]
    for name in names:
        if name == INTERNET or names.count(name) > 1:
            yield f"two things are called {name}"
    known = {INTERNET}
    for box in scenario.box:
        if box.behind not in known:
            yield f"{box.name} is behind {box.behind}, which is not defined before it"
        known.add(box.name)
        if box.nat not in KINDS:
            yield f"{box.name} has the unknown NAT kind {box.nat}; known: {', '.join(KINDS)}"
        yield from _address_faults(box.name, (box.wan,))
        yield from _prefix_faults(box.name, box.lan, box.ipv6)
        yield from _link_faults(box.name, box.link)
    for host in scenario.host:
        if not host.interface and host.radio is None:
            yield f"{host.name} has no interface"
        for interface in host.interface:
            if interface.behind not in known:
                yield f"{host.name} is behind {interface.behind}, which is not defined"
            yield from _address_faults(host.name, interface.hosts)
            yield from _link_faults(host.name, interface.link)
    for server in scenario.server:
        yield from _address_faults(server.name, server.hosts)
        yield from _link_faults(server.name, server.link)
    hosts = [host.name for host in scenario.host]
    for name in (*scenario.pair, *scenario.expect.nat):
        if name not in hosts:
            yield f"there is no host {name}"
    yield from _duplicate_addresses(scenario)
    yield from _event_faults(scenario)


def _address_faults(name: str, hosts: tuple[str, ...]) -> Any:
    if not hosts:
        yield f"{name} has no address"
    for host in hosts:
        try:
            ipaddress.ip_address(host)
        except ValueError:
            yield f"{name} has the address {host}, which is none"


def _prefix_faults(name: str, *prefixes: str | None) -> Any:
    for prefix in prefixes:
        try:
            if prefix is not None:
                ipaddress.ip_interface(prefix)
        except ValueError:
            yield f"{name} has the network {prefix}, which is none"


def _link_faults(name: str, link: str | Shape) -> Any:
    if isinstance(link, str) and link not in PROFILES:
        yield f"{name} has the unknown link {link}; known: {', '.join(PROFILES)}"


def _duplicate_addresses(scenario: Scenario) -> Any:
    """Public addresses are unique; private ones may be used again behind another router."""
    public = [host for server in scenario.server for host in server.hosts]
    public += [box.wan for box in scenario.box if box.behind == INTERNET]
    for host in scenario.host:
        public += [a for i in host.interface if i.behind == INTERNET for a in i.hosts]
    for address in public:
        if public.count(address) > 1:
            yield f"the address {address} is used twice"


def _event_faults(scenario: Scenario) -> Any:
    boxes = {box.name for box in scenario.box}
    links = set(link_names(scenario))
    for event in scenario.event:
        if event.target not in (boxes if event.action == "reboot" else links):
            yield f"an event concerns {event.target}, which is not there"


def link_names(scenario: Scenario) -> tuple[str, ...]:
    """Every link, named from its outer end to its inner one."""
    names = [f"{box.name}-{box.behind}" for box in scenario.box]
    names += [f"{host.name}-{i.behind}" for host in scenario.host for i in host.interface]
    return (*names, *(f"{server.name}-{server.behind}" for server in scenario.server))
