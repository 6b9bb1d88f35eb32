"""Two punching sides with NATs between them, a manual clock, delay and loss."""

import heapq
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from netstack.core.hole_punch import GIVE_UP_S, Exhausted, HolePunch, PairAnswered
from netstack.model.address import Address, Family
from netstack.model.candidate import Candidate, CandidateKind, PairState

SECRET = b"s" * 32
RTT_S = 0.02


class Side:
    """A host behind a NAT: mapping ei|apd, filtering ei|ad|apd."""

    def __init__(
        self, number: int, mapping: str, filtering: str, *, controlling: bool, secret: bytes = SECRET
    ) -> None:
        self.rng = random.Random(number)
        self.punch = HolePunch(secret, self.rng.randbytes, controlling=controlling, links=[(0, Family.IPV4)])
        self.mapping, self.filtering = mapping, filtering
        self.public_host = f"203.0.113.{number}"
        self.private = Address(f"10.0.{number}.2", 5000)
        self.ports: dict[object, int] = {}
        self.opened: dict[int, set[Address]] = {}
        self.answered: list[PairAnswered] = []
        self.exhausted = False
        self.answered_at: float | None = None

    def map(self, target: Address) -> Address:
        key = () if self.mapping == "ei" else target
        port = self.ports.setdefault(key, 40_000 + len(self.ports))
        self.opened.setdefault(port, set()).add(target)
        return Address(self.public_host, port)

    def lets_in(self, port: int, source: Address) -> bool:
        opened = self.opened.get(port, set())
        if self.filtering == "ei":
            return bool(opened)
        if self.filtering == "ad":
            return any(address.host == source.host for address in opened)
        return source in opened


def _run(
    a: Side, b: Side, *, skew_s: float = 0.0, loss: float = 0.0, until_s: float = 20.0, seed: int = 1
) -> None:
    """Both learn each other's private and reflexive addresses; b `skew_s` later than a."""
    rng = random.Random(seed)
    stun = Address("203.0.113.200", 3478)
    queue: list[tuple[float, int, Side, bytes, Address, int]] = []
    serial = 0

    def candidates(side: Side) -> list[Candidate]:
        return [
            Candidate(CandidateKind.HOST, side.private),
            Candidate(CandidateKind.REFLEXIVE, side.map(stun)),
        ]

    def drain(side: Side, now: float) -> None:
        nonlocal serial
        while (transmit := side.punch.poll_transmit()) is not None:
            other = b if side is a else a
            source = side.map(transmit.remote)
            if transmit.remote.host == other.public_host and rng.random() >= loss:
                serial += 1
                arrival = (now + RTT_S / 2, serial, other, transmit.data, source, transmit.remote.port)
                heapq.heappush(queue, arrival)
        while (event := side.punch.poll_event()) is not None:
            if isinstance(event, PairAnswered):
                side.answered.append(event)
                side.answered_at = now if side.answered_at is None else side.answered_at
            elif isinstance(event, Exhausted):
                side.exhausted = True

    theirs, ours = candidates(b), candidates(a)
    for candidate in theirs:
        a.punch.add_remote(candidate, 0.0)
    started = False
    now = 0.0
    drain(a, now)
    while now < until_s:
        times = [side.punch.deadline() for side in ((a, b) if started else (a,))]
        upcoming = [t for t in times if t is not None] + ([queue[0][0]] if queue else [])
        if not started:
            upcoming.append(skew_s)
        if not upcoming:
            return
        now = max(now, min(upcoming))
        if not started and now >= skew_s:
            started = True
            for candidate in ours:
                b.punch.add_remote(candidate, now)
            drain(b, now)
        while queue and queue[0][0] <= now:
            _, _, side, data, source, port = heapq.heappop(queue)
            if side.lets_in(port, source):
                side.punch.receive(data, 0, source, now)
                drain(side, now)
        for side in (a, b) if started else (a,):
            side.punch.handle_timeout(now)
            drain(side, now)


KINDS = {
    "full-cone": ("ei", "ei"),
    "restricted": ("ei", "ad"),
    "port-restricted": ("ei", "apd"),
    "symmetric": ("apd", "apd"),
}
IMPOSSIBLE = {frozenset({"symmetric"}), frozenset({"symmetric", "port-restricted"})}


@pytest.mark.parametrize("one", KINDS)
@pytest.mark.parametrize("two", KINDS)
def test_every_pair_that_can_meet_does_and_no_other(one: str, two: str) -> None:
    a = Side(1, *KINDS[one], controlling=True)
    b = Side(2, *KINDS[two], controlling=False)
    _run(a, b)
    possible = frozenset({one, two}) not in IMPOSSIBLE
    assert bool(a.answered) == possible
    assert bool(b.answered) == possible
    assert possible or (a.exhausted and b.exhausted)


