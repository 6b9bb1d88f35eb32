"""The TURN client against the pure server: a relay's whole life, with loss, lies, refusals and restarts."""

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from netstack.core.turn_events import (
    Allocated,
    Bound,
    Ended,
    PeerRefused,
    Permitted,
    Received,
    Refused,
    RelayLost,
    Renewed,
    SocketNeeded,
)  # fmt: skip
from netstack.model.address import Address, Family
from netstack.model.turn import RelayPhase, TurnCredentials, TurnError
from netstack.server.turn_budget import TurnLimits
from netstack.server.turn_credentials import Credentials
from netstack.wire import stun, turn
from netstack.wire import stun_attributes as attr
from netstack.wire.stun import MessageClass, Method, StunMessage
from tests.core.turn_bed import FIRST_PORT, PEER, SERVER, USER, Bed, turn_server

R = TurnError.Reason
OTHER = Address("203.0.113.20", 3478)
streams = pytest.mark.parametrize("stream", [False, True])


@streams
def test_a_whole_life(stream):
    bed = Bed(stream=stream).allocated()
    client = bed.client
    [event] = bed.told(Allocated)
    assert (event.relayed, event.mapped, event.lifetime_s) == (Address("203.0.113.10", 50_000), bed.here, 600)
    assert event.took_s == pytest.approx(0.04)
    client.permit(PEER.host, bed.now)
    bed.run(0.1)
    client.send(b"by Send", PEER, bed.now)
    bed.run(0.1)
    client.bind(PEER, bed.now)
    bed.run(0.1)
    client.send(b"by channel", PEER, bed.now)
    bed.run(0.1)
    assert bed.sent == [(b"by Send", PEER, False), (b"by channel", PEER, False)]
    bed.from_peer(b"back")
    bed.from_peer(b"from another port", Address(PEER.host, 1))
    bed.run(0.1)
    assert bed.told(Received) == [
        Received(PEER, b"back", 0x4000),
        Received(Address(PEER.host, 1), b"from another port", None),
    ]
    state = client.state(bed.now)
    assert (state.sent_packets, state.sent_bytes) == (2, 17)
    assert (state.received_packets, state.received_bytes) == (2, 21)
    assert [(p.host, p.failure) for p in state.permissions] == [(PEER.host, None)]
    assert [(c.number, c.peer) for c in state.channels] == [(0x4000, str(PEER))]
    assert [entry.what for entry in state.log] == ["allocate", "permission", "channel"]
    assert state.rtt_s == pytest.approx(0.02)
    client.release(bed.now)
    bed.run(0.1)
    assert bed.told(Ended) == [Ended(None)]
    assert bed.server.gauges()["allocations"][0] == 0
    assert client.deadline() is None
    with pytest.raises(TurnError):
        client.permit(PEER.host, bed.now)


@streams
def test_an_hour_of_only_receiving_loses_nothing(stream):
    limits = TurnLimits(default_lifetime_s=600, max_lifetime_s=600)
    bed = Bed(turn_server(limits=limits), stream=stream).allocated()
    bed.client.bind(PEER, bed.now)
    bed.client.permit("192.0.2.77", bed.now)
    for _ in range(360):
        bed.run(10)
        bed.from_peer(b"still here")
        bed.from_peer(b"I, too", Address("192.0.2.77", 9))
    bed.run(1)
    assert len(bed.told(Received)) == 720
    assert not bed.told(Refused)
    assert all(event.channel == 0x4000 for event in bed.told(Received) if event.peer == PEER)


def test_an_hour_of_silence_keeps_everything_and_the_nat_open():
    bed = Bed().allocated()
    bed.client.bind(PEER, bed.now)
    quiet = []
    for _ in range(1800):
        before = bed.requests
        bed.run(2)
        quiet = [0] if bed.requests > before else [*quiet, 1]
        assert len(quiet) < 13  # 25 s: a NAT's mapping lives
    bed.from_peer(b"hello")
    bed.run(1)
    assert [event.data for event in bed.told(Received)] == [b"hello"]
    assert bed.requests < 300


