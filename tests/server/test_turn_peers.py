"""A relay is no way into its own network, however the address is dressed."""

import pytest

from netstack.server.turn_peers import PeerPolicy

FORBIDDEN = [
    "127.0.0.1", "10.1.2.3", "172.16.0.1", "192.168.1.1", "100.64.0.1", "169.254.1.1", "224.0.0.1", "255.255.255.255",
    "0.0.0.0", "0.1.2.3", "240.0.0.1", "::", "::1", "fe80::1", "fc00::1", "ff02::1",
    "::ffff:127.0.0.1", "::ffff:10.0.0.1", "64:ff9b::7f00:1", "64:ff9b::a00:1", "2002:7f00:1::", "2002:a00:1::1",
    "2001:0:a00:1::1", "2001:0:cb00:7101:0:0:80ff:fffe", "::7f00:1", "64:ff9b:1::a00:1",
    "::ffff:0:10.0.0.1", "fec0::1", "192.0.0.8", "198.18.0.1", "198.19.255.255", "2002:c612:1::", "64:ff9b::c612:1",
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
