import pytest

from netstack.lab.loop import LabLoop


@pytest.fixture
def loop_factory():
    """Every coroutine test here runs in virtual time, and ends at the latest after a virtual day."""
    return lambda: LabLoop(limit_s=86_400.0)