@pytest.mark.parametrize("seed", range(20))
def test_one_datagram_in_five_lost_each_way(seed):
    bed = Bed(loss=0.2, seed=seed)
    bed.client.allocate(bed.now)
    bed.run(6)
    bed.client.bind(PEER, bed.now)
    bed.run(900)
    assert len(bed.told(Allocated)) == 1
    assert not bed.told(Refused)
    assert bed.client.channel(PEER, bed.now) == 0x4000


def test_silence_is_told_in_three_seconds_and_a_refusal_at_once():
    bed = Bed()
    bed.down = True
    bed.client.allocate(bed.now)
    began = bed.now
    bed.run(10)
    [(at, event)] = bed.events
    assert at - began <= 3
    assert event.error.reason is R.UNREACHABLE
    bed = Bed()
    bed.client.allocate(bed.now)
    bed.client.unreachable(TurnError(R.REFUSED), bed.now)
    assert bed.client.poll_event() == Ended(bed.client.error)
    assert bed.client.phase is RelayPhase.FAILED


@pytest.mark.parametrize(
    ("code", "reason"), [(c, r) for c, r in TurnError.CODES.items() if c not in {300, 401, 437, 438}]
)
def test_every_code_has_its_reason(code, reason):
    bed = Bed(turn_server(errors={Method.ALLOCATE: code}))
    bed.client.allocate(bed.now)
    bed.run(1)
    [event] = bed.told(Ended)
    assert (event.error.reason, event.error.code) == (reason, code)
    state = bed.client.state(bed.now)
    assert (state.failure, state.remedy) == (reason.value, event.error.remedy)


@pytest.mark.parametrize(
    ("user", "reason"),
    [
        (TurnCredentials("u", "wrong"), R.UNAUTHORIZED),
        (TurnCredentials("nobody", "p"), R.UNAUTHORIZED),
        (TurnCredentials("u" * 600, "p"), R.UNAUTHORIZED),
        (TurnCredentials("u", "\N{LATIN SMALL LETTER A}\x07"), R.UNAUTHORIZED),
        (None, R.NO_CREDENTIALS),
    ],
)
def test_credentials_that_are_no_good(user, reason):
    bed = Bed(user=user)
    bed.client.allocate(bed.now)
    bed.run(1)
    [event] = bed.told(Ended)
    assert event.error.reason is reason
    assert bed.requests <= 2
    assert "wrong" not in repr(user)


def test_a_nonce_that_grows_stale_every_four_seconds():
    bed = Bed(turn_server(credentials=Credentials("lab", {"u": "p"}, b"k" * 32, nonce_s=4.0))).allocated()
    bed.client.bind(PEER, bed.now)
    bed.run(700)
    assert not bed.told(Refused)
    assert len(bed.told(Allocated)) == 1
    assert all(entry.failure is None for entry in bed.client.state(bed.now).log)


def test_a_server_that_never_likes_its_own_nonce_is_not_asked_for_ever():
    bed = Bed(turn_server(credentials=Credentials("lab", {"u": "p"}, b"k" * 32, nonce_s=-1.0)))
    bed.client.allocate(bed.now)
    bed.run(5)
    assert bed.told(Ended)[0].error.reason is R.STALE_NONCE
    assert bed.requests < 6


def test_437_moves_to_a_new_port_once():
    bed = Bed(turn_server(errors={Method.ALLOCATE: 437}))
    bed.client.allocate(bed.now)
    bed.run(1)
    [needed] = bed.told(SocketNeeded)
    assert (needed.server, needed.why.reason) == (SERVER, R.MISMATCH)
    assert bed.port == FIRST_PORT + 1
    assert bed.told(Ended)[0].error.reason is R.MISMATCH


def test_an_older_relay_of_the_same_port_is_left_behind():
    server = turn_server()
    old = Bed(server).allocated()
    bed = Bed(server, seed=1)
    bed.client.allocate(bed.now)
    bed.run(1)
    assert bed.client.phase is RelayPhase.ALLOCATED
    assert bed.port == old.port + 1


def test_an_alternate_server_is_followed_once():
    bed = Bed(turn_server(alternate=OTHER), turn_server(OTHER)).allocated()
    assert bed.client.server == OTHER
    assert bed.client.relayed.host == OTHER.host
    third = Address("203.0.113.30", 3478)
    bed = Bed(turn_server(alternate=OTHER), turn_server(OTHER, alternate=third), turn_server(third))
    bed.client.allocate(bed.now)
    bed.run(2)
    assert bed.told(Ended)[0].error.reason is R.REDIRECTED


