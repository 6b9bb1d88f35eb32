"""`peerscope nat` as people start it: exit codes, JSON, and one sentence for each thing that can be wrong."""

import json
import sys

import pytest

from tests import expectations
from tests.kernel import responder as habits
from tests.kernel.bed import SERVERS, SPARE, Bed
from tests.kernel.namespaces import Host
from tests.kernel.responder import responder

pytestmark = pytest.mark.kernel


def _nat(host: Host, *arguments: str) -> tuple[int, str, str]:
    done = host.call(sys.executable, "-m", "app", "nat", *arguments, check=False)
    return done.returncode, done.stdout, done.stderr


def _servers(*servers: str) -> list[str]:
    return [argument for server in servers for argument in ("--server", server)]


@pytest.mark.parametrize(("kind", "code"), [("port-restricted", 0), ("symmetric-seq", 1), ("udp-blocked", 1)])
def test_it_says_what_the_nat_is(bed: Bed, kind: str, code: int) -> None:
    bed.a.set(kind)
    returned, out, err = _nat(bed.a.client, *_servers(*SERVERS), "--format", "json")
    assert (returned, err) == (code, "")
    report = json.loads(out)
    expected = expectations.nat(kind).facts() | {"schema": "peerscope.nat/1", "failure": None}
    assert {name: report[name] for name in expected} == expected


def test_people_read_a_headline_and_a_reason(bed: Bed) -> None:
    bed.a.set("symmetric-seq")
    returned, out, err = _nat(bed.a.client, *_servers(*SERVERS))
    assert (returned, err) == (1, ""), out
    assert "Strict" in out
    assert "address- and port-dependent mapping" in out


def test_what_cannot_be_tested_exits_2_with_a_sentence(bed: Bed) -> None:
    bed.a.set("port-restricted")
    with Host("offline") as offline, responder(bed.internet, habits.text):
        for host, server, failure in (
            (bed.a.client, "stun:host:99999", "malformed-server"),
            (bed.a.client, "stun:nobody.invalid", "unknown-host"),
            (bed.a.client, f"stun:{SPARE}", "rubbish"),
            (bed.a.client, f"stun:{SPARE}:9", "refused"),
            (offline, SERVERS[0], "no-network"),
        ):
            returned, out, err = _nat(host, "--server", server, "--format", "json")
            assert returned == 2, (server, out, err)
            document = json.loads(out)
            assert document["failure"] == failure, server
            assert document["failure_text"], server
            assert "Traceback" not in err, server
