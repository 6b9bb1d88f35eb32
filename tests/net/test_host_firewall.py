"""This computer's firewall, as its own files and nft tell it."""

import pytest

from netstack.net.host_firewall import judge_nft, judge_ufw
from netstack.net.protocol import HostFirewall


def ruleset(*, policy="accept", rules=(), hook="input", family="inet"):
    chain = {"family": family, "table": "filter", "name": "in", "hook": hook, "policy": policy}
    made = [{"rule": {"family": family, "table": "filter", "chain": "in", "expr": expr}} for expr in rules]
    return {"nftables": [{"metainfo": {}}, {"chain": chain}, *made]}


MATCH = {"match": {"op": "==", "left": {}, "right": 22}}


@pytest.mark.parametrize(
    ("rules", "drops"),
    [
        (ruleset(policy="drop"), True),
        (ruleset(), False),
        (ruleset(rules=[[MATCH, {"accept": None}], [{"counter": {}}, {"drop": None}]]), True),
        (ruleset(rules=[[{"reject": {}}]]), True),
        (ruleset(rules=[[MATCH, {"drop": None}]]), False),
        (ruleset(rules=[[{"drop": None}], [MATCH, {"accept": None}]]), False),
        (ruleset(policy="drop", hook="forward"), False),
        (ruleset(policy="drop", family="arp"), False),
        ({"nftables": ["nonsense", {}]}, False),
        ({}, False),
    ],
)
def test_an_input_chain_that_ends_in_drop_keeps_strangers_out(rules, drops):
    assert judge_nft(rules).drops_unasked is drops


def test_ufw_tells_by_its_files_and_nothing_while_it_is_off():
    on = 'ENABLED="yes"\nLOGLEVEL=low\n'
    assert judge_ufw(on, 'DEFAULT_INPUT_POLICY="DROP"\n') == HostFirewall("ufw", True)
    assert judge_ufw(on, 'DEFAULT_INPUT_POLICY="ACCEPT"\n') == HostFirewall("ufw", False)
    assert judge_ufw(on, "") == HostFirewall("ufw", None)
    assert judge_ufw("ENABLED=no\n", 'DEFAULT_INPUT_POLICY="DROP"\n') is None
    assert judge_ufw("#ENABLED=yes\n", "") is None
