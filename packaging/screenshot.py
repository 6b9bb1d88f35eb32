"""The real window, light and dark, as docs/images shows it: `sudo .venv/bin/python packaging/screenshot.py [lab]`.

The program runs on a virtual screen, behind a NAT of the kernel, and checks it with STUN servers that nobody here
wrote, over a line as long as many homes have: what the pictures show was measured while they were taken. The lab's
pictures, which `lab` takes alone, are of a check behind a provider that shares addresses and of a story in the middle. Needs what `dev.py setup` installs; root only for the
kernel's NAT.
"""

import os
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from environment import ROOT
from shown_window import ShownWindow
from virtual_display import virtual_display

sys.path.insert(0, str(ROOT))

if TYPE_CHECKING:
    from tests.kernel.bed import Site

IMAGES = ROOT / "docs" / "images"
KIND = "port-restricted"
ILL = "cgnat"
SCENARIO = "symmetric-vs-restricted"
ONE_WAY_S = 0.025
WATCHED = "bursty-wifi"
WATCHED_S = 60.0
SETTLE_S = 1.0
PLAYED_S = 0.8
THEMES = ("light", "dark")
COMMAND = [sys.executable, "-m", "app"]


def _home(folder: Path, theme: str, screen: dict[str, str]) -> tuple[Path, dict[str, str]]:
    """A home of its own where `theme` was chosen, and the environment to start in."""
    home = Path(tempfile.mkdtemp(dir=folder))
    (home / "peerscope").mkdir()
    (home / "peerscope" / "window.ini").write_text(f"[window]\ntheme={theme}\n", encoding="utf-8")
    homes = {f"XDG_{name}_HOME": str(home) for name in ("CONFIG", "CACHE", "DATA", "STATE")}
    return home, {**os.environ, **screen, **homes, "HOME": str(home), "PYTHONPATH": str(ROOT)}


def take_nat(site: "Site", servers: Sequence[str], theme: str, screen: dict[str, str], folder: Path) -> None:
    """Starts the program in `theme`, lets it check the NAT, and saves what it shows."""
    home, env = _home(folder, theme, screen)
    config = home / "config.toml"
    config.write_text(f"stun = {list(servers)}\n".replace("'", '"'), encoding="utf-8")
    command = [*COMMAND, "--config", str(config)]
    window = site.client.do(ShownWindow, command, env, home / "output", 30.0)
    try:
        window.press("ctrl+2", "F5")
        print(theme, window.wait_for_title("oderate|trict|pen|nknown"))
        time.sleep(SETTLE_S)
        window.save_image(IMAGES / f"nat-{theme}.png")
        window.close()
    finally:
        window.kill()


def take_check(theme: str, screen: dict[str, str], folder: Path) -> None:
    """Starts the lab behind a provider that shares addresses, examines it, and saves what it shows."""
    home, env = _home(folder, theme, screen)
    window = ShownWindow([*COMMAND, "--lab", ILL], env, home / "output", 30.0)
    try:
        window.wait_for_title(ILL)
        window.press("ctrl+1", "F5")
        print(theme, window.wait_for_title("problem|nothing"))
        time.sleep(SETTLE_S)
        window.save_image(IMAGES / f"check-{theme}.png")
        window.close()
    finally:
        window.kill()


def take_lab(theme: str, screen: dict[str, str], folder: Path) -> None:
    """Starts the lab in `theme`, plays its story, and saves what it shows while packets move."""
    home, env = _home(folder, theme, screen)
    window = ShownWindow([*COMMAND, "--lab", SCENARIO], env, home / "output", 30.0)
    try:
        window.wait_for_title(SCENARIO)
        time.sleep(SETTLE_S)
        window.press("F5")
        print(theme, window.wait_for_title("playing"))
        time.sleep(PLAYED_S)
        window.save_image(IMAGES / f"lab-{theme}.png")
        window.close()
    finally:
        window.kill()


def take_metrics(theme: str, screen: dict[str, str], folder: Path) -> None:
    """Starts the lab, meets its second person, watches the paths for a minute, and saves what is drawn."""
    home, env = _home(folder, theme, screen)
    window = ShownWindow([*COMMAND, "--lab", WATCHED], env, home / "output", 30.0)
    try:
        window.wait_for_title(WATCHED)
        window.press("ctrl+5", "F5")
        time.sleep(SETTLE_S)
        window.press("ctrl+6")
        print(theme, window.wait_for_title(r"Metrics: .*ms,"))
        time.sleep(WATCHED_S)
        window.save_image(IMAGES / f"metrics-{theme}.png")
        window.close()
    finally:
        window.kill()


def main() -> None:
    """Saves check-, nat-, lab- and metrics-light.png and -dark.png in docs/images."""
    IMAGES.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="peerscope-screenshot-") as name, virtual_display() as screen:
        folder = Path(name)
        for theme in THEMES:
            take_check(theme, screen, folder)
            take_lab(theme, screen, folder)
            take_metrics(theme, screen, folder)
        if sys.argv[1:] == ["lab"]:
            return
        from tests.kernel.bed import SERVERS, Bed
        from tests.kernel.diagnosis import diagnose
        from tests.kernel.gateway_daemon import OUTSIDE, GatewayDaemon

        with Bed(folder) as bed:
            site = bed.add_site(wire=True)
            assert site.wire
            site.wire.set(delay_s=ONE_WAY_S)
            site.home.outside = OUTSIDE
            site.home.host.ip(f"addr add {OUTSIDE}/32 dev wan")
            bed.internet.ip(f"route replace {OUTSIDE} via {site.public}")
            site.set(KIND)
            router = GatewayDaemon(site, folder)
            router.start(outside=OUTSIDE)
            try:
                diagnose(site.client)  # neighbours get to know each other
                for theme in THEMES:
                    take_nat(site, SERVERS, theme, screen, folder)
            finally:
                router.stop()


if __name__ == "__main__":
    main()
