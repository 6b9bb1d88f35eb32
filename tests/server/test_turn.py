"""The TURN server, asked by hand: every answer that RFC 8656 has, and nothing to strangers."""

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from netstack.model.address import Address, Family
from netstack.server.machine import CloseRelay, OpenRelay, RelaySend, StreamClose, StreamSend
from netstack.server.turn import TurnServer
from netstack.server.turn_budget import TurnLimits
from netstack.server.turn_credentials import Credentials
from netstack.server.turn_peers import PeerPolicy
from netstack.wire import stun, turn
from netstack.wire import stun_attributes as attr
from netstack.wire.stun import MessageClass, Method, StunMessage
from netstack.wire.stun_attributes import Attribute
from netstack.wire.turn import time_limited_password

HERE = Address("203.0.113.10", 3478)
CLIENT = Address("198.51.100.7", 40_000)
PEER = Address("192.0.2.9", 7777)
RELAYED = Address("203.0.113.10", 50_000)
UDP = attr.REQUESTED_TRANSPORT(17)


class Talk:
    """A client that knows what it is doing, and the host of the server."""

    def __init__(self, server: TurnServer, *, username: str = "u", password: str = "p") -> None:
        self.server = server
        self.now = 1000.0
        self.username = username
        self.key = stun.long_term_key(username, "lab", password)
        self.nonce = b""
        self.serial = 0
        self.client = CLIENT

    def send(self, method: int, *attributes: Attribute, signed: bool = True) -> StunMessage:
        """One request and its answer; a relay that is asked for is opened."""
        self.serial += 1
        auth = (attr.USERNAME(self.username), attr.REALM("lab"), attr.NONCE(self.nonce)) if signed else ()
        message = StunMessage(
            method, MessageClass.REQUEST, self.serial.to_bytes(12, "big"), (*attributes, *auth)
        )
        return self.repeat(stun.encode(message, integrity_key=self.key if signed else None))

    def repeat(self, data: bytes) -> StunMessage:
        self.server.receive(data, self.client, HERE, self.now)
        self.actions()
        transmit = self.server.poll_transmit()
        assert transmit is not None
        assert (transmit.remote, transmit.local) == (self.client, HERE)
        self.last = transmit.data
        return stun.decode(transmit.data)

    def actions(self) -> list[object]:
        done = []
        while (action := self.server.poll_action()) is not None:
            done.append(action)
            if isinstance(action, OpenRelay):
                relayed = Address(RELAYED.host, RELAYED.port + action.relay_id)
                self.server.relay_opened(action.relay_id, relayed, self.now)
        return done

    def challenge(self) -> None:
        answer = self.send(Method.ALLOCATE, UDP, signed=False)
        assert answer.error is not None
        assert answer.error.code == 401
        self.nonce = answer.get(attr.NONCE) or b""

    def allocated(self) -> "Talk":
        self.challenge()
        answer = self.send(Method.ALLOCATE, UDP)
        relayed = answer.get(attr.XOR_RELAYED_ADDRESS)
        assert relayed is not None
        assert relayed.host == RELAYED.host
        return self

    def due(self) -> float | None:
        """When something is due; a deadline may come before that, and is then looked at again."""
        self.server.handle_timeout(self.now)
        assert self.actions() == []
        return self.server.deadline()

    def code(self, method: int, *attributes: Attribute) -> int | None:
        error = self.send(method, *attributes).error
        return error.code if error else None


def _server(**more: object) -> TurnServer:
    credentials = more.pop("credentials", None) or Credentials("lab", {"u": "p", "v": "q"}, b"k" * 32)
    return TurnServer((HERE,), credentials, bytes, **more)  # type: ignore[arg-type]


def test_a_stranger_is_challenged_and_gets_nothing_more() -> None:
    talk = Talk(_server())
    talk.challenge()
    assert talk.server.gauges()["allocations"][0] == 0


@pytest.mark.parametrize(("username", "password"), [("u", "wrong"), ("nobody", "p")])
def test_wrong_credentials_look_the_same(username: str, password: str) -> None:
    talk = Talk(_server(), username=username, password=password)
    talk.challenge()
    assert talk.code(Method.ALLOCATE, UDP) == 401


