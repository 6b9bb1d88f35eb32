"""A window is only promised where a display server answers."""

import socket
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from app.display import has_display

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="only on Linux")


@pytest.fixture
def wayland(tmp_path: Path) -> Iterator[dict[str, str]]:
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(tmp_path / "wayland-7"))
        server.listen()
        yield {"WAYLAND_DISPLAY": "wayland-7", "XDG_RUNTIME_DIR": str(tmp_path)}


@pytest.fixture
def x11_over_tcp() -> Iterator[dict[str, str]]:
    """Like what `ssh -X` gives."""
    for number in range(40, 400):
        with socket.socket() as server:
            try:
                server.bind(("127.0.0.1", 6000 + number))
            except OSError:
                continue
            server.listen()
            yield {"DISPLAY": f"localhost:{number}.0"}
            return
    pytest.fail("no port is free")


def test_nothing_is_set() -> None:
    assert not has_display({})


def test_wayland_answers(wayland: dict[str, str]) -> None:
    assert has_display(wayland)


def test_x11_answers(x11_over_tcp: dict[str, str]) -> None:
    assert has_display(x11_over_tcp)


def test_a_platform_without_a_display_was_chosen() -> None:
    assert has_display({"QT_QPA_PLATFORM": "offscreen:size=800x600"})
    assert not has_display({"QT_QPA_PLATFORM": "xcb"})
    assert not has_display({"QT_QPA_PLATFORM": "wayland-egl"})


@pytest.mark.parametrize(
    "display",
    [
        "",
        ":",
        ":x",
        ":99999",
        "nonsense",
        "localhost:70000",
        "localhost:59999",
        ":-1",
        ":54321",
        "\0:1",
        "a" * 70 + ":1",
    ],
)
def test_a_display_that_is_not_there(display: str) -> None:
    assert not has_display({"DISPLAY": display})
