"""The TURN doctor: in the lab, where every world is at hand, and against coturn, which nobody here wrote."""

import asyncio
import time
from contextlib import suppress

import msgspec
import pytest

from netstack.core.turn_verdict import exit_code
from netstack.errors import NetError
from netstack.lab.lab import Lab, open_scenario
from netstack.lab.scenario import TURN_PASSWORD, TURN_USERNAME
from netstack.model.address import Address
from netstack.model.turn import ServerTransport, StageName, TurnError, TurnReport
from netstack.net.system import SystemNet
from netstack.server.turn import TurnServer
from netstack.server.turn_allocation import Allocation
from netstack.server.turn_budget import TurnLimits
from netstack.server.turn_credentials import Credentials
from netstack.server.turn_peers import PeerPolicy
from netstack.server.turn_refusal import Refusal
from netstack.service.serve import ServerHost
from netstack.service.turn import TurnService
from netstack.service.turn_login import TurnLogin
from netstack.wire.turn import time_limited_password
from tests.coturn import NAME, coturn, needs_coturn
from tests.lab.certificates import contexts
from tests.service.turn_hosts import turn_host

R = TurnError.Reason
LAB_LOGIN = TurnLogin(TURN_USERNAME, TURN_PASSWORD)
LOGIN = TurnLogin("u", "p")


def ladder(report: TurnReport) -> dict[str, bool | None]:
    return {stage.name.value: stage.ok for stage in report.stages}


def failed(report: TurnReport) -> list[tuple[str, str | None]]:
    return [(stage.name.value, stage.failure) for stage in report.stages if stage.ok is False]


def in_lab(
    scenario: str, uri: str = "turn:relay.example", login: TurnLogin = LAB_LOGIN, **more
) -> TurnReport:
    async def check(lab: Lab) -> TurnReport:
        return await TurnService(lab.net(), network=scenario).check(uri, login, **more)

    return open_scenario(scenario).run(check)


@pytest.mark.parametrize(
    ("scenario", "transport", "mtu_bytes"),
    [
        ("home", "udp", 1468),
        ("strict-router", "udp", 1468),
        ("udp-blocked", "tcp", 1472),
        ("satellite", "udp", 1468),
    ],
)
def test_a_good_server(scenario: str, transport: str, mtu_bytes: int) -> None:
    report = in_lab(scenario, throughput=True)
    assert set(ladder(report)) == set(StageName)
    assert set(ladder(report).values()) == {True}
    assert exit_code(report) == 0
    assert report.failure is None
    assert (report.transport, report.mtu_bytes) == (ServerTransport(transport), mtu_bytes)
    assert report.relayed_address.startswith("203.0.113.40:")
    assert report.rtt_relay_p50_s == pytest.approx(report.rtt_server_p50_s, rel=0.3)
    assert report.throughput_relay_bps > 500_000
    assert bool(report.advice) == (transport == "tcp")


def test_progress_tells_every_step_and_the_report_grows() -> None:
    told = []
    in_lab("home", progress=lambda done, step, report: told.append((done, step, len(report.stages))))
    assert [done for done, _, _ in told] == sorted(done for done, _, _ in told)
    assert told[-1] == (1.0, "", len(StageName))
    assert len({step for _, step, _ in told}) == len(StageName) + 1


def test_a_server_that_is_down_could_not_be_tested() -> None:
    report = in_lab("turn-down")
    assert failed(report) == [("reach", "refused")]
    assert exit_code(report) == 2
    assert report.advice


@pytest.mark.parametrize(
    ("uri", "stage", "failure", "code"),
    [
        ("turn:nobody.example", "dns", "unknown-host", 2),
        ("turn:relay.example:9", "reach", "refused", 2),
        ("turn:stun2.example", "reach", "not-turn", 2),
        ("turns:relay.example:3478", "reach", None, 2),
    ],
)
def test_what_is_not_there(uri: str, stage: str, failure: str | None, code: int) -> None:
    report = in_lab("home", uri)
    assert failed(report)[0][0] == stage
    assert failure in {None, report.failure}
    assert exit_code(report) == code


