"""What each transport is worth on this computer: latency, throughput, the relay's cost, the seal's cost."""

import statistics
import time
import tracemalloc
from collections.abc import Callable
from typing import Final

from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305

from netstack.core import seal
from netstack.core.turn_uri import TurnUri
from netstack.model.bench import BenchError, BenchResult
from netstack.model.figures import Figure, Place, mbit_text
from netstack.model.session import Mode, Priority, TransportKind
from netstack.model.turn import TurnCredentials
from netstack.net.system import SystemNet
from netstack.server.turn_budget import TurnLimits
from netstack.service.connection import Connection
from netstack.service.embedded_turn import embedded_turn
from netstack.service.many_sessions import measure_many
from netstack.service.race import race
from netstack.service.throughput import Plan
from netstack.service.throughput_pair import measure_beside
from netstack.service.two_ends import KINDS, TwoEnds
from netstack.transport.turn_dial import open_relay
from netstack.transport.turn_relay import Relay

HOST: Final = "127.0.0.1"
GROUP: Final = "Transports"
RELAY: Final = "Relay (TURN)"
MESSAGE_BYTES: Final = 1 << 18
SEALED_BYTES: Final = 100
BLE_BYTES: Final = 1024
LATENCY_GOALS: Final = {"udp": "12 ms", "tcp": "23 ms", "turn": "67 ms", "ble": "45 ms", "webrtc": "34 ms"}
RATE_GOALS: Final = {
    "udp": "95 Mbit/s",
    "tcp": "87 Mbit/s",
    "turn": "79 Mbit/s",
    "ble": "2.1 Mbit/s",
    "webrtc": "92 Mbit/s",
}

AMOUNTS: Final = {TransportKind.BLE: 0.5e6, TransportKind.WEBRTC: 12e6}

Tell = Callable[[str], None]


