"""The bed is built once; a site for each NAT kind lets all kinds be tested at the same time."""

import os
import shutil
import sys
from collections.abc import Callable, Generator, Iterable
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple, TypeVar

import pytest

from tests import expectations
from tests.expectations import CHAINS, KINDS

if TYPE_CHECKING:
    from tests.kernel.bed import Bed, Site

# The modules need system calls that only Linux has.
if sys.platform != "linux":
    collect_ignore_glob = ["test_*.py"]

PROGRAMS = ("ip", "nft", "conntrack", "setpriv", "turnserver", "turnutils_natdiscovery", "stun", "miniupnpd")
AS_USER = "unshare -Urn --map-root-user python -m pytest tests/kernel"

T = TypeVar("T")


class Place(NamedTuple):
    """A site and what is true of it."""

    name: str
    site: "Site"
    expected: expectations.Expected
    hairpin: bool


def _need_the_kernel() -> None:
    if os.geteuid() != 0:
        pytest.skip(f"kernel NATs need root, or: {AS_USER}")
    os.environ["PATH"] += ":/usr/sbin:/sbin"
    if missing := [program for program in PROGRAMS if not shutil.which(program)]:
        pytest.skip(f"kernel NATs need {', '.join(missing)}")


@pytest.fixture(scope="session")
def bed(tmp_path_factory: pytest.TempPathFactory) -> Generator["Bed", None, None]:
    """The internet with its STUN servers, and the sites `a` and `b`."""
    _need_the_kernel()
    from tests.kernel.bed import Bed
    from tests.kernel.namespaces import BedError, Host

    try:
        Host("probe").close()
    except BedError as error:
        pytest.skip(f"kernel NATs need to create namespaces ({error}); as root, or: {AS_USER}")
    try:
        bed = Bed(tmp_path_factory.mktemp("bed"))
    except BedError as error:
        pytest.fail(str(error), pytrace=False)
    with bed:
        yield bed


@pytest.fixture(scope="session")
def places(bed: "Bed") -> tuple[Place, ...]:
    """All ten kinds, each without and with hairpin, and the CGNAT chains. Nobody changes them."""
    found = []
    for kind in KINDS:
        for hairpin in (False, True):
            site = bed.add_site()
            site.set(kind, hairpin=hairpin)
            name = f"{kind}, hairpin" if hairpin else kind
            found.append(Place(name, site, expectations.nat(kind), hairpin))
    for home, carrier in CHAINS:
        site = bed.add_site(carrier=True)
        site.set(home, carrier=carrier)
        found.append(Place(f"{home} > {carrier}", site, expectations.chain(home, carrier), hairpin=False))
    return tuple(found)


@pytest.fixture
def log_path(tmp_path: Path) -> Path:
    """Where a program of this test writes."""
    return tmp_path / "log"


def everywhere(places: Iterable[Place], ask: Callable[["Site"], T]) -> dict[str, T]:
    """Calls `ask` in every site's client thread at once; gives the answers by the place's name."""
    asked = {place.name: place.site.client.submit(ask, place.site) for place in places}
    return {name: answer.result() for name, answer in asked.items()}
