"""The relay against coturn, which nobody here wrote: every transport, every refusal, and a restart."""

import asyncio
import time

import aioice.turn
import pytest

from netstack.core.turn_events import Allocated, Ended, Event, RelayLost, TurnOptions
from netstack.core.turn_uri import TurnUri, parse_turn_uri
from netstack.model.address import Address, Family
from netstack.model.turn import RelayPhase, ServerTransport, TurnCredentials, TurnError
from netstack.net.system import SystemNet
from netstack.transport.turn_dial import open_relay
from netstack.transport.turn_relay import Relay
from netstack.wire.turn import time_limited_password
from tests.coturn import NAME, USER, coturn, echoing, needs_coturn, needs_ipv6, talking

pytestmark = needs_coturn
R = TurnError.Reason
UDP, TCP, TLS = ServerTransport


class Inbox:
    """Keeps what comes through a relay."""

    def __init__(self) -> None:
        self.came: asyncio.Queue[tuple[Address, bytes]] = asyncio.Queue()
        self.events: list[Event] = []

    def relay_received(self, peer, data, segment_bytes, received_at_s):
        for at in range(0, len(data), segment_bytes or 1):
            self.came.put_nowait((peer, data[at : at + segment_bytes]))

    def relay_event(self, event):
        self.events.append(event)

    def relay_writable(self):
        pass

    async def one(self):
        return await asyncio.wait_for(self.came.get(), 3)


async def opened(server, transport=UDP, user=USER, **more) -> tuple[Relay, Inbox]:
    uri = TurnUri(NAME, transport=None if transport is TLS else transport, secure=transport is TLS)
    at = server.tls if transport is TLS else server.udp
    relay = await open_relay(
        SystemNet(), uri, (lambda: user) if user else None, servers=(at,), tls=server.client_tls, **more
    )
    inbox = Inbox()
    relay.receiver = inbox
    return relay, inbox


async def refused(server, **more) -> TurnError:
    with pytest.raises(TurnError) as told:
        await opened(server, **more)
    return told.value


@pytest.mark.parametrize("transport", [UDP, TCP, TLS])
async def test_echo_by_send_and_by_channel(transport):
    with coturn() as server:
        relay, inbox = await opened(server, transport)
        async with echoing() as echo:
            await relay.permit(echo.host)
            for size in (1, 2, 3, 1000, 8000):
                relay.send(bytes(size), echo)
                assert await inbox.one() == (echo, bytes(size))
            await relay.bind(echo)
            for size in (1, 2, 3, 1000, 8000):
                relay.send(bytes(size), echo)
                assert await inbox.one() == (echo, bytes(size))
            assert relay.send_burst(b"aabbc", 2, echo) is True
            assert [await inbox.one() for _ in range(3)] == [(echo, b"aa"), (echo, b"bb"), (echo, b"c")]
        state = relay.state()
        assert state.sent_packets == state.received_packets == 13
        assert state.software.startswith("Coturn")
        await relay.release()
        assert relay.state().phase is RelayPhase.RELEASED


async def test_a_uri_that_leaves_it_open_is_tried_over_udp_and_tcp():
    with coturn() as server:
        uri = parse_turn_uri(f"turn:127.0.0.1:{server.udp.port}")
        relay = await open_relay(SystemNet(), uri, lambda: USER)
        assert relay.transport is UDP
        await relay.release()
    with coturn("--no-udp") as server:
        relay = await open_relay(SystemNet(), TurnUri("127.0.0.1", server.udp.port), lambda: USER)
        assert relay.transport is TCP
        await relay.release()


NOW = int(time.time())


@pytest.mark.parametrize(
    ("user", "reason"),
    [
        (TurnCredentials("u", "wrong"), R.UNAUTHORIZED),
        (TurnCredentials("nobody", "p"), R.UNAUTHORIZED),
        (None, R.NO_CREDENTIALS),
    ],
)
async def test_wrong_credentials(user, reason):
    with coturn() as server:
        assert (await refused(server, user=user)).reason is reason


async def test_time_limited_users():
    with coturn("--use-auth-secret", "--static-auth-secret=s", "--realm=lab", users=False) as server:
        for expires_s, good in ((NOW + 600, True), (NOW - 600, False)):
            name = f"{expires_s}:ana"
            user = TurnCredentials(name, time_limited_password("s", name))
            if good:
                relay, _ = await opened(server, user=user)
                await relay.release()
            else:
                assert (await refused(server, user=user)).reason is R.UNAUTHORIZED


