"""The real window, light and dark, as docs/images shows it: `sudo .venv/bin/python packaging/screenshot.py`.

The program runs on a virtual screen, behind a NAT of the kernel, and checks it with STUN servers that nobody here
wrote: what the pictures show was measured while they were taken. Needs what `dev.py setup` installs.
"""

import os
import sys
import tempfile
import time
from pathlib import Path

from environment import ROOT
from shown_window import ShownWindow
from virtual_display import virtual_display

sys.path.insert(0, str(ROOT))

from tests.kernel.bed import SERVERS, Bed, Site

IMAGES = ROOT / "docs" / "images"
KIND = "port-restricted"
SETTLE_S = 1.0


def take(site: Site, theme: str, screen: dict[str, str], folder: Path) -> None:
    """Starts the program in `theme`, lets it check the NAT, and saves what it shows."""
    home = folder / theme
    settings = home / "peerscope" / "window.ini"
    settings.parent.mkdir(parents=True)
    settings.write_text(f"[window]\ntheme={theme}\n", encoding="utf-8")
    config = home / "config.toml"
    config.write_text(f"stun = {list(SERVERS)}\n".replace("'", '"'), encoding="utf-8")
    homes = {f"XDG_{name}_HOME": str(home) for name in ("CONFIG", "CACHE", "DATA", "STATE")}
    command = [sys.executable, "-m", "app", "--config", str(config)]
    env = {**os.environ, **screen, **homes, "HOME": str(home), "PYTHONPATH": str(ROOT)}
    window = site.client.do(ShownWindow, command, env, home / "output", 30.0)
    try:
        window.press("F5")
        print(theme, window.wait_for_title("oderate|trict|pen|nknown"))
        time.sleep(SETTLE_S)
        window.save_image(IMAGES / f"nat-{theme}.png")
        window.close()
    finally:
        window.kill()


def main() -> None:
    """Saves docs/images/nat-light.png and nat-dark.png."""
    IMAGES.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="peerscope-screenshot-") as name:
        folder = Path(name)
        with virtual_display() as screen, Bed(folder) as bed:
            site = bed.add_site()
            site.set(KIND)
            for theme in ("light", "dark"):
                take(site, theme, screen, folder)


if __name__ == "__main__":
    main()