@pytest.mark.parametrize(
    "host", ["127.0.0.1", "10.0.0.1", "169.254.169.254", "0.0.0.0", "224.0.0.1", SERVER.host, "2001:db8::1"]
)
def test_an_alternate_server_is_checked(host):
    bed = Bed(turn_server(alternate=Address(host, 3478)))
    bed.client.allocate(bed.now)
    bed.run(2)
    assert not bed.told(SocketNeeded)
    assert bed.told(Ended)[0].error.reason is R.REDIRECTED


def test_what_a_peer_may_not_be_is_refused_and_told():
    bed = Bed().allocated()
    for ask in (bed.client.permit, lambda host, now: bed.client.bind(Address(host, 9), now)):
        ask("10.0.0.1", bed.now)
        bed.run(0.1)
        assert bed.told(Refused)[-1].error.reason is R.FORBIDDEN
    bed.client.permit("2001:db8::9", bed.now)
    bed.run(0.1)
    assert bed.told(Refused)[-1].error.reason is R.PEER_FAMILY
    with pytest.raises(TurnError):
        bed.client.send(b"x", Address("10.0.0.1", 9), bed.now)
    before = bed.requests
    bed.run(300)
    permissions = [e for e in bed.client.state(bed.now).log if e.what != "refresh"]
    assert len(permissions) == 4  # what is forbidden is not asked again and again
    assert bed.requests - before < 30


def test_sending_without_a_permission_is_an_error_and_counted():
    bed = Bed()
    for _ in range(2):
        with pytest.raises(TurnError):
            bed.client.send(b"x", PEER, bed.now)
        bed.allocated()
    assert bed.client.state(bed.now).dropped == 2


@streams
def test_first_packets_leave_behind_the_request_for_their_channel(stream):
    bed = Bed(stream=stream).allocated()
    for data in (b"one", b"two"):
        bed.client.send_ahead(data, PEER, bed.now)
    bed.run(0.0101)  # there, and no answer yet
    assert bed.client.channel(PEER, bed.now) is None
    assert bed.sent == [(b"one", PEER, False), (b"two", PEER, False)]
    bed.run(0.1)
    assert bed.told(Bound) == [Bound(PEER, 0x4000)]
    forbidden = Address("10.0.0.1", 9)
    bed.client.send_ahead(b"x", forbidden, bed.now)
    bed.run(0.1)
    with pytest.raises(TurnError):
        bed.client.send_ahead(b"y", forbidden, bed.now)
    assert len(bed.sent) == 2


def test_nothing_leaves_ahead_without_a_relay():
    bed = Bed()
    with pytest.raises(TurnError):
        bed.client.send_ahead(b"x", PEER, bed.now)
    assert bed.client.state(bed.now).dropped == 1


@streams
def test_a_restarted_server_is_noticed_and_everything_comes_back(stream):
    bed = Bed(stream=stream).allocated()
    bed.client.bind(PEER, bed.now)
    bed.client.permit("192.0.2.77", bed.now)
    bed.run(1)
    bed.cut()
    told = len(bed.events)
    if stream:
        bed.client.unreachable(TurnError(R.UNREACHABLE), bed.now)
    else:
        bed.client.send(b"into the void", PEER, bed.now)
    bed.run(5)
    kinds = [type(event) for _, event in bed.events[told:] if not isinstance(event, Renewed)]
    assert kinds[:3] == [RelayLost, SocketNeeded, Allocated]
    assert set(kinds[3:]) == {Bound, Permitted}
    assert bed.told(Allocated)[1].again
    bed.client.send(b"heard", PEER, bed.now)
    bed.run(0.1)
    assert bed.sent[-1] == (b"heard", PEER, False)
    assert bed.client.state(bed.now).recoveries == 1


def test_a_server_that_forgets_at_once_is_asked_ever_less_and_given_up():
    """It allocates, and answers 437 to every channel: each recovery ends in the next loss."""
    bed = Bed().allocated()
    bed.server.errors[9] = 437
    bed.client.bind(PEER, bed.now)
    began = bed.now
    bed.run(600)
    losses = [at - began for at, event in bed.events if isinstance(event, RelayLost)]
    assert len([at for at in losses if at < 10]) <= 6
    assert len(losses) < 25
    assert bed.client.phase is RelayPhase.FAILED
    assert 300 < bed.events[-1][0] - began < 340


