"""The program as a user has it: started, looked at, closed."""

import sys
from collections.abc import Iterator

import pytest
from environment import ROOT
from shown_window import ShownWindow, shown_window

pytestmark = [pytest.mark.window, pytest.mark.timeout(120)]


@pytest.fixture
def window(screen: dict[str, str]) -> Iterator[ShownWindow]:
    with shown_window([sys.executable, "-m", "app"], screen, PYTHONPATH=str(ROOT)) as shown:
        yield shown


def test_it_opens_and_closes_without_a_word(window: ShownWindow) -> None:
    assert "Peerscope" in window.title()
    assert window.close() == 0
    assert window.said() == ""
