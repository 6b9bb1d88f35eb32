"""Servers that lie, babble, keep silent or do not exist: never a wrong word, never a hang, one clear failure."""

import asyncio
from collections.abc import Callable, Generator
from contextlib import ExitStack
from pathlib import Path

import pytest

from netstack.errors import InputError
from netstack.model.nat import NatReport
from netstack.net.system import SystemNet
from netstack.service.nat import NatService
from tests.expectations import judge
from tests.kernel import responder as habits
from tests.kernel.bed import FULL_SERVER, PLAIN_SERVERS, SPARE, Bed
from tests.kernel.conftest import Place
from tests.kernel.diagnosis import diagnose, diagnose_all, explain, settle_all
from tests.kernel.nameserver import name_server
from tests.kernel.namespaces import Host
from tests.kernel.responder import Habit, responder

pytestmark = pytest.mark.kernel

BAD = f"stun:{SPARE}"
WITH_BAD = (f"stun:{FULL_SERVER}", BAD, f"stun:{PLAIN_SERVERS[0]}")

LIES = (habits.shifts_ports, habits.draws_ports, habits.sees_another_host, habits.sees_itself)
FALSE_PROMISES = (habits.promises_another_address, habits.promises_and_ignores)
BABBLE = (
    habits.silent,
    habits.text,
    habits.noise,
    habits.empty_success,
    habits.wrong_transaction,
    habits.cut_short,
    habits.echo,
    habits.refuses_with_error,
    habits.repeats,
)


def _no_wrong_word(reports: dict[str, NatReport], places: list[Place]) -> None:
    for place in places:
        report = reports[place.name]
        judgement = judge(report, place.expected, hairpin=place.hairpin)
        assert not judgement.wrong, f"{place.name}: {judgement.wrong}{explain(report)}"


@pytest.fixture(scope="module")
def plain_places(places: tuple[Place, ...]) -> list[Place]:
    """Every kind and chain that lets UDP through, without hairpin."""
    return [place for place in places if not place.hairpin and place.expected.udp == "ok"]


@pytest.mark.parametrize("lie", LIES, ids=lambda lie: lie.__name__)
def test_one_liar_among_three_changes_no_word(bed: Bed, plain_places: list[Place], lie: Habit) -> None:
    with responder(bed.internet, lie):
        reports = diagnose_all(plain_places, WITH_BAD)
    _no_wrong_word(reports, plain_places)
    for place in plain_places:
        report, expected = reports[place.name], place.expected
        first, liar, last = (server.strikes for server in report.servers)
        assert (first, last) == (0, 0), f"{place.name}{explain(report)}"
        if expected.verdict != "strict":  # else every server sees something else, and so may the liar
            assert report.verdict == expected.verdict, f"{place.name}{explain(report)}"
            assert liar == 1, f"{place.name}{explain(report)}"
            assert report.public_addresses == (place.site.public_host,)


@pytest.mark.parametrize("promise", FALSE_PROMISES, ids=lambda promise: promise.__name__)
def test_a_server_that_cannot_prove_itself_proves_no_filtering(
    bed: Bed, plain_places: list[Place], promise: Habit
) -> None:
    servers = (BAD, *(f"stun:{host}" for host in PLAIN_SERVERS))
    with responder(bed.internet, promise):
        reports = diagnose_all(plain_places, servers)
    _no_wrong_word(reports, plain_places)
    for place in plain_places:
        assert reports[place.name].filtering == "unknown", f"{place.name}{explain(reports[place.name])}"


@pytest.mark.parametrize("promise", FALSE_PROMISES, ids=lambda promise: promise.__name__)
def test_an_honest_server_proves_filtering_beside_a_false_one(
    bed: Bed, plain_places: list[Place], promise: Habit
) -> None:
    servers = (BAD, f"stun:{FULL_SERVER}", f"stun:{PLAIN_SERVERS[0]}")
    with responder(bed.internet, promise):
        reports = settle_all(plain_places, servers)
    for place in plain_places:
        judgement = judge(reports[place.name], place.expected, hairpin=False)
        assert not judgement.wrong + judgement.undecided, f"{place.name}{explain(reports[place.name])}"