@pytest.mark.parametrize("code", [400, 438])
def test_a_channel_that_is_refused_without_reason_makes_it_ask_whether_the_relay_lives(code):
    bed = Bed().allocated()
    bed.server.errors[Method.CHANNEL_BIND] = code
    bed.client.bind(PEER, bed.now)
    bed.run(1)
    assert not bed.told(RelayLost)  # the refresh succeeded
    bed.server.errors[Method.REFRESH] = 437
    bed.client.bind(Address(PEER.host, 9), bed.now)
    bed.run(1)
    assert bed.told(RelayLost)


def test_a_relay_that_was_steady_is_asked_for_at_once_each_time():
    bed = Bed().allocated()
    for _ in range(3):
        bed.run(30)
        bed.cut()
        bed.client.unreachable(TurnError(R.REFUSED), bed.now)
        bed.run(2)
        assert bed.client.phase is RelayPhase.ALLOCATED
    assert len(bed.told(RelayLost)) == 3


@streams
def test_a_server_that_is_down_for_a_minute_is_waited_for(stream):
    bed = Bed(stream=stream).allocated()
    bed.client.bind(PEER, bed.now)
    bed.run(1)
    bed.down = bed.refuse_sockets = True
    bed.cut()
    bed.client.unreachable(TurnError(R.REFUSED), bed.now)
    bed.run(60)
    assert bed.client.state(bed.now).failure == "refused" or not stream
    assert bed.client.phase is (RelayPhase.RECOVERING if stream else RelayPhase.ALLOCATED)
    bed.down = bed.refuse_sockets = False
    bed.run(31)
    assert bed.client.phase is RelayPhase.ALLOCATED
    assert bed.client.channel(PEER, bed.now)


@streams
def test_what_never_comes_back_ends_every_waiter(stream):
    bed = Bed(stream=stream).allocated()
    bed.client.bind(PEER, bed.now)
    bed.run(1)
    bed.down = bed.refuse_sockets = True
    if stream:
        bed.client.unreachable(TurnError(R.REFUSED), bed.now)
    else:
        bed.client.permit("192.0.2.77", bed.now)
    bed.run(1500)
    assert bed.client.phase is RelayPhase.FAILED
    assert len(bed.told(Ended)) == 1
    assert Refused(PEER, bed.client.error) in bed.told(Refused)
    assert bed.client.deadline() is None


def test_a_line_that_is_dead_for_a_minute_keeps_the_relay():
    bed = Bed().allocated()
    bed.client.bind(PEER, bed.now)
    bed.run(1)
    bed.down = True
    bed.client.send(b"x", PEER, bed.now)
    bed.run(60)
    assert bed.client.state(bed.now).silent_s > 55
    assert bed.client.state(bed.now).failure == "unreachable"
    bed.down = False
    bed.run(7)
    assert not bed.told(RelayLost)
    assert bed.client.state(bed.now).failure is None
    assert bed.client.channel(PEER, bed.now)


def test_a_rebooted_nat_gives_a_new_relay():
    bed = Bed().allocated()
    bed.client.bind(PEER, bed.now)
    bed.run(1)
    here = bed.port
    arrive = bed._arrive
    bed._arrive = lambda data, port, to: arrive(data, 60_000 if port == here else port, to)
    deliver = bed._deliver
    bed._deliver = lambda data, port: deliver(data, here if port == 60_000 else port)
    bed.client.send(b"x", PEER, bed.now)
    bed.run(4)
    assert [e.again for e in bed.told(Allocated)] == [False, True]


def test_a_channel_that_lapses_early_is_noticed_by_what_comes_and_renewed_sooner():
    bed = Bed(turn_server(limits=TurnLimits(channel_s=8))).allocated()
    bed.client.bind(PEER, bed.now)
    for _ in range(120):
        bed.run(1)
        bed.from_peer(b"x")
    bed.run(1)
    late = [event for event in bed.told(Received)[-100:] if event.channel is None]
    assert not late
    assert len(bed.told(Received)) == 120


