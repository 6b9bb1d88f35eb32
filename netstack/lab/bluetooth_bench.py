"""How fast are sessions over Bluetooth LE? Measured on the lab's radio, in virtual time: the air's figures, not a chip's."""

import asyncio
import math
from collections.abc import Callable
from functools import partial
from typing import Final

from netstack.core.identity import Identity
from netstack.lab.lab import Lab
from netstack.lab.scenario import load_scenario
from netstack.model.bench import BenchResult
from netstack.model.session import Flow, MessageReceived, Mode, Priority, SessionError, TransportKind
from netstack.radio.peer_channel import PeerChannel
from netstack.service.connection import Connection
from netstack.service.peer_book import PeerBook
from netstack.service.process_usage import process_usage
from netstack.service.sessions import Sessions
from netstack.service.throughput import Plan
from netstack.transport.ble import BleTransport

SCENARIO: Final = "train"
MAILBOX: Final = "000000"
ECHO_BYTES: Final = 64
BULK_BYTES: Final = 1 << 18
MOST_BULK_BYTES: Final = 1 << 20
KILOBYTE: Final = 1024
KILOBYTES: Final = 200
MOST_ECHOES: Final = 1000
MOST_CONNECTS: Final = 20


def measure_over_bluetooth(
    plan: Plan, *, loss: float = 0.0, seed: int = 0, tell: Callable[[str], None] = lambda _: None
) -> tuple[BenchResult, ...]:
    """Two laptops 2 m apart, LE 1M; `loss` of the packets is sent again. A megabyte at most. Raises SessionError."""

    async def work(lab: Lab) -> tuple[BenchResult, ...]:
        lab.airspace.set_loss(loss)
        return await _measure(lab, plan, tell)

    return Lab(load_scenario(SCENARIO), seed=seed).run(work)


def _sessions(
    lab: Lab, name: str, accepted: Callable[[Connection], None] | None, *, host: bool
) -> tuple[Sessions, BleTransport]:
    net, radio = lab.net(name), lab.radio(name)
    if radio is None:
        raise ValueError(f"{name} has no radio")
    sessions = Sessions(net, Identity(net.random_bytes(32)), PeerBook(), accepted)
    return sessions, sessions.add_transport(partial(BleTransport, PeerChannel(radio, MAILBOX, host=host)))


async def _measure(lab: Lab, plan: Plan, tell: Callable[[str], None]) -> tuple[BenchResult, ...]:
    results: list[BenchResult] = []

    def found(metric: str, value: float | None, unit: str, n: int) -> None:
        results.append(
            BenchResult(transport=TransportKind.BLE.value, metric=metric, value=value, unit=unit, n=n)
        )

    def accepted(connection: Connection) -> None:
        def echo(message: MessageReceived) -> None:
            if len(message.data) == ECHO_BYTES:
                connection.post(message.data, message.priority, message.mode)

        connection.on_message = echo

    host, guest = lab.scenario.pair
    far, _ = _sessions(lab, host, accepted, host=True)
    near, transport = _sessions(lab, guest, None, host=False)
    loop = asyncio.get_running_loop()
    opened: asyncio.Future[int] = loop.create_future()
    transport.opened = lambda link: opened.set_result(link) if not opened.done() else None
    used = process_usage()
    try:
        far.invite(plan.psk)
        start_s = loop.time()
        link = await opened
        found("found_s", loop.time() - start_s, "s", 1)
        connection = await near.connect_over(Flow(link), psk=plan.psk)
        tell("connections")
        times_s: list[float] = []
        for _ in range(min(plan.connects, MOST_CONNECTS)):
            connection.close()
            start_s = loop.time()
            connection = await near.connect_over(Flow(link), peer_key=far.endpoint.identity.public)
            times_s.append(loop.time() - start_s)
        found("connect_p50_s", _quantile(times_s, 0.5), "s", len(times_s))
        tell("echoes")
        times_s = []
        for _ in range(min(plan.exchanges, MOST_ECHOES)):
            start_s = loop.time()
            connection.post(bytes(ECHO_BYTES), Priority.REALTIME, Mode.UNORDERED)
            await connection.receive()
            times_s.append(loop.time() - start_s)
        found("rtt_p50_s", _quantile(times_s, 0.5), "s", len(times_s))
        found("rtt_p99_s", _quantile(times_s, 0.99), "s", len(times_s))
        session = connection.session
        if session is None:
            raise SessionError(SessionError.Reason.CLOSED)
        stats, path = session.stats, session.paths.table[session.paths.main]
        tell("throughput")
        payload, carried, fragments = stats.sent_payload_bytes, stats.link_bytes, stats.sent_fragments
        pieces = min(plan.megabytes << 20, MOST_BULK_BYTES) // BULK_BYTES
        start_s = loop.time()
        for _ in range(pieces):
            await connection.send(bytes(BULK_BYTES), Priority.BULK, Mode.ORDERED)
        await connection.send(b".", Priority.BULK, Mode.ORDERED, wait=True)
        found("throughput_bps", pieces * BULK_BYTES * 8 / (loop.time() - start_s), "bit/s", pieces)
        payload, carried = stats.sent_payload_bytes - payload, stats.link_bytes - carried
        fragments = stats.sent_fragments - fragments
        found("fragment_efficiency", payload / carried if carried else None, "1", fragments)
        found("datagram_bytes", path.mtu_bytes, "B", path.sent_packets)
        found("sealed_overhead_bytes", path.mtu_bytes - path.payload_bytes, "B", stats.sent_fragments)
        tell("messages of 1 KB")
        payload, carried, fragments = stats.sent_payload_bytes, stats.link_bytes, stats.sent_fragments
        for _ in range(KILOBYTES):
            await connection.send(bytes(KILOBYTE), wait=True)
        payload, carried = stats.sent_payload_bytes - payload, stats.link_bytes - carried
        found("kilobyte_efficiency", payload / carried if carried else None, "1", KILOBYTES)
        found("kilobyte_fragments", (stats.sent_fragments - fragments) / KILOBYTES, "1", KILOBYTES)
        found("lost_packets", path.control.lost_packets if path.control else 0, "1", path.sent_packets)
    finally:
        await near.close()
        await far.close()
    after = process_usage()
    found("cpu_s", after.cpu_s - used.cpu_s, "s", 1)
    return tuple(results)


def _quantile(times_s: list[float], share: float) -> float | None:
    """The nearest of the sorted values."""
    ordered = sorted(times_s)
    return ordered[min(math.ceil(share * len(ordered)), len(ordered)) - 1] if ordered else None
