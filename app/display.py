"""Is there a screen that a window could open on? Qt would abort the process to say no."""

import os
import re
import socket
import sys
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

CONNECT_TIMEOUT_S = 2.0


def has_display(environment: Mapping[str, str] = os.environ) -> bool:
    """True when a display server answers, or a Qt platform that needs none was chosen on purpose."""
    platform = environment.get("QT_QPA_PLATFORM", "").partition(":")[0]
    if platform not in ("", "xcb") and not platform.startswith("wayland"):
        return True
    if sys.platform != "linux":
        return True
    return _x11_answers(environment.get("DISPLAY", "")) or _wayland_answers(environment)


def _answers(family: int, address: str | tuple[str, int]) -> bool:
    with suppress(OSError, ValueError), socket.socket(family, socket.SOCK_STREAM) as probe:
        probe.settimeout(CONNECT_TIMEOUT_S)
        probe.connect(address)
        return True
    return False


def _x11_answers(display: str) -> bool:
    """`display` is `[HOST]:NUMBER[.SCREEN]`, as in X(7)."""
    named = re.fullmatch(r"(?:unix/?)?(?P<host>[\w.-]*):(?P<number>\d{1,5})(?:\.\d+)?", display)
    if named is None:
        return False
    number = int(named["number"])
    if named["host"]:
        return 6000 + number < 65536 and _answers(socket.AF_INET, (named["host"], 6000 + number))
    path = f"/tmp/.X11-unix/X{number}"  # noqa: S108 - the address that X11 itself defines
    return _answers(socket.AF_UNIX, path) or _answers(socket.AF_UNIX, "\0" + path)


def _wayland_answers(environment: Mapping[str, str]) -> bool:
    name, folder = environment.get("WAYLAND_DISPLAY"), environment.get("XDG_RUNTIME_DIR")
    if not name or not (folder or name.startswith("/")):
        return False
    return _answers(socket.AF_UNIX, str(Path(folder or "/") / name))