@pytest.mark.parametrize(
    ("login", "failure", "code"),
    [
        (TurnLogin(TURN_USERNAME, "wrong"), "unauthorized", 1),
        (TurnLogin("nobody", TURN_PASSWORD), "unauthorized", 1),
        (TurnLogin(), "no-credentials", 2),
        (TurnLogin("1600000000:ana", "x"), "expired", 1),
    ],
)
def test_credentials_that_are_no_good(login: TurnLogin, failure: str, code: int) -> None:
    report = in_lab("home", login=login)
    assert failed(report) == [("allocation", failure)]
    assert exit_code(report) == code
    assert "wrong" not in msgspec.json.encode(report).decode()


class World:
    """The lab's home scenario with a relay of its own making."""

    def __init__(self, **server) -> None:
        self.server = server

    def check(self, login: TurnLogin = LOGIN, *, host: str = "203.0.113.30", **more) -> TurnReport:
        async def run(lab: Lab) -> TurnReport:
            net = lab.net("stun3")
            options = {"credentials": Credentials("lab", {"u": "p"}, b"k" * 32), **self.server}
            credentials = options.pop("credentials")
            machine = TurnServer((Address(host, 3479),), credentials, net.random_bytes, **options)
            hosted = ServerHost(net, machine, {Address(host, 0).family: host})
            await hosted.open()
            try:
                return await TurnService(lab.net(), network="home").check(f"turn:{host}:3479", login, **more)
            finally:
                await hosted.close()

        return open_scenario("home").run(run)


def test_a_relay_that_is_told_with_a_private_address() -> None:
    report = World(told="10.0.0.5").check()
    assert failed(report)[0] == ("relayed-address", "private-relay")
    assert exit_code(report) == 1
    assert any("external-ip" in advice for advice in report.advice)


class Behind(SystemNet):
    """A network where coturn's TLS is found at 443 of its name, and nothing else is reached where it is `shut`."""

    def __init__(self, tls_port: int, *, shut: bool) -> None:
        super().__init__()
        self.tls_port, self.shut = tls_port, shut

    async def resolve(self, host):
        return ("127.0.0.1",) if host == NAME else await super().resolve(host)

    async def push_stream(self, receiver, remote, **more):
        if remote.port == 443:
            remote = remote._replace(port=self.tls_port)
        elif self.shut or remote.port == 5349:
            raise NetError(NetError.Reason.REFUSED, str(remote))
        await super().push_stream(receiver, remote, **more)


ALLOCATE, REFRESH, CREATE_PERMISSION, CHANNEL_BIND = 3, 4, 8, 9


@pytest.mark.parametrize("code", TurnError.CODES)
@pytest.mark.parametrize(
    ("method", "stage"),
    [
        (ALLOCATE, "allocation"),
        (CREATE_PERMISSION, "permission"),
        (CHANNEL_BIND, "echo-channel"),
        (REFRESH, "renewal"),
    ],
)
def test_every_code_is_told_where_it_is_said_with_one_remedy(method: int, stage: str, code: int) -> None:
    """300 400 401 403 420 437 438 440 441 442 443 486 508, each at each request of a relay's life."""
    reason = TurnError.CODES[code]
    report = World(errors={method: code}).check()
    assert failed(report)[0] == (stage, reason.value)
    assert {failure for _, failure in failed(report)} == {reason.value}
    assert report.advice == (TurnError.REMEDIES[reason],)
    assert report.headline.startswith(TurnError.TABLE[reason][1])
    assert str(code) in report.failure_text


