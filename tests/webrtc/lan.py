"""Two computers on one cable: the app's and the guest's, each a network namespace."""

from collections.abc import Iterator
from contextlib import contextmanager

from tests.kernel.namespaces import Host

APP, GUEST = "192.168.7.2", "192.168.7.3"
APP6, GUEST6 = "fd00:7::2", "fd00:7::3"


@contextmanager
def lan(prefix: int = 24, ours: str = APP, theirs: str = GUEST) -> Iterator[tuple[Host, Host]]:
    """The two hosts with an address each, 192.168.7.2 and 192.168.7.3."""
    with Host("webrtc-app") as app, Host("webrtc-guest") as guest:
        app.ip(f"link add eth0 type veth peer name eth0 netns {guest.thread_id}")
        for host, address in ((app, ours), (guest, theirs)):
            nodad = " nodad" * (":" in address)
            host.ip(f"addr add {address}/{prefix} dev eth0{nodad}", "link set eth0 up")
        yield app, guest