def test_allocation_says_where_how_long_and_who_you_are_and_signs_it() -> None:
    talk = Talk(_server())
    talk.challenge()
    answer = talk.send(Method.ALLOCATE, UDP)
    assert answer.get(attr.XOR_RELAYED_ADDRESS) == RELAYED
    assert answer.get(attr.LIFETIME) == 600
    assert answer.mapped_address == CLIENT
    assert stun.verify_integrity(talk.last, talk.key)


def test_a_repeated_allocate_gets_the_same_answer_and_another_one_437() -> None:
    talk = Talk(_server())
    talk.challenge()
    auth = (attr.USERNAME("u"), attr.REALM("lab"), attr.NONCE(talk.nonce))
    data = stun.encode(
        StunMessage(Method.ALLOCATE, MessageClass.REQUEST, b"t" * 12, (UDP, *auth)), integrity_key=talk.key
    )
    assert talk.repeat(data).get(attr.XOR_RELAYED_ADDRESS) == RELAYED
    assert talk.repeat(data).get(attr.XOR_RELAYED_ADDRESS) == RELAYED
    assert talk.server.allocated == 1
    assert talk.code(Method.ALLOCATE, UDP) == 437


def test_a_nonce_grows_stale() -> None:
    talk = Talk(_server(credentials=Credentials("lab", {"u": "p"}, b"k" * 32, nonce_s=4.0)))
    talk.allocated()
    talk.now += 5
    answer = talk.send(Method.REFRESH, attr.LIFETIME(600))
    assert answer.error is not None
    assert answer.error.code == 438
    talk.nonce = answer.get(attr.NONCE) or b""
    assert talk.send(Method.REFRESH, attr.LIFETIME(600)).get(attr.LIFETIME) == 600


def test_a_nonce_of_somebody_else_is_stale() -> None:
    talk = Talk(_server())
    talk.challenge()
    talk.client = Address("198.51.100.8", 40_000)
    assert talk.code(Method.ALLOCATE, UDP) == 438


@pytest.mark.parametrize(
    ("attributes", "code"),
    [
        ((), 400),
        ((attr.REQUESTED_TRANSPORT(6),), 442),
        ((UDP, attr.REQUESTED_ADDRESS_FAMILY(Family.IPV6)), 440),
        ((UDP, Attribute(0x7FFF, b"")), 420),
        ((UDP, attr.RESERVATION_TOKEN(b"unknown!")), 508),
        ((UDP, attr.RESERVATION_TOKEN(b"unknown!"), attr.EVEN_PORT(False)), 400),
    ],
)
def test_what_cannot_be_allocated(attributes: tuple[Attribute, ...], code: int) -> None:
    talk = Talk(_server())
    talk.challenge()
    assert talk.code(Method.ALLOCATE, *attributes) == code


def test_quotas() -> None:
    server = _server(limits=TurnLimits(allocations=3, allocations_per_user=2))
    codes = []
    for number, user in enumerate(("u", "u", "u", "v", "v")):
        talk = Talk(server, username=user, password={"u": "p", "v": "q"}[user])
        talk.client = Address("198.51.100.7", 40_000 + number)
        talk.challenge()
        codes.append(talk.code(Method.ALLOCATE, UDP))
    assert codes == [None, None, 486, None, 508]


def test_an_alternate_server_is_named() -> None:
    other = Address("203.0.113.77", 3478)
    talk = Talk(_server(alternate=other))
    talk.challenge()
    answer = talk.send(Method.ALLOCATE, UDP)
    assert answer.error is not None
    assert answer.error.code == 300
    assert answer.get(attr.ALTERNATE_SERVER) == other


def test_errors_on_request() -> None:
    talk = Talk(_server(errors={Method.CREATE_PERMISSION: 403})).allocated()
    assert talk.code(Method.CREATE_PERMISSION, attr.XOR_PEER_ADDRESS(PEER)) == 403


def test_without_an_allocation_there_is_nothing_to_change() -> None:
    talk = Talk(_server())
    talk.challenge()
    for method in (Method.REFRESH, Method.CREATE_PERMISSION, Method.CHANNEL_BIND):
        assert talk.code(method) == 437