async def transport_figures(scale: float, tell: Tell) -> list[Figure]:
    """`scale` 1 is the whole of it; less takes less time and stands on fewer samples."""
    rows = await _latency(max(1.0, 20 * scale), tell)
    rates: dict[TransportKind, float] = {}
    for kind in KINDS:
        tell(f"throughput over {kind.upper()}")
        slow = kind is TransportKind.BLE
        total_bytes = max(MESSAGE_BYTES // 4, int(AMOUNTS.get(kind, 48e6) * scale))
        rates[kind] = await _throughput(kind, total_bytes)
        rows.append(
            Figure(
                group=GROUP,
                name=f"Throughput, {kind.upper()}",
                goal=RATE_GOALS[kind],
                value=mbit_text(rates[kind]),
                definition=f"Reliable, ordered and sealed, acknowledged by the peer; both ends in one process; {total_bytes / 1e6:.3g} MB",
                place=Place.RADIO if slow else Place.LOOPBACK,
                n=1,
            )
        )
    tell("two processes")
    rows += await _two_processes(scale)
    tell("the relay")
    rows += await _relay(max(5, int(100 * scale)), rates[TransportKind.TURN] / rates[TransportKind.UDP])
    tell("the seal")
    return [*rows, *await _seal(max(200, int(3000 * scale)))]


async def _latency(seconds: float, tell: Tell) -> list[Figure]:
    """The race's figures."""
    tell("latency of all at once")
    net = SystemNet()
    end = await race(net, net, HOST, seconds=seconds)
    return [
        Figure(
            group=GROUP,
            name=f"Latency p99, {lane.transport.upper()}",
            goal=LATENCY_GOALS[lane.transport],
            value=lane.failure
            or f"{(lane.p99_s or 0) * 1000:.2f} ms (median {(lane.p50_s or 0) * 1000:.2f} ms)",
            definition=(
                f"One way, from queued to delivered: {end.messages_per_s:.0f} messages of {end.message_bytes} B a second over "
                "every transport at once"
            ),
            place=Place.RADIO if lane.transport == "ble" else Place.LOOPBACK,
            n=lane.arrived,
        )
        for lane in end.lanes
    ]


async def _throughput(kind: TransportKind, total_bytes: int) -> float:
    """Bits a second."""
    net = SystemNet()
    async with TwoEnds(net, net, HOST) as ends:
        ours, theirs = await ends.connect(await ends.open(kind))
        theirs.on_message = lambda _: None
        size = min(MESSAGE_BYTES, total_bytes)
        await ours.deliver(bytes(size // 4), Priority.BULK, Mode.ORDERED)
        count = max(1, total_bytes // size)
        began_s = net.now()
        for _ in range(count - 1):
            await ours.send(bytes(size), Priority.BULK, Mode.ORDERED)
        await ours.deliver(bytes(size), Priority.BULK, Mode.ORDERED)
        return count * size * 8 / (net.now() - began_s)


async def _two_processes(scale: float) -> list[Figure]:
    rows = []
    for kind in (TransportKind.UDP, TransportKind.TCP):
        plan = Plan(transport=kind, megabytes=max(2, int(128 * scale)), exchanges=max(20, int(1000 * scale)))
        found = {each.metric: each for each in await measure_beside(plan)}
        rate, rtt = found["throughput_bps"], found["rtt_p99_s"]
        rows.append(
            Figure(
                group=GROUP,
                name=f"Two processes, {kind.upper()}",
                goal=f"{RATE_GOALS[kind]}, p99 {LATENCY_GOALS[kind]}",
                value=f"{_value(rate) / 1e6:.4g} Mbit/s, round trip p99 {_value(rtt) * 1000:.3f} ms",
                definition=f"As `peerscope bench`: {plan.megabytes} MiB reliable and sealed; {plan.exchanges} echoes of 64 B",
                place=Place.LOOPBACK,
                n=rtt.n,
            )
        )
    return rows


def _value(result: BenchResult) -> float:
    return result.value if result.value is not None else float("nan")


async def _relay(allocations: int, share: float) -> list[Figure]:
    net = SystemNet()
    async with embedded_turn(net, HOST) as (uri, credentials):
        times = [await _allocate(net, uri, credentials) for _ in range(allocations)]
    direct = await _echoes(TransportKind.UDP, allocations)
    relayed = await _echoes(TransportKind.TURN, allocations)
    added_s = statistics.median(relayed) - statistics.median(direct)
    server = "our own server on loopback"
    return [
        Figure(
            group=RELAY,
            name="Allocation",
            goal="156 ms",
            value=f"{statistics.median(times) * 1000:.2f} ms median, {max(times) * 1000:.2f} ms at most",
            definition=f"From opening the socket to the relayed address, the refusal with realm and nonce included; {server}",
            place=Place.LOOPBACK,
            n=len(times),
        ),
        Figure(
            group=RELAY,
            name="Latency added",
            goal="12 ms",
            value=f"{added_s * 1000:.2f} ms a round trip",
            definition=f"Median round trip of an echo of 64 B, both sides relayed, less that of direct UDP; {server}, no distance",
            place=Place.LOOPBACK,
            n=len(relayed),
        ),
        Figure(
            group=RELAY,
            name="Throughput of direct",
            goal="97 %",
            value=f"{share:.0%}",
            definition="Throughput over TURN by that over UDP, from above: two ends and the server share one process here",
            place=Place.LOOPBACK,
            n=1,
        ),
    ]


async def _allocate(net: SystemNet, uri: TurnUri, credentials: TurnCredentials) -> float:
    began_s = net.now()
    relay = await open_relay(net, uri, lambda: credentials)
    took_s = net.now() - began_s
    await relay.release()
    return took_s


async def _echoes(kind: TransportKind, count: int) -> list[float]:
    net = SystemNet()
    async with TwoEnds(net, net, HOST) as ends:
        ours, theirs = await ends.connect(await ends.open(kind))
        theirs.on_message = lambda message: _post(theirs, message.data)
        times = []
        for _ in range(count):
            began_s = net.now()
            await ours.send(bytes(64), Priority.REALTIME, Mode.ORDERED)
            await ours.receive()
            times.append(net.now() - began_s)
        return times


def _post(connection: Connection, data: bytes) -> None:
    connection.post(data, Priority.REALTIME, Mode.ORDERED)


async def _seal(rounds: int) -> list[Figure]:
    """What sealing and opening take of an echo."""
    aead = ChaCha20Poly1305(bytes(range(32)))
    data = bytes(SEALED_BYTES)
    began_s = time.process_time()
    for number in range(rounds):
        packet = seal.seal_one(aead, 0, 0, 1, number, data)
        seal.open_one(aead, 0, 0, 1, number, packet[8:])
    one_s = (time.process_time() - began_s) / rounds
    echo_s = statistics.median(await _echoes(TransportKind.UDP, 300))
    return [
        Figure(
            group="Security",
            name="Encryption's share of latency",
            goal="3 %",
            value=f"{2 * one_s / echo_s:.1%} ({one_s * 1e6:.1f} us to seal and open {SEALED_BYTES} B)",
            definition="Two packets sealed and opened, by the median round trip of an echo over loopback UDP: no distance, so the largest share there is",
            place=Place.PROCESS,
            n=rounds,
        )
    ]


async def relay_load_figures(count: int) -> list[Figure]:
    """So many allocations at once on our own server, and what its code has allocated for them."""
    net = SystemNet()
    tracemalloc.start()
    kept: list[Relay] = []
    try:
        minutes = 60.0 * count  # a lifetime is charged when it is granted
        limits = TurnLimits(
            allocations=count,
            allocations_per_user=count,
            minutes_a_day=minutes,
            minutes_a_day_per_user=minutes,
        )
        async with embedded_turn(net, HOST, limits=limits) as (uri, credentials):
            before = _server_bytes()
            kept += [await open_relay(net, uri, lambda: credentials) for _ in range(count)]
            each_bytes = (_server_bytes() - before) / count
            for relay in kept:
                await relay.release()
    finally:
        tracemalloc.stop()
    return [
        Figure(
            group=RELAY,
            name="Allocations at once",
            goal="1,024",
            value=f"{len(kept):,}",
            definition="Open at the same time on our own server, each with a relayed address of its own",
            place=Place.LOOPBACK,
            n=len(kept),
        ),
        Figure(
            group=RELAY,
            name="Memory of an allocation",
            goal="2.1 KB",
            value=f"{each_bytes / 1000:.1f} KB",
            definition="Python memory that the server's code allocated and kept, by tracemalloc; the kernel's socket is not in it",
            place=Place.PROCESS,
            n=len(kept),
        ),
    ]


def _server_bytes() -> int:
    snapshot = tracemalloc.take_snapshot().filter_traces([tracemalloc.Filter(True, "*/netstack/server/*")])
    return sum(each.size for each in snapshot.statistics("filename"))


async def crowd_figures(count: int) -> list[Figure]:
    """So many sessions at once; a fifth of them where the computer is too busy for all."""
    try:
        results = await measure_many(count)
    except BenchError:
        results = await measure_many(count // 5)
    found = {each.metric: each for each in results}
    up, size = found["sessions"], found.get("parked_session_bytes") or found.get("session_bytes")
    memory = "" if size is None or size.value is None else f", {size.value / 1000:.1f} KB each once quiet"
    return [
        Figure(
            group="Sessions",
            name="Connections at once",
            goal="10,000",
            value=f"{up.value:,.0f}, all that were begun{memory}"
            if up.value == up.n
            else f"{up.value:,.0f}{memory}",
            definition="Sealed sessions that all echoed when all were up; two processes",
            place=Place.LOOPBACK,
            n=up.n,
        )
    ]


async def ble_figures() -> list[Figure]:
    """Payload of what the radio was given."""
    net = SystemNet()
    async with TwoEnds(net, net, HOST) as ends:
        ours, theirs = await ends.connect(await ends.open(TransportKind.BLE))
        theirs.on_message = lambda _: None
        if ours.session is None:
            return []
        before = ours.session.stats.link_bytes
        await ours.deliver(bytes(BLE_BYTES), Priority.BULK, Mode.ORDERED)
        efficiency = BLE_BYTES / (ours.session.stats.link_bytes - before)
    return [
        Figure(
            group=GROUP,
            name="BLE fragment efficiency",
            goal="84.8 %",
            value=f"{efficiency:.1%}",
            definition=f"Payload of {BLE_BYTES:,} B by what was handed to GATT for it (seal and fragment headers)",
            place=Place.RADIO,
            n=1,
        )
    ]
