"""The doctor with a live peer: meets it, measures the way to it, and judges both networks as a pair."""

import asyncio
from collections.abc import Sequence
from typing import Final

from netstack.core.pair_verdict import facts_of_report
from netstack.core.probe_stats import ProbeStats
from netstack.core.session_code import SessionCode
from netstack.model.doctor import DoctorReport, PeerReport
from netstack.model.knock import KnockReport, KnockState
from netstack.model.meeting import Role
from netstack.model.path import ProbeSummary
from netstack.model.port_mapping import Carried
from netstack.model.session import Event, ProbeAnswered
from netstack.net.protocol import Net
from netstack.rendezvous.driver import Driver
from netstack.service.attempt import Attempt, Met
from netstack.service.chat import Chat
from netstack.service.connection import Connection
from netstack.service.doctor import Doctor
from netstack.service.peers import Peers
from netstack.tasks import TaskScope

PROBES: Final = 150
GAP_S: Final = 0.02
LATE_S: Final = 1.0
SETTLE_S: Final = 3.0
"""So long the session may look for a better way, and the other side tell what it saw."""


async def examine_peer(
    net: Net,
    doctor: Doctor,
    peers: Peers,
    code: SessionCode,
    drivers: Sequence[Driver],
    *,
    hidden: bool = False,
) -> DoctorReport:
    """Meets whoever made the code and adds what came of it to the doctor's report; our own check has ended before.

    The ports that were looked at are knocked at by the peer, unless our address is `hidden`. Raises MeetingError, TraversalError, SessionError,
    NetError.
    """
    nat = doctor.nat
    peers.nat = facts_of_report(nat)
    attempt = Attempt(hidden=hidden)
    met = await peers.meet(Role.GUEST, code, drivers, attempt)
    async with TaskScope("peer exam") as tasks:
        chat = Chat(
            net,
            met.connection,
            peer_key=met.established.peer_key,
            initiator=met.established.initiator,
            knocks=not hidden,
        )
        tasks.start(chat.run(), "chat")
        await asyncio.sleep(SETTLE_S)
        probes = await measure_path(net, met.connection)
        await _knock(doctor, chat, met)
        report = _report(met, attempt, probes)
        await peers.hang_up(met.connection)
    if report is not None:
        doctor.take_peer(report)
    return doctor.known()


async def _knock(doctor: Doctor, chat: Chat, met: Met) -> None:
    nat = doctor.nat
    public = next((host for host in nat.public_addresses if ":" not in host), None) if nat else None
    name = met.name or "the other side"
    for port in doctor.known().ports:
        carried, _, number = port.port.partition("/")
        if public is None:
            knock = KnockReport(KnockState.UNKNOWN, "no public address of this computer is known")
        else:
            knock = await chat.knocks.ask(Carried(carried), int(number), public)
        doctor.take_knock(port.port, knock, name)


def _report(met: Met, attempt: Attempt, probes: ProbeSummary) -> PeerReport | None:
    reached = attempt.reached or met.reached
    pair = attempt.verdict(reached)
    if pair is None:
        return None
    return PeerReport(
        name=met.name,
        transport=reached.transport.value,
        kind=reached.kind,
        remote=reached.remote,
        connect_s=met.reached.connect_s,
        pair=pair,
        probes=probes,
    )


async def measure_path(net: Net, connection: Connection) -> ProbeSummary:
    """150 probes of the path that carries messages; 4 s."""
    stats = ProbeStats()

    def heard(event: Event) -> None:
        if isinstance(event, ProbeAnswered):
            stats.answered(
                event.sequence,
                event.t1_s,
                event.t2_s,
                event.t3_s,
                event.t4_s,
                event.reflected,
                kernel_stamp=event.kernel_stamp,
            )

    connection.listeners.append(heard)
    due_s = net.now()
    try:
        for _ in range(PROBES):
            session = connection.session
            sequence = None if session is None else connection.probe(session.paths.main)
            if sequence is not None:
                stats.sent(sequence, net.now())
            due_s += GAP_S
            await asyncio.sleep(max(0.0, due_s - net.now()))
        await asyncio.sleep(LATE_S)
    finally:
        connection.listeners.remove(heard)
    return stats.summary(net.now() + LATE_S + GAP_S)