def test_another_user_may_not_touch_it() -> None:
    talk = Talk(_server()).allocated()
    talk.username, talk.key = "v", stun.long_term_key("v", "lab", "q")
    assert talk.code(Method.REFRESH) == 441


def test_peers_of_its_own_network_are_forbidden() -> None:
    talk = Talk(_server()).allocated()
    for host in ("127.0.0.1", "10.0.0.1", "203.0.113.10"):
        assert talk.code(Method.CREATE_PERMISSION, attr.XOR_PEER_ADDRESS(Address(host, 1))) == 403
        assert (
            talk.code(
                Method.CHANNEL_BIND, attr.CHANNEL_NUMBER(0x4000), attr.XOR_PEER_ADDRESS(Address(host, 1))
            )
            == 403
        )
    assert talk.code(Method.CREATE_PERMISSION, attr.XOR_PEER_ADDRESS(Address("2001:db8::1", 1))) == 443
    assert talk.code(Method.CREATE_PERMISSION) == 400


def _send_indication(talk: Talk, peer: Address, data: bytes) -> list[object]:
    attributes = (attr.XOR_PEER_ADDRESS(peer), attr.DATA(data))
    message = StunMessage(Method.SEND, MessageClass.INDICATION, b"i" * 12, attributes)
    talk.server.receive(stun.encode(message), talk.client, HERE, talk.now)
    return talk.actions()


def test_nothing_passes_without_a_permission_and_both_ways_with_one() -> None:
    talk = Talk(_server()).allocated()
    assert _send_indication(talk, PEER, b"x") == []
    talk.server.relay_received(0, b"x", PEER, talk.now)
    assert talk.server.poll_transmit() is None
    assert talk.code(Method.CREATE_PERMISSION, attr.XOR_PEER_ADDRESS(PEER)) is None
    assert _send_indication(talk, PEER, b"hello") == [RelaySend(0, b"hello", PEER)]
    talk.server.relay_received(0, b"back", PEER, talk.now)
    transmit = talk.server.poll_transmit()
    assert transmit is not None
    indication = stun.decode(transmit.data)
    assert indication.get(attr.DATA) == b"back"
    assert indication.get(attr.XOR_PEER_ADDRESS) == PEER
    talk.now += 301
    assert _send_indication(talk, PEER, b"late") == []


def test_channels_carry_both_ways_until_they_lapse() -> None:
    talk = Talk(_server(limits=TurnLimits(channel_s=8.0))).allocated()
    bind = (attr.CHANNEL_NUMBER(0x4001), attr.XOR_PEER_ADDRESS(PEER))
    assert talk.code(Method.CHANNEL_BIND, *bind) is None
    talk.server.receive(turn.encode_channel_data(0x4001, b"hi"), talk.client, HERE, talk.now)
    assert talk.actions() == [RelaySend(0, b"hi", PEER)]
    talk.server.relay_received(0, b"yo", PEER, talk.now)
    transmit = talk.server.poll_transmit()
    assert transmit is not None
    assert turn.decode_channel_data(transmit.data).data == b"yo"
    for other in (
        (attr.CHANNEL_NUMBER(0x4002), bind[1]),
        (bind[0], attr.XOR_PEER_ADDRESS(RELAYED._replace(host="192.0.2.1"))),
    ):
        assert talk.code(Method.CHANNEL_BIND, *other) == 400
    assert talk.code(Method.CHANNEL_BIND, attr.CHANNEL_NUMBER(0x3FFF), bind[1]) == 400
    talk.now += 9
    talk.server.receive(turn.encode_channel_data(0x4001, b"hi"), talk.client, HERE, talk.now)
    assert talk.actions() == []
    talk.server.relay_received(0, b"yo", PEER, talk.now)
    transmit = talk.server.poll_transmit()
    assert transmit is not None
    assert stun.decode(transmit.data).method == Method.DATA


