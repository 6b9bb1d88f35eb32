"""A NAT and STUN servers as plain functions: runs the plan of a check without a network, in microseconds."""

from dataclasses import dataclass, field

import msgspec

from netstack.core.nat_probe import Kind, Outcome, Probe, Result, Server, State, plan
from netstack.model.address import Address, Family

RTT_S = 0.02
PUBLIC = "203.0.113.101"
LOCAL = "10.0.1.2"


@dataclass
class StunHost:
    """A server on `host`:3478, with a second address where `other` is given."""

    host: str
    other: Address | None = None
    alive: bool = True
    tcp: bool = True
    says: Address | None = None  # a lie about the reflexive address
    shifts_port: int = 0  # another: so much is added to the port
    udp: bool = True
    refuses: bool = False  # ICMP says that the port is closed
    honours_change: bool = True

    @property
    def primary(self) -> Address:
        return Address(self.host, 3478)


@dataclass
class World:
    """`mapping` and `filtering`: none|ei|ad|apd."""

    servers: list[StunHost]
    mapping: str = "ei"
    filtering: str = "apd"
    hairpin: bool = False
    preserve: bool = True
    repeats: int = -1  # the so-manieth dependent mapping gets the port of the one before, by chance
    udp: bool = True
    ports: dict[str, int] = field(default_factory=dict)
    public: dict[tuple[object, ...], int] = field(default_factory=dict)
    opened: dict[int, set[Address]] = field(default_factory=dict)

    def run(self, **state: object) -> State:
        """Plans and answers until the plan is empty; returns what is known then."""
        servers = tuple(Server(f"{s.host}:3478", 3478, (s.host,)) for s in self.servers)
        known = State(servers=servers, local_hosts=("127.0.0.1", self.local_host), **state)  # type: ignore[arg-type]
        now_s = 0.0
        for _ in range(100):
            todo = plan(known, now_s)
            for probe in todo.start:
                known = msgspec.structs.replace(known, started=(*known.started, (probe, now_s)))
            running = known.running()
            if not running and not todo.start:
                if todo.wake_s is None:
                    return known
                now_s = todo.wake_s
                continue
            outcomes = sorted(
                (self.answer(probe, start_s) for probe, start_s in running), key=lambda o: o.end_s
            )
            if todo.wake_s is not None and todo.wake_s < outcomes[0].end_s:
                now_s = todo.wake_s
                continue
            now_s = max(now_s, outcomes[0].end_s)
            known = msgspec.structs.replace(known, outcomes=(*known.outcomes, outcomes[0]))
        raise AssertionError("the plan never ends")

    @property
    def local_host(self) -> str:
        return PUBLIC if self.mapping == "none" else LOCAL

    def map(self, socket: str, target: Address) -> Address:
        """The public end of `socket` towards `target`, opening the filter on the way."""
        local = self.ports.setdefault(socket, 50_000 + len(self.ports))
        key = {"none": (), "ei": (), "ad": (target.host,), "apd": (target,)}[self.mapping]
        fresh = local if self.mapping == "none" or self.preserve else 20_000 + len(self.public)
        if self.mapping in {"ad", "apd"}:
            fresh = 30_000 + len(self.public) - (len(self.public) == self.repeats)
        port = self.public.setdefault((socket, *key), fresh)
        self.opened.setdefault(port, set()).add(target)
        return Address(PUBLIC, port)

    def passes(self, port: int, source: Address) -> bool:
        """Whether a packet from `source` gets in to the public `port`."""
        opened = self.opened.get(port, set())
        if self.filtering == "ei":
            return bool(opened)
        if self.filtering == "ad":
            return any(address.host == source.host for address in opened)
        return source in opened

    def answer(self, probe: Probe, start_s: float) -> Outcome:
        """What becomes of one probe."""
        silent = Outcome(probe, Result.SILENT, start_s, start_s + probe.end_s, len(probe.sends_s))
        if probe.kind is Kind.GATEWAY:
            return silent
        server = next(
            (s for s in self.servers if probe.target.host in {s.host, s.other.host if s.other else ""}), None
        )
        if probe.kind is Kind.TCP:
            if server is None or not server.tcp:
                return silent
            return Outcome(probe, Result.ANSWERED, start_s, start_s + RTT_S, rtt_s=RTT_S)
        if not self.udp:
            return silent
        mapped = self.map(probe.socket, probe.target)
        local_port = self.ports[probe.socket]
        answered = Outcome(
            probe,
            Result.ANSWERED,
            start_s,
            start_s + RTT_S,
            rtt_s=RTT_S,
            mapped=mapped,
            local_port=local_port,
        )
        if probe.kind is Kind.HAIRPIN:
            peers = [p for p, _ in self.public.items() if p[0] == probe.awaited_on]
            return answered if self.hairpin and peers else silent
        if server is None or not server.alive:
            return silent
        if server.refuses:
            return msgspec.structs.replace(silent, result=Result.REFUSED, end_s=start_s + RTT_S)
        if not server.udp:
            return silent
        if probe.target.port not in {3478, server.other.port if server.other else 3478}:
            return silent
        source, port = probe.target, mapped.port
        if probe.change_ip or probe.change_port:
            if server.other is None or not server.honours_change:
                return msgspec.structs.replace(answered, result=Result.IGNORED)
            source = server.other if probe.change_ip else Address(probe.target.host, server.other.port)
            port = probe.response_port or port
        if not self.passes(port, source):
            return silent
        told = server.says or Address(mapped.host, mapped.port + server.shifts_port)
        return msgspec.structs.replace(answered, mapped=told, other=server.other, source=source)


def three(**first: object) -> list[StunHost]:
    """Three servers on distinct hosts; the first has a second address."""
    other = first.pop("other", Address("203.0.113.11", 3479))
    return [
        StunHost("203.0.113.10", other=other, **first),  # type: ignore[arg-type]
        StunHost("203.0.113.20"),
        StunHost("203.0.113.30"),
    ]


FAMILY = Family.IPV4