@pytest.mark.parametrize("skew_s", [0.0, 0.05, 0.1, 0.2, 0.4])
def test_a_late_start_of_one_side_costs_little_more_than_itself(skew_s: float) -> None:
    a, b = Side(1, "ei", "apd", controlling=True), Side(2, "ei", "apd", controlling=False)
    _run(a, b, skew_s=skew_s)
    assert a.answered_at is not None
    assert b.answered_at is not None
    assert max(a.answered_at, b.answered_at) <= skew_s + 0.06 + 2 * RTT_S


@pytest.mark.parametrize("seed", range(10))
def test_loss_is_overcome(seed: int) -> None:
    a, b = Side(1, "ei", "apd", controlling=True), Side(2, "ei", "apd", controlling=False)
    _run(a, b, loss=0.3, seed=seed)
    assert a.answered
    assert b.answered


def test_who_does_not_know_the_secret_gets_nothing() -> None:
    a = Side(1, "ei", "ei", controlling=True)
    b = Side(2, "ei", "ei", controlling=False, secret=b"x" * 32)
    _run(a, b)
    assert not a.answered
    assert not b.answered
    assert a.punch.rejected


def test_ones_own_check_turned_back_is_no_peer() -> None:
    a = Side(1, "ei", "ei", controlling=True)
    a.punch.add_remote(Candidate(CandidateKind.HOST, Address("192.0.2.1", 1)), 0.0)
    transmit = a.punch.poll_transmit()
    assert transmit is not None
    assert a.punch.receive(transmit.data, 0, transmit.remote, 0.1)
    assert a.punch.poll_transmit() is None
    assert a.punch.rejected == 1


def test_an_answer_from_elsewhere_does_not_count() -> None:
    a, b = Side(1, "ei", "ei", controlling=True), Side(2, "ei", "ei", controlling=False)
    place = Address("192.0.2.1", 1)
    a.punch.add_remote(Candidate(CandidateKind.HOST, place), 0.0)
    check = a.punch.poll_transmit()
    assert check is not None
    b.punch.receive(check.data, 0, Address("192.0.2.9", 9), 0.0)
    answer = b.punch.poll_transmit()
    assert answer is not None
    assert a.punch.receive(answer.data, 0, Address("192.0.2.66", 1), 0.1)
    assert a.punch.poll_event() is None
    assert a.punch.receive(answer.data, 0, place, 0.1)
    assert isinstance(a.punch.poll_event(), PairAnswered)


def test_checks_slow_down_and_end() -> None:
    a = Side(1, "ei", "ei", controlling=True)
    a.punch.add_remote(Candidate(CandidateKind.HOST, Address("192.0.2.1", 1)), 0.0)
    sent: list[float] = []
    now = 0.0
    while True:
        while a.punch.poll_transmit() is not None:
            sent.append(now)
        due = a.punch.deadline()
        if due is None:
            break
        now = due
        a.punch.handle_timeout(now)
    assert sum(at < 1.0 for at in sent) in range(15, 19)
    assert len(sent) < 50
    assert now <= GIVE_UP_S + 1
    assert a.punch.poll_event() == Exhausted()
    assert a.punch.stories()[0].state is PairState.NO_REPLY


def test_a_relay_link_is_not_tried_with_private_addresses() -> None:
    rng = random.Random(1)
    punch = HolePunch(
        SECRET, rng.randbytes, controlling=True, links=[(0, Family.IPV4)], relay_links=[(1, Family.IPV4)]
    )
    punch.add_remote(Candidate(CandidateKind.HOST, Address("10.0.0.2", 1)), 0.0)
    punch.add_remote(Candidate(CandidateKind.RELAYED, Address("203.0.113.5", 1)), 0.0)
    assert [(story.by_relay, story.kind.value) for story in punch.stories()] == [
        (False, "host"),
        (False, "relayed"),
        (True, "relayed"),
    ]


def test_pairs_are_bounded() -> None:
    a = Side(1, "ei", "ei", controlling=True)
    for number in range(500):
        a.punch.add_remote(Candidate(CandidateKind.HOST, Address("192.0.2.1", 1000 + number)), 0.0)
    assert len(a.punch.stories()) <= 40


@given(st.binary(max_size=100))
def test_any_bytes_are_borne(data: bytes) -> None:
    a = Side(1, "ei", "ei", controlling=True)
    a.punch.receive(data, 0, Address("192.0.2.1", 1), 0.0)
    assert a.punch.poll_event() is None