@pytest.mark.parametrize(
    ("name", "days_left", "trusted", "failure"),
    [
        (NAME, 1, True, None),
        ("other.example", 1, True, "certificate-name"),
        (NAME, -1, True, "certificate-expired"),
        (NAME, 1, False, "certificate-untrusted"),
    ],
)
async def test_certificates_each_with_their_remedy(name, days_left, trusted, failure) -> None:
    ours, theirs = contexts(name, days_left=days_left)
    async with turn_host(tls=ours) as server:
        net = Behind(server.tls_at.port, shut=True)
        service = TurnService(net, tls=theirs if trusted else None)
        report = await service.check(f"turns:{NAME}:443", LOGIN)
    assert report.failure == failure
    assert failed(report) == ([("reach", failure)] if failure else [])
    assert report.advice == ((TurnError.REMEDIES[R(failure)],) if failure else ())


def test_one_relay_at_a_time_is_told_and_the_rest_is_tried_all_the_same() -> None:
    report = World(limits=TurnLimits(allocations_per_user=1)).check()
    assert failed(report) == [("quota", "quota")]
    assert report.headline == "The relay works, but only one at a time."
    assert report.rtt_relay_p50_s is not None


def test_a_server_that_does_not_relay_to_itself_is_tried_with_a_socket() -> None:
    def prudent(peer: Address, allocation: Allocation) -> None:
        if peer.host == "203.0.113.30":
            raise Refusal(403)

    async def run(lab: Lab) -> TurnReport:
        net = lab.net("stun3")
        here = Address("203.0.113.30", 3479)
        policy = PeerPolicy(own=(here.host,))
        credentials = Credentials("lab", {"u": "p"}, b"k" * 32)
        machine = TurnServer((here,), credentials, net.random_bytes, peers=policy)
        machine._data.check_peer = prudent
        hosted = ServerHost(net, machine, {here.family: here.host})
        await hosted.open()
        try:
            return await TurnService(lab.net()).check(f"turn:{here}", LOGIN)
        finally:
            await hosted.close()

    report = open_scenario("home").run(run)
    assert failed(report) == []
    assert ladder(report)["quota"] is None
    [permission] = [stage for stage in report.stages if stage.name is StageName.PERMISSION]
    assert "a socket of this computer" in permission.detail
    assert report.mtu_bytes == 1468


def test_a_clock_that_is_behind_is_told_from_a_wrong_secret() -> None:
    good = Credentials("lab", {}, b"k" * 32, secret="s", epoch_s=1_700_000_000.0)
    ahead = Credentials("lab", {}, b"k" * 32, secret="s", epoch_s=1_700_000_000.0 + 3 * 86_400)
    assert World(credentials=good).check(TurnLogin(secret="s")).failure is None
    assert World(credentials=good).check(TurnLogin(secret="t")).failure == "unauthorized"
    assert World(credentials=ahead).check(TurnLogin(secret="s")).failure == "wrong-clock"


def test_cancelling_gives_back_what_was_allocated() -> None:
    async def run(lab: Lab) -> None:
        [hosted] = lab.servers["relay"]
        service = TurnService(lab.net())
        with suppress(TimeoutError):
            async with asyncio.timeout(0.35):
                await service.check("turn:relay.example", LAB_LOGIN)
            pytest.fail("it was faster than light")
        await asyncio.sleep(2)
        assert not hosted._relays

    open_scenario("home").run(run)


def test_the_lab_gives_the_same_report_twice() -> None:
    assert in_lab("home", throughput=True) == in_lab("home", throughput=True)


# coturn


async def on_coturn(*options: str, login: TurnLogin = LOGIN, query: str = "", **more) -> TurnReport:
    with coturn(*options, **more) as server:
        service = TurnService(SystemNet(), tls=server.client_tls)
        return await service.check(f"turn:127.0.0.1:{server.udp.port}{query}", login)


@needs_coturn
@pytest.mark.parametrize("query", ["", "?transport=udp", "?transport=tcp"])
async def test_coturn_is_good(query: str) -> None:
    report = await on_coturn(query=query)
    assert failed(report) == []
    assert report.software.startswith("Coturn")
    assert report.lifetime_s == 600
    assert report.rtt_relay_n == 20