@pytest.mark.parametrize(
    ("options", "holds", "reason"),
    [
        (("--user-quota=2",), 2, R.QUOTA),
        (("--total-quota=3",), 3, R.QUOTA),
        (("--no-udp-relay",), 0, R.TRANSPORT),
    ],
)
async def test_what_the_server_does_not_give(options, holds, reason):
    with coturn(*options) as server:
        held = [(await opened(server))[0] for _ in range(holds)]
        assert (await refused(server)).reason is reason
        for relay in held:
            await relay.release()


async def test_a_tiny_range_of_relay_ports():
    with coturn(relay_ports=2) as server:
        held, error = [], None
        for _ in range(4):
            try:
                held.append((await opened(server))[0])
            except TurnError as told:
                error = told
                break
        assert error is not None
        assert error.reason is R.CAPACITY
        for relay in held:
            await relay.release()


async def test_no_ipv6_relay():
    with coturn() as server:
        assert (await refused(server, options=TurnOptions(family=Family.IPV6))).reason is R.FAMILY


async def test_an_alternate_server_is_followed():
    with coturn() as second, coturn(f"--alternate-server={second.udp.host}:{second.udp.port}") as first:
        relay, _ = await opened(first)
        assert relay.client.server == second.udp
        await relay.release()


async def test_a_second_alternate_server_in_a_row_is_not_followed():
    with (
        coturn() as third,
        coturn(f"--alternate-server={third.udp}") as second,
        coturn(f"--alternate-server={second.udp}") as first,
    ):
        error = await refused(first)
        assert error.reason is R.REDIRECTED
        assert str(third.udp) in error.detail


@needs_ipv6
@pytest.mark.parametrize("transport", [UDP, TCP])
@pytest.mark.parametrize("host", ["127.0.0.1", "::1"])
async def test_an_ipv6_relay_is_had_over_either_version(host, transport):
    with coturn("--listening-ip=::1", "--relay-ip=::1") as server:
        at = server._replace(udp=server.udp._replace(host=host))
        relay, inbox = await opened(at, transport, options=TurnOptions(family=Family.IPV6))
        assert relay.relayed.host == "::1"
        assert relay.local.host == host or transport is UDP
        async with echoing("::1") as echo:
            await relay.permit("::1")
            relay.send(b"by Send", echo)
            assert await inbox.one() == (echo, b"by Send")
            await relay.bind(echo)
            relay.send(b"by channel", echo)
            assert await inbox.one() == (echo, b"by channel")
        with pytest.raises(TurnError) as told:
            await relay.permit("127.0.0.1")
        assert told.value.reason is R.PEER_FAMILY
        await relay.release()


class SamePort(SystemNet):
    """The first socket is bound to the port that another had."""

    def __init__(self, local: Address) -> None:
        super().__init__()
        self.local: list[Address] = [local]
        self.bound: list[Address] = []

    async def open_batch(self, receiver, **options):
        if self.local:
            options["local"] = self.local.pop()
        endpoint = await super().open_batch(receiver, **options)
        self.bound.append(endpoint.local)
        return endpoint


async def test_437_is_answered_from_a_new_port():
    with coturn() as server:
        first, _ = await opened(server)
        old = first.local
        await first.close()  # and not given back: the server still knows the port
        net = SamePort(old)
        relay = await open_relay(net, TurnUri(NAME, transport=UDP), lambda: USER, servers=(server.udp,))
        assert [each.port == old.port for each in net.bound] == [True, False]
        failures = [entry.failure for entry in relay.state().log if entry.what == "allocate"]
        assert failures == ["allocation-mismatch", None]
        await relay.release()


@pytest.mark.parametrize(
    ("options", "host"),
    [(("--denied-peer-ip=192.0.2.0-192.0.2.255",), "192.0.2.9"), (("--no-multicast-peers",), "224.0.0.9")],
)
async def test_denied_peers(options, host):
    with coturn(*options) as server:
        relay, _ = await opened(server)
        for ask in (relay.permit(host), relay.bind(Address(host, 9))):
            with pytest.raises(TurnError) as told:
                await ask
            assert told.value.reason is R.FORBIDDEN
        await relay.release()


async def test_even_ports_and_dont_fragment_are_asked_for():
    with coturn() as server:
        first, inbox = await opened(server, options=TurnOptions(even_port=True, dont_fragment=True))
        token = first._opened.result().reservation
        assert first.relayed.port % 2 == 0
        second, _ = await opened(server, options=TurnOptions(reservation=token))
        assert second.relayed.port == first.relayed.port + 1
        async with echoing() as echo:
            await first.permit(echo.host)
            first.send(b"whole", echo, dont_fragment=True)
            assert await inbox.one() == (echo, b"whole")
        await first.release()
        await second.release()