def test_it_ends_by_time_and_by_wish() -> None:
    talk = Talk(_server()).allocated()
    deadline = talk.due()
    assert deadline == talk.now + 600
    talk.server.handle_timeout(deadline)
    assert talk.actions() == [CloseRelay(0)]
    assert talk.server.deadline() is None
    talk.now = deadline
    talk.allocated()
    assert talk.send(Method.REFRESH, attr.LIFETIME(0)).get(attr.LIFETIME) == 0
    assert talk.server.gauges()["allocations"][0] == 0


def test_bytes_minutes_and_speed_are_capped() -> None:
    limits = TurnLimits(bytes_per_allocation=1000, minutes_per_allocation=1.0, max_lifetime_s=3600)
    talk = Talk(_server(limits=limits)).allocated()
    assert talk.due() == talk.now + 60
    talk.code(Method.CREATE_PERMISSION, attr.XOR_PEER_ADDRESS(PEER))
    assert len(_send_indication(talk, PEER, bytes(900))) == 1
    assert _send_indication(talk, PEER, bytes(200)) == []
    slow = Talk(_server(limits=TurnLimits(bits_per_s_per_allocation=8000))).allocated()
    slow.code(Method.CREATE_PERMISSION, attr.XOR_PEER_ADDRESS(PEER))
    assert [len(_send_indication(slow, PEER, bytes(900))) for _ in range(3)] == [1, 0, 0]
    slow.now += 1
    assert len(_send_indication(slow, PEER, bytes(900))) == 1


def test_time_limited_users_last_until_their_time() -> None:
    credentials = Credentials("lab", {}, b"k" * 32, secret="s", epoch_s=1_000_000.0)
    good, old = "1001100:ana", "1000900:ana"
    for username, code in ((good, None), (old, 401)):
        talk = Talk(
            _server(credentials=credentials), username=username, password=time_limited_password("s", username)
        )
        talk.challenge()
        assert talk.code(Method.ALLOCATE, UDP) == code


@pytest.mark.parametrize("name", ["9999999:\u0007", "9999999:\u06271", "9999999:\ue000"])
def test_a_name_that_cannot_be_prepared_is_a_stranger(name: str) -> None:
    talk = Talk(_server(credentials=Credentials("lab", {}, b"k" * 32, secret="s")))
    talk.challenge()
    talk.username = name
    assert talk.code(Method.ALLOCATE, UDP) == 401


def _ask_by_stream(talk: Talk, method: int, *attributes: Attribute, signed: bool = True) -> StunMessage:
    """A request on connection 5, and its answer."""
    talk.serial += 1
    auth = (attr.USERNAME("u"), attr.REALM("lab"), attr.NONCE(talk.nonce)) if signed else ()
    message = StunMessage(method, MessageClass.REQUEST, talk.serial.to_bytes(12, "big"), (*attributes, *auth))
    data = stun.encode(message, integrity_key=talk.key if signed else None)
    talk.server.stream_received(5, data, talk.now)
    sent = [action for action in talk.actions() if isinstance(action, StreamSend)]
    sent += [action for action in talk.actions() if isinstance(action, StreamSend)]
    return stun.decode(sent[0].data)


def _allocated_by_stream(talk: Talk) -> None:
    talk.server.stream_opened(5, CLIENT, HERE, talk.now)
    challenge = _ask_by_stream(talk, Method.ALLOCATE, UDP, signed=False)
    talk.nonce = challenge.get(attr.NONCE) or b""
    assert _ask_by_stream(talk, Method.ALLOCATE, UDP).get(attr.XOR_RELAYED_ADDRESS) == RELAYED


def test_a_quiet_connection_is_kept_for_as_long_as_its_allocation() -> None:
    talk = Talk(_server())
    _allocated_by_stream(talk)
    for _ in range(3):
        talk.now += 500
        talk.server.handle_timeout(talk.now)
        assert talk.actions() == []
        assert _ask_by_stream(talk, Method.REFRESH).get(attr.LIFETIME) == 600
    talk.now += 600
    talk.server.handle_timeout(talk.now)
    assert talk.actions() == [CloseRelay(0), StreamClose(5)]
    assert talk.server.gauges()["streams"][0] == 0
    assert talk.server.deadline() is None