@pytest.mark.parametrize("babble", BABBLE, ids=lambda babble: babble.__name__)
def test_a_useless_server_among_good_ones_costs_nothing(
    bed: Bed, plain_places: list[Place], babble: Habit
) -> None:
    with responder(bed.internet, babble):
        reports = settle_all(plain_places, WITH_BAD)
    for place in plain_places:
        judgement = judge(reports[place.name], place.expected, hairpin=False)
        assert not judgement.wrong + judgement.undecided, f"{place.name}{explain(reports[place.name])}"


def test_a_useless_server_alone_is_one_clear_failure(bed: Bed) -> None:
    failures = {
        habits.silent: "no-answer",
        habits.text: "rubbish",
        habits.noise: "rubbish",
        habits.empty_success: "rubbish",
        habits.wrong_transaction: "no-answer",
        habits.cut_short: "rubbish",
        habits.echo: "no-answer",
        habits.refuses_with_error: "server-error",
    }
    bed.a.set("full-cone")
    with ExitStack() as servers:
        for number, habit in enumerate(failures):
            servers.enter_context(responder(bed.internet, habit, port=4000 + number))
        reports = bed.a.client.run(_check_each([f"{BAD}:{4000 + n}" for n in range(len(failures))]))
    for report, failure in zip(reports, failures.values(), strict=True):
        _is_failure(report, failure)


async def _check_each(servers: list[str]) -> list[NatReport]:
    return await asyncio.gather(*(NatService(SystemNet()).check((server,)) for server in servers))


def _is_failure(report: NatReport, failure: str) -> None:
    assert (report.verdict, report.failure) == ("unknown", failure), explain(report)
    assert report.failure_text
    assert report.confidence == 0


def test_a_closed_port_is_refused(bed: Bed) -> None:
    bed.a.set("full-cone")
    _is_failure(diagnose(bed.a.client, [f"{BAD}:9"]), "refused")


def test_a_host_that_is_not_there_is_no_answer(bed: Bed) -> None:
    bed.a.set("full-cone")
    for report in bed.a.client.run(_check_each(["stun:192.0.2.77", "stun:203.0.113.99"])):
        _is_failure(report, "no-answer")


def test_no_network_is_said(bed: Bed) -> None:
    with Host("offline") as host:
        _is_failure(diagnose(host), "no-network")


@pytest.mark.parametrize(
    "text", ["stun:", "stun:host:0", "stun:host:65536", "http://a/b", "stun:a b", "", "[::1"]
)
def test_a_malformed_server_is_refused_before_anything_is_sent(text: str) -> None:
    with pytest.raises(InputError) as error:
        NatService(SystemNet()).parse_servers((text,))
    assert error.value.sentence


@pytest.fixture
def resolver(bed: Bed, tmp_path: Path) -> Generator[Callable[[str], None], None, None]:
    """Makes site `a` ask the name server at an address."""
    conf = tmp_path / "resolv.conf"
    conf.write_text("")
    bed.a.client.use_resolver(conf)
    yield lambda host: conf.write_text(f"nameserver {host}\noptions timeout:1 attempts:1\n") and None
    bed.a.client.restore_resolver()


def test_names_are_looked_up_and_unknown_ones_are_told(bed: Bed, resolver: Callable[[str], None]) -> None:
    bed.a.set("port-restricted")
    resolver(SPARE)
    with name_server(bed.internet, {"stun.example.net": FULL_SERVER}):
        _is_failure(diagnose(bed.a.client, ["stun:no-such.example.net"]), "unknown-host")
        report = diagnose(bed.a.client, ["stun:no-such.example.net", "stun:stun.example.net"])
    assert (report.verdict, report.failure, report.label) == ("moderate", None, "port-restricted-cone")
    assert report.servers[0].failure
    assert report.servers[1].answered


def test_a_silent_name_server_holds_nothing_up(bed: Bed, resolver: Callable[[str], None]) -> None:
    bed.a.set("port-restricted")
    resolver(SPARE)
    with responder(bed.internet, habits.silent, port=53):
        _is_failure(diagnose(bed.a.client, ["stun:stun.example.net"]), "unknown-host")
        report = diagnose(bed.a.client, ["stun:stun.example.net", f"stun:{FULL_SERVER}"])
    assert (report.verdict, report.label) == ("moderate", "port-restricted-cone")
