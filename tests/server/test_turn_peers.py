"""A relay is no way into its own network, however the address is dressed."""

import ipaddress
from itertools import count

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from netstack.model.address import Address
from netstack.server.machine import RelaySend
from netstack.server.turn_credentials import Credentials
from netstack.server.turn_peers import PeerPolicy
from netstack.wire import stun, turn
from netstack.wire import stun_attributes as attr
from netstack.wire.stun import MessageClass, Method, StunMessage
from tests.core.turn_bed import turn_server

FORBIDDEN = [
    "127.0.0.1", "10.1.2.3", "172.16.0.1", "192.168.1.1", "100.64.0.1", "169.254.1.1", "224.0.0.1", "255.255.255.255",
    "0.0.0.0", "0.1.2.3", "240.0.0.1", "::", "::1", "fe80::1", "fc00::1", "ff02::1",
    "::ffff:127.0.0.1", "::ffff:10.0.0.1", "64:ff9b::7f00:1", "64:ff9b::a00:1", "2002:7f00:1::", "2002:a00:1::1",
    "2001:0:a00:1::1", "2001:0:cb00:7101:0:0:80ff:fffe", "::7f00:1", "64:ff9b:1::a00:1",
    "::ffff:0:10.0.0.1", "fec0::1", "192.0.0.8", "198.18.0.1", "198.19.255.255", "2002:c612:1::", "64:ff9b::c612:1",
    "64:ff9b:1:a00:0:100:808:808", "2001:db8::5efe:10.0.0.1", "2001:db8::200:5efe:127.0.0.1", "2001:1::1", "2001:2::1",
]  # fmt: skip


@pytest.mark.parametrize("host", FORBIDDEN)
def test_forbidden(host: str) -> None:
    assert not PeerPolicy().permits(host)


@pytest.mark.parametrize("host", ["203.0.113.5", "2001:db8::5", "64:ff9b::cb00:7105", "2002:cb00:7105::1"])
def test_public(host: str) -> None:
    assert PeerPolicy().permits(host)


def test_its_own_address_is_refused_in_every_dress_unless_named() -> None:
    policy = PeerPolicy(own=["203.0.113.10"])
    for host in ("203.0.113.10", "::ffff:203.0.113.10", "64:ff9b::cb00:710a", "2002:cb00:710a::"):
        assert not policy.permits(host)
    assert PeerPolicy(["203.0.113.10/32"], ["203.0.113.10"]).permits("203.0.113.10")


def test_a_named_network_is_let_through_and_no_other() -> None:
    policy = PeerPolicy(["10.1.0.0/16"])
    assert policy.permits("10.1.2.3")
    assert policy.permits("::ffff:10.1.2.3")
    assert not policy.permits("10.2.0.1")
    with pytest.raises(ValueError, match="does not appear"):
        PeerPolicy(["10.1.0.0/99"])


IN_OURS = [
    "0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12", "192.168.0.0/16",
    "198.18.0.0/15", "224.0.0.0/4", "240.0.0.0/4", "203.0.113.10/32",
]  # fmt: skip
DOCUMENTATION = [
    ipaddress.ip_network(net)
    for net in ("192.0.2.0/24", "198.51.100.0/24", "203.0.113.0/24", "2001:db8::/32", "3fff::/20")
]


def _in(network: str) -> st.SearchStrategy[ipaddress.IPv4Address]:
    net = ipaddress.IPv4Network(network)
    return st.integers(int(net[0]), int(net[-1])).map(ipaddress.IPv4Address)


forbidden_v4 = st.sampled_from(IN_OURS).flatmap(_in)
some_bits = st.integers(0, 2**64 - 1)


def _dresses(ip: ipaddress.IPv4Address, bits: int) -> list[str]:
    """Every way to write an IPv4 address into an IPv6 one that somebody translates back."""
    v4, high = int(ip), bits & 0xFFFFFFFF
    numbers = [
        0xFFFF << 32 | v4,  # mapped
        v4,  # compatible
        0xFFFF << 48 | v4,  # translated (RFC 7915)
        0x64FF9B << 96 | v4,  # NAT64
        0x64FF9B0001 << 80
        | bits << 32 & (1 << 80) - 1
        | v4,  # a NAT64 of their own, wherever it puts the address
        0x2002 << 112 | v4 << 80 | bits,  # 6to4
        0x20010000 << 96 | v4 << 64 | bits,  # Teredo: the server
        0x20010000 << 96 | 0xCB007105 << 64 | (bits & 0xFFFFFFFF) << 32 | v4 ^ 0xFFFFFFFF,  # and the client
        0x20010DB8 << 96 | high << 64 | 0x00005EFE << 32 | v4,  # ISATAP
        0x20010DB8 << 96 | high << 64 | 0x02005EFE << 32 | v4,
    ]
    return [str(ip), *(str(ipaddress.IPv6Address(number)) for number in numbers)]


