"""Asks our NAT check on a site, and holds its words against what is true."""

from collections import Counter
from collections.abc import Iterable

from netstack.model.nat import NatReport
from netstack.net.system import SystemNet
from netstack.service.nat import NatService
from tests.expectations import judge
from tests.kernel.bed import SERVERS
from tests.kernel.conftest import Place
from tests.kernel.namespaces import Host

CHECK_TIMEOUT_S = 15


def diagnose(
    client: Host,
    servers: Iterable[str] = SERVERS,
    *,
    lifetime: bool = False,
    timeout_s: float = CHECK_TIMEOUT_S,
) -> NatReport:
    """One fresh check from `client`, in its thread."""
    service = NatService(SystemNet())
    return client.run(service.check(tuple(servers), lifetime=lifetime), timeout_s)


def diagnose_all(places: Iterable[Place], servers: Iterable[str] = SERVERS) -> dict[str, NatReport]:
    """One check from every place at once; the reports by name."""
    checks = {
        place.name: place.site.client.begin(NatService(SystemNet()).check(tuple(servers)), CHECK_TIMEOUT_S)
        for place in places
    }
    return {name: check.result() for name, check in checks.items()}


def settle_all(places: Iterable[Place], servers: Iterable[str] = SERVERS) -> dict[str, NatReport]:
    """As `diagnose_all`; who stays undecided is asked once more.

    Behind a NAT that draws ports two are equal in one of about 3,500 checks, and nothing can be told then.
    """
    everyone, asked = list(places), list(servers)
    reports = diagnose_all(everyone, asked)
    undecided = [p for p in everyone if judge(reports[p.name], p.expected, hairpin=p.hairpin).undecided]
    return reports | diagnose_all(undecided, asked)


class Tally:
    """Counts judgements by place and prints them as a table."""

    def __init__(self) -> None:
        self.runs: Counter[str] = Counter()
        self.undecided: dict[str, Counter[str]] = {}
        self.wrong: list[str] = []
        self._seconds: dict[str, list[float]] = {}

    def add(self, place: Place, report: NatReport) -> None:
        """Judges one report."""
        judgement = judge(report, place.expected, hairpin=place.hairpin)
        self.runs[place.name] += 1
        self.undecided.setdefault(place.name, Counter()).update(judgement.undecided)
        self.wrong += [f"{place.name}: {words}: {explain(report)}" for words in judgement.wrong]
        self._seconds.setdefault(place.name, []).append(report.duration_s)

    def print(self, title: str) -> None:
        """Discovery times are measured, never asserted."""
        print(f"\n{title}: {self.runs.total()} runs, {len(self.wrong)} wrong words")
        for name, runs in self.runs.items():
            seconds = sorted(self._seconds[name])
            undecided = ", ".join(f"{fact} {n}x" for fact, n in self.undecided[name].items()) or "none"
            print(
                f"  {name:46} n={runs:<3} median {seconds[len(seconds) // 2]:.3f} s, max {seconds[-1]:.3f} s,"
                f" undecided: {undecided}"
            )


def explain(report: NatReport) -> str:
    """The evidence and the probes, for whoever must find out why a word was wrong."""
    lines = [f"{item.fact}: {item.text}" for item in report.evidence]
    lines += [
        f"{e.start_s:.3f} {e.name} {e.target} x{e.sends} {e.outcome} {e.end_s}" for e in report.timeline
    ]
    return "\n    ".join(["", *lines])
