"""The Debian and Ubuntu packages that Peerscope stands on, and how the missing ones get there.

Services never start: while packages are installed, policy-rc.d says no, and afterwards it is as it was.
`sudo python3 packaging/system_packages.py run|test` installs them and does nothing else.
"""

import os
import shutil
import subprocess
import sys

WINDOW = """
    fonts-dejavu-core libbrotli1 libdbus-1-3 libegl1 libfontconfig1 libfreetype6 libgl1 libglib2.0-0 libglx0
    libgssapi-krb5-2 libwayland-client0 libwayland-cursor0 libwayland-egl1 libx11-6 libx11-xcb1 libxcb-cursor0
    libxcb-glx0 libxcb-icccm4 libxcb-image0 libxcb-keysyms1 libxcb-randr0 libxcb-render-util0 libxcb-render0
    libxcb-shape0 libxcb-shm0 libxcb-sync1 libxcb-util1 libxcb-xfixes0 libxcb-xkb1 libxcb1 libxkbcommon-x11-0
    libxkbcommon0
""".split()

# A display to test on, and what the frozen build reads libraries with.
SCREEN = "binutils openbox wmctrl xauth xdotool xvfb".split()

# What the tests talk to, and measure with: programs that nobody here wrote.
SERVERS = """
    chromium conntrack coturn iperf3 iproute2 miniupnpc miniupnpd miniupnpd-nftables mosquitto natpmpc nftables prometheus
    stun-client tcpdump
""".split()

# A virtual machine with Bluetooth controllers, and BlueZ in it.
RADIO = "bluez bluez-test-tools busybox-static cpio dbus kmod qemu-system-x86".split()

JAVASCRIPT = {"nodejs": "node", "npm": "npm"}

NEEDED = {"run": WINDOW, "test": WINDOW + SCREEN + SERVERS + RADIO, "none": []}

POLICY = "/usr/sbin/policy-rc.d"
LOCK = "/run/lock/peerscope-packages"

# Arguments: the policy file, the lock file, then the packages. A shell, so that one process (under sudo, too)
# both places the block and takes it away, whatever ends it; a run that was killed is cleaned up by the next.
INSTALL = r"""
set -eu
policy=$1 saved=$1.before-peerscope lock=$2
shift 2
mark='# Placed by Peerscope while it installs packages; delete it when no installation runs.'
unblock() {
    if [ -e "$saved" ]; then mv -f "$saved" "$policy"
    elif grep -qsF "$mark" "$policy"; then rm -f "$policy"
    fi
}
exec 9>"$lock"
flock 9
trap unblock EXIT
trap 'exit 129' HUP
trap 'exit 130' INT
trap 'exit 143' TERM
unblock
if [ -e "$policy" ]; then mv "$policy" "$saved"; fi
printf '#!/bin/sh\n%s\nexit 101\n' "$mark" >"$policy"
chmod 755 "$policy"
export DEBIAN_FRONTEND=noninteractive NEEDRESTART_SUSPEND=1
apt-get update -qq 9>&- || echo 'The package lists could not be refreshed; going on with the old ones.' >&2
apt-get install -y -qq --no-install-recommends -o Dpkg::Use-Pty=0 -o DPkg::Lock::Timeout=300 "$@" 9>&-
"""


def on_debian() -> bool:
    """True where apt and dpkg rule."""
    return sys.platform == "linux" and bool(shutil.which("apt-get") and shutil.which("dpkg-query"))


def missing(kind: str) -> list[str]:
    """The packages of `kind` that are not installed; none where the system is not Debian's kin."""
    if not on_debian():
        return []
    needed = list(NEEDED[kind])
    if sys.base_prefix == "/usr":  # Debian's own Python comes in parts
        python = f"python3.{sys.version_info.minor}"
        needed += [f"{python}-venv", f"lib{python}"] if kind == "test" else [f"{python}-venv"]
    if kind == "test":  # wherever they come from: Debian's npm does not get on with others' node
        needed += [package for package, name in JAVASCRIPT.items() if not shutil.which(name)]
    query = ["dpkg-query", "--show", "--showformat", "${Package} ${db:Status-Status}\n", *needed]
    renamed = [f"{name}t64" for name in needed]  # newer releases renamed libraries with 64-bit time
    shown = subprocess.run(
        [*query, *renamed], capture_output=True, text=True, check=False
    ).stdout.splitlines()
    installed = {line.split()[0] for line in shown if line.endswith(" installed")}
    return [name for name in needed if not {name, f"{name}t64"} & installed]


def _call(command: list[str]) -> int:
    """Runs to the end: an interrupt reaches the child from the terminal, and it must be let to clean up."""
    child = subprocess.Popen(command)
    interrupted = False
    while True:
        try:
            code = child.wait()
        except KeyboardInterrupt:
            interrupted = True
            continue
        if interrupted:
            raise KeyboardInterrupt
        return code


def install(kind: str) -> list[str]:
    """Installs what `kind` misses, as root or with sudo after asking; else prints the one line that would.

    Returns what is missing still.
    """
    packages = missing(kind)
    if not packages:
        return []
    print(f"Missing system packages: {' '.join(packages)}", flush=True)
    command = ["sh", "-c", INSTALL, "sh", POLICY, LOCK, *packages]
    if os.geteuid() != 0:
        by_hand = f"sudo {sys.executable} {os.path.relpath(__file__)} {kind}"
        if not (shutil.which("sudo") and sys.stdin.isatty()):
            print(f"Install them with:\n    {by_hand}", flush=True)
            return packages
        answer = input("Install them now with sudo? [Y/n] ")
        if answer.strip().lower() not in ("", "y", "yes"):
            print(f"Later, install them with:\n    {by_hand}", flush=True)
            return packages
        command.insert(0, "sudo")
    print("Installing them (no service is started) ...", flush=True)
    if code := _call(command):
        print(f"apt-get failed with exit code {code}.", file=sys.stderr, flush=True)
    return missing(kind)


if __name__ == "__main__":
    if sys.argv[1:] not in (["run"], ["test"]):
        sys.exit("usage: sudo python3 packaging/system_packages.py run|test")
    sys.exit(1 if install(sys.argv[1]) else 0)