@given(forbidden_v4, some_bits)
def test_no_dress_hides_an_address_of_ours(ip: ipaddress.IPv4Address, bits: int) -> None:
    policy = PeerPolicy(own=["203.0.113.10"])
    for dressed in _dresses(ip, bits):
        for text in (dressed, ipaddress.ip_address(dressed).exploded, dressed.upper()):
            assert not policy.permits(text), f"{ip} as {text}"
        if ":" in dressed:
            assert not policy.permits(f"{dressed}%eth0"), f"{ip} as {dressed}%eth0"


SPECIAL = [0, 0x0064, 0x0100, 0x2001, 0x2002, 0x3FFF, 0x5F00, 0xFC00, 0xFE80, 0xFEC0, 0xFF02]


@given(
    st.one_of(
        st.integers(0, 2**32 - 1).map(ipaddress.IPv4Address),
        st.integers(0, 2**128 - 1).map(ipaddress.IPv6Address),
        st.tuples(st.sampled_from(SPECIAL), st.integers(0, 2**112 - 1)).map(
            lambda t: ipaddress.IPv6Address(t[0] << 112 & 2**128 - 1 | t[1])
        ),
    )
)
@example(ipaddress.IPv6Address("2001::1"))
@example(ipaddress.IPv6Address("2001:5::1"))
def test_what_passes_is_what_the_registries_call_global(
    ip: ipaddress.IPv4Address | ipaddress.IPv6Address,
) -> None:
    """Python's own table is the second opinion; documentation's ranges are the lab's internet."""
    if PeerPolicy().permits(str(ip)):
        inner = ip.sixtofour if isinstance(ip, ipaddress.IPv6Address) else None
        ip = inner or ip
        assert (ip.is_global and not ip.is_multicast) or any(ip in net for net in DOCUMENTATION)


# what is asked for, the peer, and a channel
asked = st.tuples(
    st.sampled_from(["permission", "channel"]),
    st.one_of(
        st.tuples(forbidden_v4, some_bits, st.integers(0, 10)).map(lambda t: _dresses(t[0], t[1])[t[2]]),
        st.just("192.0.2.9"),
    ),
    st.integers(0, 65_535),
    st.integers(0, 3),
)


@given(st.lists(asked, max_size=30))
def test_no_sequence_of_requests_makes_a_packet_to_our_network(
    attack: list[tuple[str, str, int, int]],
) -> None:
    """A user with a good password asks for everything, in any order, and sends; an allowed peer is among them."""
    credentials = Credentials("lab", {"u": "p"}, b"k" * 32)
    server = turn_server(credentials=credentials, peers=PeerPolicy(own=["203.0.113.10"]))
    client, local = Address("198.51.100.7", 40_000), server.addresses[0]
    key = stun.long_term_key("u", "lab", "p")
    identities = (number.to_bytes(12, "big") for number in count(1))

    def ask(method: Method, *attributes: attr.Attribute) -> None:
        login = (attr.USERNAME("u"), attr.REALM("lab"), attr.NONCE(credentials.nonce(client, 0.0)))
        message = StunMessage(method, MessageClass.REQUEST, next(identities), (*attributes, *login))
        server.receive(stun.encode(message, integrity_key=key), client, local, 0.0)

    ask(Method.ALLOCATE, attr.REQUESTED_TRANSPORT(17))
    server.relay_opened(0, Address(local.host, 50_000), 0.0)
    for kind, host, port, channel in attack:
        peer, number = Address(host, port), 0x4000 + channel
        if kind == "permission":
            ask(Method.CREATE_PERMISSION, attr.XOR_PEER_ADDRESS(peer))
        else:
            ask(Method.CHANNEL_BIND, attr.CHANNEL_NUMBER(number), attr.XOR_PEER_ADDRESS(peer))
        content = (attr.XOR_PEER_ADDRESS(peer), attr.DATA(b"x"))
        sent = StunMessage(Method.SEND, MessageClass.INDICATION, next(identities), content)
        for data in (stun.encode(sent), turn.encode_channel_data(number, b"x")):
            server.receive(data, client, local, 0.0)
    went = set()
    while (action := server.poll_action()) is not None:
        if isinstance(action, RelaySend):
            went.add(action.remote.host)
    assert went == {host for _, host, _, _ in attack} & {"192.0.2.9"}
    assert server.allocated == 1