def test_a_channel_known_to_be_short_never_lapses():
    limits = TurnLimits(channel_s=8, permission_s=8, max_lifetime_s=12, default_lifetime_s=12)
    bed = Bed(turn_server(limits=limits), channel_s=8, permission_s=8).allocated()
    bed.client.bind(PEER, bed.now)
    bed.run(0.5)
    for number in range(600):
        bed.client.send(number.to_bytes(2, "big"), PEER, bed.now)
        bed.from_peer(number.to_bytes(2, "big"))
        bed.run(0.1)
    assert len(bed.sent) == 600
    assert [event.channel for event in bed.told(Received)] == [0x4000] * 600


def test_a_binding_that_lapses_is_told():
    bed = Bed().allocated()
    bed.client.bind(PEER, bed.now)
    bed.run(1)
    bed.server.errors[Method.CHANNEL_BIND] = 508
    bed.run(600)
    [refused, lapsed] = bed.told(Refused)
    assert refused.error.reason is R.CAPACITY
    assert lapsed.error.reason is R.NO_PERMISSION
    with pytest.raises(TurnError):
        bed.client.send(b"x", PEER, bed.now)


def test_everything_is_renewed_on_request():
    bed = Bed().allocated()
    bed.client.bind(PEER, bed.now)
    bed.client.permit("192.0.2.77", bed.now)
    bed.run(1)
    bed.client.renew(bed.now)
    bed.run(1)
    assert {(event.peer, event.error) for event in bed.told(Renewed)} == {
        (PEER, None),
        (Address("192.0.2.77", 0), None),
        (None, None),
    }


def test_forgetting_ends_the_renewals():
    bed = Bed().allocated()
    bed.client.bind(PEER, bed.now)
    bed.client.permit(PEER.host, bed.now)
    bed.run(1)
    bed.client.forget(Address(PEER.host, 0))
    bed.run(900)
    assert {e.what for e in bed.client.state(bed.now).log if e.age_s < 890} == {"refresh"}
    assert bed.client.state(bed.now).permissions == ()


def test_bounds():
    bed = Bed().allocated()
    for ask in (
        lambda n: bed.client.permit(f"192.0.2.{n % 250}" if n < 250 else f"198.51.100.{n - 250}", bed.now),
        lambda n: bed.client.bind(Address("192.0.2.9", n + 1), bed.now),
    ):
        for n in range(256):
            ask(n)
        with pytest.raises(TurnError) as full:
            ask(256)
        assert full.value.reason is R.LIMIT
    bed.run(5)


def test_ipv6_relays_are_asked_for():
    bed = Bed(turn_server(families=(Family.IPV4, Family.IPV6)), family=Family.IPV6)
    bed.client.allocate(bed.now)
    bed.run(1)
    assert bed.told(Allocated)
    bed = Bed(family=Family.IPV6)
    bed.client.allocate(bed.now)
    bed.run(1)
    assert bed.told(Ended)[0].error.reason is R.FAMILY


def test_dont_fragment_goes_along():
    bed = Bed(dont_fragment=True).allocated()
    bed.client.bind(PEER, bed.now)
    bed.run(0.1)
    bed.client.send(b"whole", PEER, bed.now, dont_fragment=True)
    bed.run(0.1)
    assert bed.sent == [(b"whole", PEER, True)]


def test_a_router_on_the_way_to_the_peer_is_heard():
    bed = Bed().allocated()
    bed.client.permit(PEER.host, bed.now)
    bed.run(0.1)
    bed.server.relay_failed(0, PEER, 3, 3, bed.now)
    bed.run(0.1)
    assert bed.told(PeerRefused)[0].peer == PEER


def test_bursts_go_by_channel_alone():
    bed = Bed().allocated()
    assert bed.client.wrap(b"abcdef", 4, PEER, bed.now) is None
    bed.client.bind(PEER, bed.now)
    bed.run(0.1)
    burst, size = bed.client.wrap(b"abcdef", 4, PEER, bed.now)
    for at in range(0, len(burst), size):
        bed._arrive(burst[at : at + size], bed.port, SERVER)
    bed.run(0.1)
    assert [data for data, _, _ in bed.sent] == [b"abcd", b"ef"]
    assert bed.client.unwrap(memoryview(burst), size, bed.now) == (PEER, b"abcdef", 4)
    assert bed.client.unwrap(memoryview(b"\x40\x09\0\x01x"), 5, bed.now) is None
    state = bed.client.state(bed.now)
    assert (state.sent_packets, state.received_packets, state.received_bytes) == (2, 2, 6)


