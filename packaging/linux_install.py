"""Installs the packaged program for one user of a Linux desktop: menu entry, icon, and `peerscope:` links.

    python3 packaging/linux_install.py [install | remove] [--from dist/peerscope]

Everything goes below XDG_DATA_HOME (~/.local/share) and into ~/.local/bin; `remove` takes all of it away again.
"""

import argparse
import os
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path

ROOT = Path(__file__).parent.parent
ENTRY = Path(__file__).parent / "linux" / "peerscope.desktop"
ICON = ROOT / "resources" / "icons" / "peerscope.svg"
NAME = "peerscope"


class Places:
    """Where the parts go, for the environment's user."""

    def __init__(self) -> None:
        home = Path(os.environ.get("HOME", "~")).expanduser()
        data = Path(os.environ.get("XDG_DATA_HOME") or home / ".local" / "share")
        self.program = data / "peerscope-program"
        self.entries = data / "applications"
        self.entry = self.entries / f"{NAME}.desktop"
        self.icon = data / "icons" / "hicolor" / "scalable" / "apps" / f"{NAME}.svg"
        self.command = home / ".local" / "bin" / NAME


def install(source: Path, places: Places) -> None:
    """Copies the program and registers it. Raises FileNotFoundError where there is none."""
    if not (source / NAME).is_file():
        raise FileNotFoundError(f"{source} holds no {NAME}; build it first: python3 packaging/dev.py build")
    remove(places)
    shutil.copytree(source, places.program, symlinks=True)
    for place in (places.entry, places.icon, places.command):
        place.parent.mkdir(parents=True, exist_ok=True)
    places.command.symlink_to(places.program / NAME)
    places.icon.write_bytes(ICON.read_bytes())
    # With its whole path: a menu does not look into ~/.local/bin everywhere.
    program = str(places.program / NAME).replace("\\", "\\\\").replace('"', '\\"')
    places.entry.write_text(ENTRY.read_text("utf-8").replace("Exec=peerscope", f'Exec="{program}"'), "utf-8")
    _tell_desktop("update-desktop-database", str(places.entries))
    _tell_desktop("xdg-mime", "default", places.entry.name, "x-scheme-handler/peerscope")


def remove(places: Places) -> None:
    """Takes away what `install` left; what the user made stays."""
    for place in (places.entry, places.icon, places.command):
        place.unlink(missing_ok=True)
    shutil.rmtree(places.program, ignore_errors=True)
    if places.entries.is_dir():
        _tell_desktop("update-desktop-database", str(places.entries))


def _tell_desktop(*command: str) -> None:
    """Without the tool, most desktops read the folder by themselves."""
    if shutil.which(command[0]) is not None:
        subprocess.run(command, check=False, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the command line; 2 where there is nothing to install."""
    parser = argparse.ArgumentParser(description="Installs Peerscope for this user.")
    parser.add_argument("what", nargs="?", choices=("install", "remove"), default="install")
    parser.add_argument("--from", dest="source", type=Path, default=ROOT / "dist" / NAME, metavar="FOLDER")
    options = parser.parse_args(arguments)
    places = Places()
    if options.what == "remove":
        remove(places)
        return 0
    try:
        install(options.source, places)
    except FileNotFoundError as error:
        print(error)
        return 2
    print(f"Installed: {places.command}; peerscope: links open it.")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