def test_a_connection_that_allocates_nothing_ends_after_a_minute() -> None:
    talk = Talk(_server())
    talk.server.stream_opened(5, CLIENT, HERE, talk.now)
    talk.now += 50
    _ask_by_stream(talk, Method.BINDING, signed=False)
    assert talk.due() == talk.now + 60
    talk.now += 60
    talk.server.handle_timeout(talk.now)
    assert talk.actions() == [StreamClose(5)]


def test_a_connection_that_gave_its_relay_back_ends_a_minute_later() -> None:
    talk = Talk(_server())
    _allocated_by_stream(talk)
    talk.now += 300
    assert _ask_by_stream(talk, Method.REFRESH, attr.LIFETIME(0)).get(attr.LIFETIME) == 0
    assert talk.due() == talk.now + 60


@given(st.lists(st.tuples(st.sampled_from("arzs"), st.integers(0, 700)), max_size=12))
def test_nothing_outlives_the_deadline(steps: list[tuple[str, int]]) -> None:
    talk = Talk(_server(limits=TurnLimits(allocations_per_user=50)))
    talk.challenge()
    for number, (step, seconds) in enumerate(steps):
        if step == "a":
            talk.client = Address(CLIENT.host, 41_000 + number)
            talk.challenge()
            talk.send(Method.ALLOCATE, UDP, attr.EVEN_PORT(number % 2 == 0))
        elif step in "rz":
            talk.send(Method.REFRESH, attr.LIFETIME(0 if step == "z" else 900))
        else:
            talk.server.stream_opened(number, Address(CLIENT.host, 42_000 + number), HERE, talk.now)
        talk.actions()
        table = talk.server._table
        expiries = [*table.expiries(), *(c.idle_at for c in talk.server._streams.values())]
        due = talk.server.deadline()
        assert not expiries or (due is not None and due <= min(expiries))
        talk.now += seconds
        while (due := talk.server.deadline()) is not None and due <= talk.now:
            talk.server.handle_timeout(talk.now)
        talk.actions()
        assert all(at > talk.now for at in table.expiries())


def test_a_connection_takes_its_allocation_along() -> None:
    talk = Talk(_server())
    server = talk.server
    _allocated_by_stream(talk)
    server.stream_closed(5, talk.now)
    assert server.gauges()["allocations"][0] == 0
    assert CloseRelay(0) in talk.actions()


def test_rubbish_on_a_connection_ends_it() -> None:
    talk = Talk(_server())
    talk.server.stream_opened(1, CLIENT, HERE, talk.now)
    talk.server.stream_received(1, b"\xff" * 8, talk.now)
    assert talk.actions() == [StreamClose(1)]
    assert talk.server.malformed == 1


def test_a_relay_that_cannot_be_bound_is_508() -> None:
    talk = Talk(_server())
    talk.challenge()
    talk.actions = lambda: [
        talk.server.relay_refused(a.relay_id, 0.0) for a in _drain(talk.server) if isinstance(a, OpenRelay)
    ]  # type: ignore[method-assign]
    assert talk.code(Method.ALLOCATE, UDP) == 508
    assert talk.server.gauges()["allocations"][0] == 0


def _drain(server: TurnServer) -> list[object]:
    found: list[object] = []
    poll: Callable[[], object | None] = server.poll_action
    while (action := poll()) is not None:
        found.append(action)
    return found


@given(st.lists(st.binary(max_size=120), max_size=20))
def test_any_bytes_are_borne(packets: list[bytes]) -> None:
    server = _server(peers=PeerPolicy())
    server.stream_opened(0, CLIENT, HERE, 0.0)
    for data in packets:
        server.receive(data, CLIENT, HERE, 0.0)
        server.stream_received(0, data, 0.0)
    assert server.gauges()["allocations"][0] == 0


def test_strangers_are_limited_by_network() -> None:
    server = _server()
    request = stun.encode(StunMessage(Method.ALLOCATE, MessageClass.REQUEST, b"x" * 12, (UDP,)))
    for _ in range(1000):
        server.receive(request, CLIENT, HERE, 0.0)
    assert server.refused + server.limited == 1000
    assert server.limited >= 700


NEIGHBOUR = Address("198.51.100.8", 41_000)


