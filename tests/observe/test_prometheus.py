"""What Prometheus reads, judged by its own tool; and the dashboard and the alerts ask for nothing that is not there."""

import json
import re
import shutil
import subprocess
from pathlib import Path
from urllib.error import URLError
from urllib.request import urlopen

import pytest

from netstack.config import RESOURCES
from netstack.core.place import parse_place
from netstack.errors import InputError, NetError
from netstack.model.address import Address
from netstack.observe.prometheus import MetricsPage, Registry

FLEET = RESOURCES / "fleet"
ASKED = {  # the names that were promised
    "peerscope_active_connections": set(),
    "peerscope_path_rtt_seconds_bucket": {"transport", "le"},
    "peerscope_packets_lost_total": {"transport", "direction"},
    "peerscope_fragments_total": {"transport"},
    "peerscope_reassembly_completed_total": set(),
    "peerscope_reassembly_failed_total": {"reason"},
    "peerscope_nat_checks_total": {"label"},
    "peerscope_errors_total": {"kind"},
}


def promtool(*arguments: str, stdin: str | None = None) -> subprocess.CompletedProcess[str]:
    found = shutil.which("promtool")
    if found is None:
        pytest.skip("promtool not installed")
    return subprocess.run(
        [found, *arguments], input=stdin, capture_output=True, text=True, timeout=50, check=False
    )


def filled() -> Registry:
    registry = Registry()
    registry.connections(2)
    for seconds in (0.012, 0.2, 4.0):
        registry.rtt("udp", seconds)
    registry.probes("udp", 100)
    registry.lost("udp", "out", 3)
    registry.carried("udp", "in", 4000)
    registry.fragments("ble", 12)
    registry.reassembled(5)
    registry.reassembly_failed("timeout", 1)
    registry.dropped("forged", 1)
    registry.suspects(1)
    registry.nat_check("symmetric")
    registry.error("timed-out")
    registry.serving("allocations", 3, 64)
    registry.served("answered", 10)
    return registry


def samples(text: str) -> dict[str, set[str]]:
    """Names with the labels that they carry."""
    found: dict[str, set[str]] = {}
    for line in text.splitlines():
        if not line.startswith("#"):
            name, labels = re.match(r"(\w+)(?:\{(.*)\})?", line).groups()
            found.setdefault(name, set()).update(re.findall(r'(\w+)="', labels or ""))
    return found


def test_names_and_labels_are_those_that_were_promised() -> None:
    found = samples(filled().text())
    for name, labels in ASKED.items():
        assert found[name] == labels
    assert set().union(*found.values()) <= {
        *("transport", "direction", "reason", "label", "kind", "resource", "outcome", "le"),
    }
    assert filled().names() >= set(ASKED)


def test_what_was_not_measured_is_absent() -> None:
    assert Registry().text() == ""
    registry = Registry()
    registry.rtt("udp", 0.01)
    assert "tcp" not in registry.text()
    assert "active_connections" not in registry.text()


def test_a_transport_that_nobody_knows_makes_no_label_of_its_own() -> None:
    registry = Registry()
    for number in range(50):
        registry.rtt(f"made up {number}", 0.01)
    assert set(re.findall(r'transport="([^"]*)"', registry.text())) == {"other"}


def test_prometheus_own_tool_finds_no_fault() -> None:
    done = promtool("check", "metrics", stdin=filled().text())
    assert (done.returncode, done.stdout + done.stderr) == (0, "")


def test_the_alerts_are_rules_and_fire_when_they_should(tmp_path: Path) -> None:
    done = promtool("check", "rules", str(FLEET / "alerts.yml"))
    assert done.returncode == 0, done.stdout + done.stderr
    done = promtool("test", "rules", str(Path(__file__).with_name("alerts_test.yml")))
    assert done.returncode == 0, done.stdout + done.stderr


def test_every_query_is_a_query_and_asks_for_what_is_there(tmp_path: Path) -> None:
    names = Registry().names()
    dashboard = json.loads((FLEET / "grafana-dashboard.json").read_text("utf-8"))
    queries = [target["expr"] for panel in dashboard["panels"] for target in panel["targets"]]
    alerts = (FLEET / "alerts.yml").read_text("utf-8")
    asked = set(re.findall(r"\bpeerscope_\w+", " ".join(queries) + alerts))
    assert asked
    assert asked <= names, asked - names
    assert len({panel["id"] for panel in dashboard["panels"]}) == len(dashboard["panels"])
    # Each query as a recording rule: promtool then reads it as Prometheus would.
    rules = tmp_path / "queries.yml"
    plain = [re.sub(r"\$__range", "1h", query) for query in queries]
    rules.write_text(
        "groups:\n- name: queries\n  rules:\n"
        + "".join(f"  - record: query:{n}\n    expr: {json.dumps(query)}\n" for n, query in enumerate(plain)),
        "utf-8",
    )
    done = promtool("check", "rules", str(rules))
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_page_is_served_until_it_is_closed() -> None:
    page = MetricsPage(filled())
    at = page.open(Address("127.0.0.1", 0))
    url = f"http://{at}/metrics"
    with urlopen(url, timeout=5) as answer:
        assert "version=" in answer.headers["Content-Type"]
        assert "peerscope_active_connections 2.0" in answer.read().decode()
    with pytest.raises(NetError) as caught:
        MetricsPage(Registry()).open(at)
    assert caught.value.reason is NetError.Reason.IN_USE
    page.close()
    page.close()
    with pytest.raises(URLError):
        urlopen(url, timeout=1)


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("127.0.0.1:9464", Address("127.0.0.1", 9464)),
        (":9464", Address("127.0.0.1", 9464)),
        ("9464", Address("127.0.0.1", 9464)),
        ("[::1]:9464", Address("::1", 9464)),
    ],
)
def test_places(text: str, place: Address) -> None:
    assert parse_place(text) == place


@pytest.mark.parametrize("text", ["", "here", "127.0.0.1:", "127.0.0.1:99999", "127.0.0.1:-1"])
def test_a_place_that_is_none_is_told(text: str) -> None:
    with pytest.raises(InputError):
        parse_place(text)
