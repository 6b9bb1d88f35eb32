"""The kernel that the virtual machine boots: Debian's package, unpacked into `build/` and never installed."""

import re
import shutil
import subprocess
from pathlib import Path
from typing import NamedTuple

CACHE = Path(__file__).parents[2] / "build" / "kernel"
DOWNLOAD_S = 120


class Kernel(NamedTuple):
    """An unpacked kernel: its release, its image, and the folder that holds `lib/modules`."""

    release: str
    image: Path
    root: Path


class KernelError(Exception):
    """There is no kernel to boot; says why."""


def kernel() -> Kernel:
    """The newest kernel of this Debian, downloaded and unpacked once. Raises KernelError."""
    package = _package()
    release = package.removeprefix("linux-image-")
    root = CACHE / release
    found = Kernel(release, root / "boot" / f"vmlinuz-{release}", root)
    if not root.exists():
        _unpack(package, release, root)
    return found


def _package() -> str:
    said = _run(["apt-cache", "depends", "linux-image-amd64"])
    match = re.search(r"Depends: (linux-image-\S+)", said)
    if match is None:
        raise KernelError(f"apt-cache tells no kernel package: {said.strip() or 'nothing'}")
    return match[1]


def _unpack(package: str, release: str, root: Path) -> None:
    """Downloads beside the place and moves at the end, so that half a kernel is never found."""
    making = CACHE / f"{release}.part"
    shutil.rmtree(making, ignore_errors=True)
    making.mkdir(parents=True)
    _run(["apt-get", "download", "-qq", package], making)
    archive = next(making.glob("*.deb"), None)
    if archive is None:
        raise KernelError(f"apt-get download {package} left no file")
    _run(["dpkg-deb", "-x", str(archive), str(making)])
    archive.unlink()
    _run(["depmod", "-b", str(making), release])
    making.rename(root)


def _run(command: list[str], folder: Path | None = None) -> str:
    try:
        done = subprocess.run(
            command, cwd=folder, capture_output=True, text=True, check=True, timeout=DOWNLOAD_S
        )
    except subprocess.CalledProcessError as error:
        raise KernelError(f"{' '.join(command)}: {error.stderr.strip() or error.returncode}") from error
    except (OSError, subprocess.TimeoutExpired) as error:
        raise KernelError(f"{' '.join(command)}: {error}") from error
    return done.stdout