def _neighbours(**more: object) -> tuple[Talk, Talk, Address, Address]:
    """Two clients of one server, and their relayed addresses."""
    one = Talk(_server(**more)).allocated()
    other = Talk(one.server, username="v", password="q")
    other.client = NEIGHBOUR
    other.challenge()
    relayed = other.send(Method.ALLOCATE, UDP).get(attr.XOR_RELAYED_ADDRESS)
    assert relayed is not None
    return one, other, RELAYED, relayed


def test_two_relays_of_one_server_talk_inside_it() -> None:
    one, other, here, there = _neighbours()
    assert one.code(Method.CHANNEL_BIND, attr.CHANNEL_NUMBER(0x4000), attr.XOR_PEER_ADDRESS(there)) is None
    assert one.server.poll_action() is None
    one.server.receive(turn.encode_channel_data(0x4000, b"early"), CLIENT, HERE, one.now)
    assert one.server.poll_transmit() is None
    assert one.server.dropped == 1  # the neighbour has not permitted it
    assert other.code(Method.CREATE_PERMISSION, attr.XOR_PEER_ADDRESS(Address(here.host, 0))) is None
    one.server.receive(turn.encode_channel_data(0x4000, b"hello"), CLIENT, HERE, one.now)
    transmit = one.server.poll_transmit()
    assert transmit is not None
    assert transmit.remote == NEIGHBOUR
    message = stun.decode(transmit.data)
    assert (message.get(attr.XOR_PEER_ADDRESS), message.get(attr.DATA)) == (here, b"hello")
    assert one.server.poll_action() is None  # nothing leaves the machine


def test_no_other_port_of_its_own_is_a_peer() -> None:
    one, other, here, there = _neighbours()
    for port in (22, 3478, 49_999):
        own = attr.XOR_PEER_ADDRESS(Address(here.host, port))
        assert one.code(Method.CREATE_PERMISSION, own) == 403
        assert one.code(Method.CHANNEL_BIND, attr.CHANNEL_NUMBER(0x4000), own) == 403
    # A permission is for a host; the port is looked at again when something is sent.
    assert one.code(Method.CREATE_PERMISSION, attr.XOR_PEER_ADDRESS(there)) is None
    one.server.receive(
        stun.encode(
            StunMessage(
                Method.SEND,
                MessageClass.INDICATION,
                b"i" * 12,
                (attr.XOR_PEER_ADDRESS(Address(here.host, 22)), attr.DATA(b"ssh")),
            )
        ),
        CLIENT,
        HERE,
        one.now,
    )
    assert one.server.poll_action() is None
    assert one.server.dropped == 1
    # A channel to a relay that is gone leads nowhere, not to the port that it had.
    assert one.code(Method.CHANNEL_BIND, attr.CHANNEL_NUMBER(0x4001), attr.XOR_PEER_ADDRESS(there)) is None
    assert other.send(Method.REFRESH, attr.LIFETIME(0)).error is None
    _drain(one.server)
    one.server.receive(turn.encode_channel_data(0x4001, b"late"), CLIENT, HERE, one.now)
    assert one.server.poll_action() is None
    assert one.code(Method.CREATE_PERMISSION, attr.XOR_PEER_ADDRESS(there)) == 403


def test_a_port_is_reserved_and_had_by_whoever_has_the_token() -> None:
    one = Talk(_server())
    one.challenge()
    answer = one.send(Method.ALLOCATE, UDP, attr.EVEN_PORT(True))
    token = answer.get(attr.RESERVATION_TOKEN)
    assert token is not None
    assert one.server.gauges()["allocations"] == (2, 64)
    thief = Talk(one.server, username="v", password="q")
    thief.client = NEIGHBOUR
    thief.challenge()
    assert thief.code(Method.ALLOCATE, UDP, attr.RESERVATION_TOKEN(token)) == 508
    second = Talk(one.server)
    second.client = Address("198.51.100.7", 40_001)
    second.serial = 100
    second.challenge()
    answer = second.send(Method.ALLOCATE, UDP, attr.RESERVATION_TOKEN(token))
    assert answer.get(attr.XOR_RELAYED_ADDRESS) == Address(RELAYED.host, RELAYED.port + 1)
    assert one.server.gauges()["allocations"] == (2, 64)


