"""Two people meet by texts that they carry by hand, minutes apart, and nobody else in between."""

import asyncio
from collections.abc import Awaitable, Callable
from random import Random

import msgspec
import pytest

from netstack.core.identity import Identity
from netstack.lab.duel import duel
from netstack.lab.lab import Lab
from netstack.lab.matrix import _SERVERS
from netstack.model.meeting import MeetingError
from netstack.service.attempt import Met, PasteAttempt
from netstack.service.peer_book import PeerBook
from netstack.service.peers import Peers
from netstack.tasks import TaskScope

R = MeetingError.Reason


def _people(lab: Lab, *, relay: bool) -> list[Peers]:
    return [
        Peers(
            lab.net(name),
            Identity(bytes((number,)) * 32),
            PeerBook(),
            name=name,
            stun=lab.stun_servers,
            turn=lab.turn_servers if relay else (),
        )
        for number, name in enumerate(("anna", "ben"), 1)
    ]


async def _until(condition: Callable[[], object], limit_s: float = 30.0) -> None:
    async with asyncio.timeout(limit_s):
        while not condition():  # noqa: ASYNC110 - the attempt tells the window, not us
            await asyncio.sleep(0.1)


def _run(a: str, b: str, work: Callable[[Lab], Awaitable[None]]) -> None:
    Lab(msgspec.structs.replace(duel(a, b, Random(7)), server=_SERVERS), seed=7).run(work)


@pytest.mark.parametrize(
    ("a", "b", "relay", "kind"),
    [
        ("port-restricted", "port-restricted", False, "direct"),
        ("port-restricted-nopreserve", "address-restricted", False, "direct"),
        ("symmetric", "port-restricted", True, "relay"),
        ("udp-blocked", "udp-blocked", True, "relay"),
    ],
)
def test_texts_carried_by_hand_connect_two(a: str, b: str, relay: bool, kind: str) -> None:
    async def meet(lab: Lab) -> None:
        anna, ben = _people(lab, relay=relay)
        hosts, joins = PasteAttempt(), PasteAttempt()
        async with TaskScope("test") as tasks:
            hosting: asyncio.Task[Met] = tasks.start(anna.invite_by_paste(hosts), "host")
            await _until(lambda: hosts.text)
            assert len(hosts.text) < 1024
            await asyncio.sleep(100)  # a mail takes its time
            joining = tasks.start(ben.join_by_paste(hosts.text, joins), "join")
            await _until(lambda: joins.text)
            assert len(joins.text) < 1024
            await asyncio.sleep(100)  # and back
            assert not hosting.done()
            hosts.take_reply(joins.text, lab.net("anna").wall_time())
            async with asyncio.timeout(10):
                ours, theirs = await hosting, await joining
            assert (ours.name, theirs.name) == ("ben", "anna")
            assert ours.established.safety_digits == theirs.established.safety_digits
            await theirs.connection.send(b"hello", wait=True)
            assert (await ours.connection.receive()).data == b"hello"
            await asyncio.sleep(5)
            reached = hosts.reached or ours.reached
            assert reached.kind == kind
        await anna.close()
        await ben.close()

    _run(a, b, meet)


def test_whoever_can_be_reached_needs_no_reply() -> None:
    async def meet(lab: Lab) -> None:
        anna, ben = _people(lab, relay=False)
        hosts, joins = PasteAttempt(), PasteAttempt()
        async with TaskScope("test") as tasks, asyncio.timeout(30):
            hosting = tasks.start(anna.invite_by_paste(hosts), "host")
            await _until(lambda: hosts.text)
            theirs = await ben.join_by_paste(hosts.text, joins)
            ours = await hosting
            assert ours.established.safety_digits == theirs.established.safety_digits
            assert (ours.name, theirs.name) == ("ben", "anna")
        await anna.close()
        await ben.close()

    _run("open", "port-restricted", meet)


async def _expires(meeting: Awaitable[Met]) -> None:
    with pytest.raises(MeetingError, match="ten minutes"):
        await meeting


def test_an_invitation_that_nobody_answers_ends_after_ten_minutes() -> None:
    async def meet(lab: Lab) -> None:
        anna, ben = _people(lab, relay=False)
        hosts = PasteAttempt()
        async with TaskScope("test") as tasks:
            hosting = tasks.start(_expires(anna.invite_by_paste(hosts)), "host")
            await _until(lambda: hosts.text)
            for wrong in ("", "hello", hosts.text):
                with pytest.raises(MeetingError):
                    hosts.take_reply(wrong, lab.net("anna").wall_time())
            await asyncio.sleep(610)
            assert hosting.done()
            with pytest.raises(MeetingError) as caught:
                await ben.join_by_paste(hosts.text, PasteAttempt())
            assert caught.value.reason is R.EXPIRED
        await anna.close()
        await ben.close()

    _run("port-restricted", "port-restricted", meet)