async def test_nobody_there_is_told_at_once_and_silence_in_three_seconds():
    with coturn() as server:
        pass
    began = time.monotonic()
    for transport in (UDP, TCP):
        assert (await refused(server, transport=transport)).reason is R.REFUSED
    assert time.monotonic() - began < 1.5  # 63 s elsewhere
    silent, _ = await asyncio.get_running_loop().create_datagram_endpoint(
        asyncio.DatagramProtocol, local_addr=("127.0.0.1", 0)
    )
    began = time.monotonic()
    dead = server._replace(udp=Address(*silent.get_extra_info("sockname")))
    assert (await refused(dead)).reason is R.UNREACHABLE
    assert time.monotonic() - began < 4
    silent.close()
    await asyncio.sleep(0)


async def test_certificates():
    with coturn() as server:
        wrong_name = TurnUri("other.example", secure=True)
        with pytest.raises(TurnError) as told:
            await open_relay(
                SystemNet(), wrong_name, lambda: USER, servers=(server.tls,), tls=server.client_tls
            )
        assert told.value.reason is R.CERTIFICATE_NAME
        with pytest.raises(TurnError) as told:
            await open_relay(SystemNet(), TurnUri(NAME, secure=True), lambda: USER, servers=(server.tls,))
        assert told.value.reason is R.CERTIFICATE_UNTRUSTED


@pytest.mark.parametrize("transport", [UDP, TCP])
async def test_a_restarted_server_is_recovered_from(transport):
    with coturn() as server:
        relay, inbox = await opened(server, transport)
        async with echoing() as echo:
            await relay.bind(echo)
            server.kill()
            again = server.restart()
            try:
                for _ in range(100):
                    relay.send_burst(b"ping", 4, echo)
                    try:
                        async with asyncio.timeout(0.1):
                            await inbox.came.get()
                            break
                    except TimeoutError:
                        continue
                else:
                    pytest.fail("it never came back")
            finally:
                await relay.release()
                again.stop()
        kinds = [type(event) for event in inbox.events]
        assert RelayLost in kinds
        assert Allocated in kinds
        assert relay.state().recoveries == 1
        assert [type(event) for event in inbox.events].count(Ended) == 1


async def test_aioice_agrees_through_the_same_server():
    """Another project's client and ours are each other's peers."""

    class Theirs(asyncio.DatagramProtocol):
        def __init__(self):
            self.came = asyncio.Queue()

        def datagram_received(self, data, addr):
            self.came.put_nowait((data, Address(*addr)))

    with coturn() as server:
        relay, inbox = await opened(server)
        theirs, protocol = await aioice.turn.create_turn_endpoint(Theirs, server.udp, "u", "p")
        there = Address(*theirs.get_extra_info("sockname"))
        await relay.bind(there)
        theirs.sendto(b"from them", relay.relayed)
        assert await inbox.one() == (there, b"from them")
        relay.send(b"from us", there)
        assert await asyncio.wait_for(protocol.came.get(), 3) == (b"from us", relay.relayed)
        theirs.close()
        await relay.release()
        await asyncio.sleep(0.05)


@pytest.mark.slow
@pytest.mark.timeout(120)
async def test_a_minute_of_short_lives_loses_nothing():
    """Channels of 8 s, relays of 12 s, nonces of 4 s: RFC 8656 has 600, 600 and no limit. Both ways, and one way in."""
    short = (
        "--channel-lifetime=8",
        "--permission-lifetime=8",
        "--max-allocate-lifetime=12",
        "--stale-nonce=4",
    )
    rounds = 600
    with coturn(*short) as server:
        options = TurnOptions(channel_s=8, permission_s=8)
        (udp, udp_in), (tcp, tcp_in), (mute, mute_in) = [
            await opened(server, transport, options=options) for transport in (UDP, TCP, UDP)
        ]
        async with echoing() as echo, talking() as peer:
            await udp.bind(echo)
            await tcp.bind(echo)
            await mute.bind(Address(*peer.get_extra_info("sockname")))
            for number in range(rounds):
                data = number.to_bytes(2, "big")
                for relay, inbox in ((udp, udp_in), (tcp, tcp_in)):
                    relay.send(data, echo)
                    assert (await inbox.one())[1] == data
                peer.sendto(data, mute.relayed)
                assert (await mute_in.one())[1] == data
                await asyncio.sleep(0.1)
        for relay in (udp, tcp, mute):
            state = relay.state()
            assert (state.recoveries, state.dropped, state.received_packets) == (0, 0, rounds)
            await relay.release()
        assert mute.state().sent_packets == 0
        refreshes = [entry.what for entry in udp.state().log]
        print(f"{3 * rounds} datagrams in a minute, none lost; of one relay's last {len(refreshes)} requests "
              f"{refreshes.count('refresh')} renewed it and {refreshes.count('channel')} its channel")  # fmt: skip