def test_a_forged_success_is_no_success():
    bed = Bed()
    forged = []

    def lie(data):
        message = stun.decode(data)
        if message.message_class is MessageClass.SUCCESS and not forged:
            forged.append(data)
            relayed = attr.XOR_RELAYED_ADDRESS(Address("192.0.2.66", 6))
            answer = StunMessage(
                message.method, MessageClass.SUCCESS, message.transaction_id, (relayed, attr.LIFETIME(9))
            )
            return stun.encode(answer, integrity_key=b"guess")
        return data

    bed.on_server_data = lie
    bed.client.allocate(bed.now)
    bed.run(3)
    assert bed.client.relayed == Address("203.0.113.10", 50_000)
    assert bed.client.state(bed.now).malformed == 1


def test_data_of_whom_nobody_permitted_is_dropped():
    bed = Bed().allocated()
    attributes = (attr.XOR_PEER_ADDRESS(PEER), attr.DATA(b"spam"))
    bed.client.receive(
        stun.encode(StunMessage(Method.DATA, MessageClass.INDICATION, b"t" * 12, attributes)), bed.now
    )
    bed.client.receive(turn.encode_channel_data(0x4000, b"spam"), bed.now)
    assert not bed.told(Received)
    assert bed.client.state(bed.now).dropped == 2


@given(st.lists(st.binary(max_size=60), max_size=10), st.booleans())
def test_any_bytes_are_borne(pieces, stream):
    bed = Bed(stream=stream).allocated()
    for data in pieces:
        bed.client.receive(data, bed.now)
        bed.run(0.1)
    if not stream:
        assert bed.client.phase is RelayPhase.ALLOCATED
    assert not bed.told(Received)


@given(
    st.lists(st.tuples(st.sampled_from("rpbsfxcd"), st.floats(0, 40)), max_size=30),
    st.booleans(),
    st.integers(0, 9),
)
def test_whatever_is_done_in_whatever_order_it_ends(steps, stream, seed):
    bed = Bed(stream=stream, loss=0.1, seed=seed)
    bed.client.allocate(bed.now)
    for step, wait_s in steps:
        try:
            match step:
                case "r":
                    bed.client.refresh(bed.now)
                case "p":
                    bed.client.permit(PEER.host, bed.now)
                case "b":
                    bed.client.bind(PEER, bed.now)
                case "s":
                    bed.client.send(b"x", PEER, bed.now)
                case "f":
                    bed.client.forget(PEER)
                case "x":
                    bed.client.unreachable(TurnError(R.UNREACHABLE), bed.now)
                case "c":
                    bed.cut()
                case "d":
                    bed.down = not bed.down
        except TurnError:
            pass
        bed.run(wait_s)
        msgspec.json.encode(bed.client.state(bed.now))
    bed.client.release(bed.now)
    bed.run(60)
    assert bed.client.phase in {RelayPhase.RELEASED, RelayPhase.FAILED}
    assert len(bed.told(Ended)) == 1
    assert bed.client.deadline() is None


def test_the_same_seed_gives_the_same_bytes():
    runs = []
    for _ in range(2):
        bed = Bed(loss=0.1, seed=5).allocated()
        bed.client.bind(PEER, bed.now)
        bed.run(400)
        runs.append(msgspec.json.encode(bed.client.state(bed.now)))
    assert runs[0] == runs[1]


def test_a_password_is_in_no_state():
    bed = Bed(user=TurnCredentials("u", "opensesame"))
    bed.client.allocate(bed.now)
    bed.run(1)
    assert b"opensesame" not in msgspec.json.encode(bed.client.state(bed.now))
    assert "opensesame" not in repr(TurnCredentials("u", "opensesame"))
    assert USER.expires_at_s is None
    assert TurnCredentials("1700000000:ana", "x").expires_at_s == 1_700_000_000
