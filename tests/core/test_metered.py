"""Which networks cost money: the user's word, then the system's."""

import pytest

from netstack.core.metered import costs, is_metered, parse_network
from netstack.errors import InputError
from netstack.model.network_cost import NetworkCost, ToldBy

HOME = NetworkCost("wlan0", "192.0.2.0/24", ("192.0.2.7", "2001:db8::7"), leads=True)
PHONE = NetworkCost("wwan0", "198.51.100.0/24", ("198.51.100.9",), leads=True)


@pytest.mark.parametrize(
    ("chosen", "system", "expected"),
    [
        ((), {}, (None, ToldBy.NOBODY)),
        ((), {"wlan0": False}, (False, ToldBy.SYSTEM)),
        ((), {"wlan0": True}, (True, ToldBy.SYSTEM)),
        (("wlan0",), {"wlan0": False}, (True, ToldBy.USER)),
        (("192.0.2.0/24",), {}, (True, ToldBy.USER)),
        (("2001:db8::/32",), {}, (True, ToldBy.USER)),
        (("192.0.3.0/24", "eth0"), {}, (None, ToldBy.NOBODY)),
    ],
)
def test_the_users_word_goes_first(chosen, system, expected):
    [found] = costs([HOME], chosen, system)
    assert (found.metered, found.told_by) == expected
    assert (found.interface, found.hosts, found.leads) == (HOME.interface, HOME.hosts, True)


def test_a_path_costs_what_its_network_costs():
    networks = costs([HOME, PHONE], (), {"wwan0": True})
    assert is_metered(networks, "198.51.100.9")
    assert not is_metered(networks, "192.0.2.7")
    assert not is_metered(networks, "203.0.113.1")
    assert not is_metered(networks, "")  # the system may send it by either
    assert is_metered(costs([PHONE], ("wwan0",), {}), "")
    assert not is_metered((), "")


def test_networks_are_written_as_they_are_kept():
    assert parse_network("192.0.2.77/24") == "192.0.2.0/24"
    assert parse_network("wwan0") == "wwan0"
    for text in ("", "a b", "192.0.2.0/33", "x" * 65, "a,b"):
        with pytest.raises(InputError):
            parse_network(text)
