"""Each rule: facts that make it fire, facts that must not, and what is unknown without them."""

import pytest

from netstack.core.doctor_facts import blank
from netstack.core.doctor_rows import ROWS, load_row
from netstack.core.doctor_rules import Facts, evaluate, findings
from netstack.model.doctor import Outcome, Severity, Side
from netstack.model.load import LoadPhase, LoadReport, RoundTrips
from netstack.service.doctor import read_rules

RULES = read_rules()
HEALTHY: Facts = {
    "verdict": "moderate", "mapping": "endpoint-independent", "udp": "ok", "double_nat": False, "cgnat": False,
    "gateway_wan": "203.0.113.7", "hairpin": True, "vpn": False, "vpn_name": None, "ipv6": True, "dns": "ok",
    "portal": False, "mapping_service": "speaks", "turn": "ok", "turn_server": "turn:relay.example",
    "rtt_p50_s": 0.03, "loss": 0.0, "longest_loss": 0, "bursty": False, "server": "stun.example:3478", "mtu_blackhole": False,
    "mtu_small": 1472, "mtu_large": 1472, "clock_off_s": 0.1, "bluetooth": True, "bluetooth_reason": None, "bluetooth_step": None,
    "gateway": "192.168.1.1", "public_address": "203.0.113.7", "ip_bytes": 1500, "interface": "eth0",
    "slow_from": None, "lossy_from": None,
}  # fmt: skip
ILL: dict[str, Facts] = {
    "dns.failing": {"dns": "failing"},
    "portal.captive": {"portal": True},
    "udp.blocked": {"udp": "blocked", "verdict": "blocked"},
    "vpn.seen": {"vpn": True, "vpn_name": "tun0", "verdict": "strict"},
    "nat.cgnat": {"cgnat": True, "gateway_wan": "100.64.1.2"},
    "nat.double": {"double_nat": True, "gateway_wan": "192.168.1.7"},
    "nat.strict": {"verdict": "strict", "mapping": "address-dependent"},
    "mapping.refused": {"mapping_service": "refused"},
    "turn.unreachable": {"turn": "unreachable"},
    "turn.unauthorized": {"turn": "unauthorized"},
    "mtu.blackhole": {"mtu_blackhole": True, "mtu_small": 1252},
    "latency.high": {"rtt_p50_s": 0.6},
    "loss.bursty": {"loss": 0.08, "longest_loss": 4, "bursty": True},
    "hairpin.missing": {"hairpin": False},
    "ipv6.missing": {"ipv6": False, "cgnat": True},
    "clock.wrong": {"clock_off_s": 3600.0},
    "bluetooth.unavailable": {
        "bluetooth": False,
        "bluetooth_reason": "there is no adapter",
        "bluetooth_step": "Plug one in.",
    },
}


def test_every_rule_has_a_case() -> None:
    assert {rule.id for rule in RULES.rule} == set(ILL)
    assert len({rule.id for rule in RULES.rule}) == len(RULES.rule)


@pytest.mark.parametrize("rule", RULES.rule, ids=lambda rule: rule.id)
def test_it_fires_when_it_should_and_only_then(rule) -> None:
    assert evaluate(rule, HEALTHY) is Outcome.GOOD
    assert evaluate(rule, HEALTHY | ILL[rule.id]) is Outcome.BAD
    found, _ = findings(RULES, HEALTHY | ILL[rule.id])
    finding = next(finding for finding in found if finding.rule == rule.id)
    assert finding.title
    assert finding.remedy
    assert all("{" not in text and "None" not in text for text in finding.evidence)


@pytest.mark.parametrize("rule", RULES.rule, ids=lambda rule: rule.id)
def test_without_its_facts_it_is_unknown_and_never_a_finding(rule) -> None:
    blank = dict.fromkeys(HEALTHY)
    assert evaluate(rule, blank) is Outcome.UNKNOWN
    found, unknown = findings(RULES, blank)
    assert found == ()
    assert rule.id in unknown


def test_a_healthy_connection_has_no_findings() -> None:
    assert findings(RULES, HEALTHY) == ((), ())


def test_a_fact_that_nobody_gathers_is_a_fault_of_the_program() -> None:
    with pytest.raises(KeyError):
        evaluate(RULES.rule[0], {})


def test_problems_come_first_and_a_vpn_is_blamed_before_the_router() -> None:
    facts = HEALTHY | {"vpn": True, "vpn_name": "tun0", "verdict": "strict", "hairpin": False}
    found, _ = findings(RULES, facts)
    assert [(finding.rule, finding.severity, finding.side) for finding in found] == [
        ("vpn.seen", Severity.PROBLEM, Side.PC),
        ("hairpin.missing", Severity.HINT, Side.ROUTER),
    ]


def test_the_facts_of_the_rules_are_those_that_are_gathered() -> None:
    assert set(HEALTHY) == set(blank())


def test_every_rule_judges_a_row() -> None:
    assert {rule.check for rule in RULES.rule} <= set(ROWS)


@pytest.mark.parametrize("rule", RULES.rule, ids=lambda rule: rule.id)
def test_steps_and_letters_name_facts_that_exist_and_are_left_out_without_them(rule) -> None:
    full = HEALTHY | ILL[rule.id]
    finding = next(f for f in findings(RULES, full)[0] if f.rule == rule.id)
    others = rule.letter_to == "provider" and finding.side is not Side.PROVIDER
    assert bool(finding.letter) == bool(finding.letter_to) == (bool(rule.letter) and not others)
    assert finding.letter_to in {"", "provider", "network", "server", "friend"}
    assert "{" not in finding.letter
    assert all(each.lines for each in finding.steps)
    without = full | {"gateway": None, "public_address": None, "interface": None}
    lines = [line for each in next(f for f in findings(RULES, without)[0]).steps for line in each.lines]
    assert not any("None" in line for line in lines)


@pytest.mark.parametrize(
    ("where", "side"),
    [(None, Side.NETWORK), ("home", Side.NETWORK), ("line", Side.PROVIDER), ("beyond", Side.SERVER)],
)
def test_where_packets_are_lost_says_whose_side_it_is(where, side) -> None:
    found, _ = findings(RULES, HEALTHY | ILL["loss.bursty"] | {"lossy_from": where})
    assert found[0].side is side
    assert len(found[0].evidence) == (1 if where is None else 2)
    assert found[0].letter_to == ("provider" if side is Side.PROVIDER else "")


def test_the_row_under_load_says_what_the_load_adds() -> None:
    def phase(p50_s: float | None) -> LoadPhase:
        return LoadPhase(path=RoundTrips(n=40, p50_s=p50_s))

    slow = LoadReport(at_s=0, peer="Ben", transport="udp", idle=phase(0.02), up=phase(0.03), down=phase(0.2))
    assert (load_row(slow).outcome, load_row(slow).text) == (Outcome.BAD, "180 ms more")
    unmeasured = LoadReport(
        at_s=0, peer="Ben", transport="udp", idle=phase(0.02), up=phase(None), down=phase(None)
    )
    assert load_row(unmeasured).outcome is Outcome.UNKNOWN
