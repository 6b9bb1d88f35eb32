"""The NAT check run over real sockets on loopback: good servers, bad ones, none, and a user who cancels."""

import asyncio
import socket

import pytest

from netstack.errors import InputError
from netstack.model.address import Address
from netstack.model.nat import Filtering, Mapping, NatReport, Udp, Verdict
from netstack.net.system import SystemNet
from netstack.server.stun import Behaviour, StunServer
from netstack.service.nat import NatService
from tests.service.loopback import serving


def _port() -> int:
    with socket.socket(type=socket.SOCK_DGRAM) as sock:
        sock.bind(("127.0.0.1", 0))
        return int(sock.getsockname()[1])


def _full(behaviour: Behaviour = Behaviour.HONEST) -> StunServer:
    return StunServer(Address("127.0.0.1", _port()), Address("127.0.0.2", _port()), behaviour=behaviour)


def _plain(host: str, behaviour: Behaviour = Behaviour.HONEST) -> StunServer:
    return StunServer(Address(host, _port()), behaviour=behaviour)


def _uris(*servers: StunServer) -> tuple[str, ...]:
    return tuple(f"stun:{server.address}" for server in servers)


async def _check(*servers: StunServer) -> NatReport:
    async with serving(*servers):
        return await NatService(SystemNet()).check(_uris(*servers))


async def test_without_translation_and_filter_it_is_open() -> None:
    report = await _check(_full(), _plain("127.0.0.3"), _plain("127.0.0.4"))
    assert (report.verdict, report.mapping, report.filtering) == (
        Verdict.OPEN,
        Mapping.NONE,
        Filtering.ENDPOINT_INDEPENDENT,
    )
    assert report.failure is None
    assert all(server.answered and server.rtt_s is not None for server in report.servers)


async def test_a_liar_gets_a_strike_each_time() -> None:
    servers = (_full(), _plain("127.0.0.3", Behaviour.LIES), _plain("127.0.0.4"))
    service = NatService(SystemNet())
    async with serving(*servers):
        await service.check(_uris(*servers))
        report = await service.check(_uris(*servers))
    assert [server.strikes for server in report.servers] == [0, 2, 0]
    assert report.verdict is Verdict.OPEN


@pytest.mark.parametrize("behaviour", [Behaviour.SELF_ALTERNATE, Behaviour.IGNORES_CHANGE])
async def test_a_server_that_cannot_prove_filtering_proves_nothing(behaviour: Behaviour) -> None:
    report = await _check(_full(behaviour), _plain("127.0.0.3"))
    assert report.filtering is Filtering.UNKNOWN
    assert report.servers[0].struck_for


async def test_rubbish_has_its_own_sentence() -> None:
    report = await _check(_plain("127.0.0.3", Behaviour.RUBBISH))
    assert report.failure == "rubbish"
    assert report.verdict is Verdict.UNKNOWN


async def test_a_silent_server_is_not_called_blocked() -> None:
    report = await _check(_plain("127.0.0.3", Behaviour.SILENT))
    assert (report.failure, report.udp) == ("no-answer", Udp.UNKNOWN)


async def test_a_refusal_ends_it_at_once() -> None:
    server = _plain("127.0.0.3")
    report = await NatService(SystemNet()).check(_uris(server))
    assert report.failure == "refused"


async def test_malformed_servers_are_refused_before_anything_is_sent() -> None:
    service = NatService(SystemNet())
    for servers in ((), ("stun:a b",), ("stun:127.0.0.1", "stun:x:99999")):
        with pytest.raises(InputError):
            await service.check(servers)


async def test_the_cache_answers_until_something_changes_or_failed() -> None:
    server = _full()
    service = NatService(SystemNet())
    async with serving(server):
        first = await service.check(_uris(server))
        again = await service.check(_uris(server), fresh=False)
        assert (first.cached, again.cached) == (False, True)
        assert again.started_at_s == first.started_at_s
        assert not (await service.check(_uris(server))).cached
    failed = await service.check(_uris(server))
    assert failed.failure
    assert not (await service.check(_uris(server), fresh=False)).cached


async def test_progress_begins_at_once_and_only_grows() -> None:
    servers = (_full(), _plain("127.0.0.3"))
    told: list[tuple[float, str, NatReport]] = []
    async with serving(*servers):
        await NatService(SystemNet()).check(
            _uris(*servers), progress=lambda done, step, report: told.append((done, step, report))
        )
    assert told[0][2].duration_s < 0.1
    assert [done for done, _, _ in told] == sorted(done for done, _, _ in told)
    assert all(step and report.provisional for _, step, report in told)


async def test_cancelling_keeps_what_is_known() -> None:
    servers = (_full(), _plain("127.0.0.3", Behaviour.SILENT))
    told: list[NatReport] = []
    async with serving(*servers):
        check = asyncio.ensure_future(  # noqa: TID251
            NatService(SystemNet()).check(_uris(*servers), progress=lambda *now: told.append(now[2]))
        )
        await asyncio.sleep(0.1)
        check.cancel()
        with pytest.raises(asyncio.CancelledError):
            await check
    assert told[-1].failure == "cancelled"
    assert told[-1].servers[0].answered


async def test_a_check_is_one_line_of_the_log(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO", "netstack")
    await _check(_full(), _plain("127.0.0.3"))
    await NatService(SystemNet()).check(_uris(_plain("127.0.0.3")))
    fine, failed = (record.getMessage() for record in caplog.records)
    assert fine.startswith("NAT check: open, 2 of 2 servers answered")
    assert failed.startswith("NAT check: refused, 0 of 1 servers answered")
