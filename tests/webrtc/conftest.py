"""A browser and another library as peers, in network namespaces: they need root, or a namespace of one's own."""

import os
import shutil
import sys
from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.kernel.namespaces import Host

if sys.platform != "linux":
    collect_ignore_glob = ["test_*.py"]


@pytest.fixture(autouse=True)
def both_sides_end() -> Iterator[None]:
    """A test that fails on one side leaves the other one running: its loop ends before anything looks at what is left."""
    yield
    from tests.webrtc.door import RUNNING

    while RUNNING:
        RUNNING.pop().exception(timeout=60)


@pytest.fixture(scope="session")
def wire() -> Iterator[tuple["Host", "Host"]]:
    """The app's computer and the guest's, on one cable."""
    if os.geteuid() != 0:
        pytest.skip("network namespaces need root, or: unshare -Urnm")
    os.environ["PATH"] += ":/usr/sbin:/sbin"
    if missing := [name for name in ("ip", "chromium") if not shutil.which(name)]:
        pytest.skip(f"{', '.join(missing)} not installed")
    from tests.webrtc.lan import lan

    with lan() as hosts:
        yield hosts