@needs_coturn
async def test_coturn_over_tls() -> None:
    with coturn() as server:
        service = TurnService(SystemNet(), tls=server.client_tls)
        report = await service.check(f"turns:127.0.0.1:{server.tls.port}", LOGIN)
        # The certificate is for a name, and this is an address.
        assert failed(report)[0] == ("reach", "certificate-name")
        service = TurnService(SystemNet())
        report = await service.check(f"turns:localhost:{server.tls.port}", LOGIN)
        assert failed(report)[0] == ("reach", "certificate-untrusted")


@needs_coturn
async def test_tls_on_443_is_tried_beside_what_was_named_and_told() -> None:
    with coturn() as server:
        net = Behind(server.tls.port, shut=False)
        uri = f"turn:{NAME}:{server.udp.port}"
        report = await TurnService(net, tls=server.client_tls).check(uri, LOGIN)
        assert failed(report) == []
        [reach] = [stage for stage in report.stages if stage.name is StageName.REACH]
        assert [way.split(":")[0] for way in reach.detail.split("; ")] == [
            "UDP to 127.0.0.1",
            "TCP to 127.0.0.1",
            "TLS to 127.0.0.1",
        ]
        assert "127.0.0.1:443: " in reach.detail
        strangers = await TurnService(net).check(uri, LOGIN)
        assert "TLS to 127.0.0.1:443: certificate-untrusted" in strangers.stages[1].detail
        assert failed(strangers) == []
        shut = await TurnService(Behind(server.tls.port, shut=True), tls=server.client_tls).check(
            f"turn:{NAME}:9?transport=tcp", LOGIN
        )
        assert failed(shut) == [("reach", "refused")]
        assert shut.advice == (f"Use turns:{NAME}:443: TLS answers there.",)
        found = await TurnService(Behind(server.tls.port, shut=True), tls=server.client_tls).check(
            f"turns:{NAME}:443", LOGIN
        )
        assert failed(found) == []
        assert found.transport is ServerTransport.TLS


@needs_coturn
@pytest.mark.parametrize(
    ("options", "login", "stage", "failure"),
    [
        ((), TurnLogin("u", "wrong"), "allocation", "unauthorized"),
        ((), TurnLogin(), "allocation", "no-credentials"),
        (("--no-udp-relay",), LOGIN, "allocation", "unsupported-transport"),
        (("--user-quota=1",), LOGIN, "quota", "quota"),
        (("--alternate-server=127.0.0.1:9",), LOGIN, "allocation", "refused"),
        (("--denied-peer-ip=127.0.0.1",), LOGIN, "permission", "forbidden"),
    ],
)
async def test_what_is_wrong_with_coturn(options, login, stage, failure) -> None:
    assert failed(await on_coturn(*options, login=login))[0] == (stage, failure)


@needs_coturn
async def test_time_limited_users_of_coturn() -> None:
    secret = ("--use-auth-secret", "--static-auth-secret=s", "--realm=lab")
    assert (await on_coturn(*secret, users=False, login=TurnLogin(secret="s"))).failure is None
    old = f"{int(time.time()) - 60}:ana"
    login = TurnLogin(old, time_limited_password("s", old))
    assert (await on_coturn(*secret, users=False, login=login)).failure == "expired"


@needs_coturn
async def test_a_nonce_of_four_seconds_and_a_tiny_range() -> None:
    assert (await on_coturn("--stale-nonce=4")).failure is None
    assert (await on_coturn(relay_ports=1)).failure in {None, "capacity"}


async def test_the_embedded_server_on_loopback() -> None:
    async with turn_host() as server:
        report = await TurnService(SystemNet()).check(f"turn:{server.addresses[0]}", LOGIN, throughput=True)
    assert failed(report) == []
    assert report.throughput_relay_bps > 1e6
    assert server.gauges()["allocations"][0] == 0
