"""Where the far process of a benchmark lives: this computer's loopback, or a network namespace at the other end of a cable.

`veth_pair()` makes two namespaces joined by a veth pair of MTU 1500; programs are started in the near one, and their
far process, which they start themselves, goes into the far one by `enter`. Needs root and iproute2.
"""

import ctypes
import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_NETNS, _HOST = "PEERSCOPE_BENCH_NETNS", "PEERSCOPE_BENCH_HOST"
_CLONE_NEWNET = 0x40000000
NEAR, FAR = "10.211.0.1", "10.211.0.2"


def far_host() -> str:
    """The address that the far process binds."""
    return os.environ.get(_HOST, "127.0.0.1")


def enter() -> None:
    """Takes this process to the far place; it stays where it is on loopback."""
    name = os.environ.get(_NETNS)
    if name:
        with Path("/run/netns", name).open("rb") as file:
            if ctypes.CDLL(None, use_errno=True).setns(file.fileno(), _CLONE_NEWNET):
                raise OSError(ctypes.get_errno(), f"setns {name}")


@contextmanager
def veth_pair(name: str, mtu_bytes: int = 1500) -> Iterator[tuple[list[str], dict[str, str]]]:
    """The command that starts a program at the near end, and the environment that tells it of the far one."""
    near, far = f"{name}-near", f"{name}-far"

    def ip(*arguments: str) -> None:
        subprocess.run(["ip", *arguments], check=True, capture_output=True, text=True)

    try:
        for each in (near, far):
            ip("netns", "add", each)
        cables = f"{name}-a"[:15], f"{name}-b"[:15]
        ip("link", "add", cables[0], "netns", near, "type", "veth", "peer", cables[1], "netns", far)
        for space, cable, address in ((near, cables[0], NEAR), (far, cables[1], FAR)):
            ip("-n", space, "addr", "add", f"{address}/24", "dev", cable)
            ip("-n", space, "link", "set", cable, "mtu", str(mtu_bytes), "up")
        yield ["ip", "netns", "exec", near], {_NETNS: far, _HOST: FAR}
    finally:
        for each in (near, far):
            subprocess.run(["ip", "netns", "del", each], check=False, capture_output=True)