def test_a_reserved_port_is_given_back_after_half_a_minute() -> None:
    talk = Talk(_server())
    talk.challenge()
    assert talk.send(Method.ALLOCATE, UDP, attr.EVEN_PORT(True)).error is None
    assert talk.due() == talk.now + 30
    talk.server.handle_timeout(talk.now + 30)
    assert talk.actions() == [CloseRelay(1)]
    assert talk.server.gauges()["allocations"] == (1, 64)


def test_a_user_has_a_share_of_the_line_whatever_he_allocates() -> None:
    limits = TurnLimits(bits_per_s_per_user=8000)
    server = _server(limits=limits)
    got = 0
    for number in range(4):
        talk = Talk(server)
        talk.client = Address(CLIENT.host, 40_000 + number)
        talk.serial = 1000 * number
        talk.challenge()
        assert talk.send(Method.ALLOCATE, UDP).error is None
        talk.code(Method.CREATE_PERMISSION, attr.XOR_PEER_ADDRESS(PEER))
        got += len(_send_indication(talk, PEER, bytes(600)))
    assert got == 1
    assert server.gauges()["allocations_of_busiest_user"] == (4, 16)


def _another(server: TurnServer, number: int) -> Talk:
    talk = Talk(server)
    talk.client = Address(CLIENT.host, 40_000 + number)
    talk.serial = 1000 * number
    return talk


def test_a_users_bytes_of_a_day_are_not_had_twice_by_allocating_anew() -> None:
    server = _server(limits=TurnLimits(bytes_a_day_per_user=1000))
    first = _another(server, 1).allocated()
    first.code(Method.CREATE_PERMISSION, attr.XOR_PEER_ADDRESS(PEER))
    assert len(_send_indication(first, PEER, bytes(1000))) == 1
    assert _send_indication(first, PEER, b"x") == []
    first.code(Method.REFRESH, attr.LIFETIME(0))
    second = _another(server, 2)
    second.challenge()
    assert second.code(Method.ALLOCATE, UDP) == 486
    assert server.gauges()["bytes_today_of_busiest_user"] == (1000, 1000)
    second.now += 86_400
    assert second.allocated().server.gauges()["bytes_today"][0] == 0


def test_a_users_minutes_of_a_day_shorten_the_last_lifetime_and_then_refuse() -> None:
    server = _server(limits=TurnLimits(minutes_a_day_per_user=15, max_lifetime_s=600))
    one = _another(server, 1)
    one.challenge()
    assert one.send(Method.ALLOCATE, UDP).get(attr.LIFETIME) == 600
    two = _another(server, 2)
    two.challenge()
    assert two.send(Method.ALLOCATE, UDP).get(attr.LIFETIME) == 300
    three = _another(server, 3)
    three.challenge()
    assert three.code(Method.ALLOCATE, UDP) == 486
    assert server.gauges()["minutes_today_of_busiest_user"] == (15, 15)
    one.now += 60
    one.code(Method.REFRESH, attr.LIFETIME(0))  # nine of its ten minutes come back
    assert server.gauges()["minutes_today"][0] == pytest.approx(6)


def test_what_all_may_have_in_a_day_is_full_for_everybody() -> None:
    server = _server(limits=TurnLimits(bytes_a_day=500, minutes_a_day=100))
    first = _another(server, 1).allocated()
    first.code(Method.CREATE_PERMISSION, attr.XOR_PEER_ADDRESS(PEER))
    assert len(_send_indication(first, PEER, bytes(500))) == 1
    second = _another(server, 2)
    second.challenge()
    assert second.code(Method.ALLOCATE, UDP) == 508


def test_a_share_of_the_line_is_not_had_anew_by_giving_the_relay_back() -> None:
    server = _server(limits=TurnLimits(bits_per_s_per_user=8000, bits_per_s_per_allocation=8000))
    got = 0
    for number in range(3):
        talk = _another(server, number).allocated()
        talk.code(Method.CREATE_PERMISSION, attr.XOR_PEER_ADDRESS(PEER))
        got += len(_send_indication(talk, PEER, bytes(900)))
        talk.code(Method.REFRESH, attr.LIFETIME(0))
    assert got == 1
