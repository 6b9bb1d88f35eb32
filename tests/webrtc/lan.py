"""Two computers on one cable: the app's and the guest's, each a network namespace."""

from collections.abc import Iterator
from contextlib import contextmanager

from tests.kernel.namespaces import Host

APP, GUEST = "192.168.7.2", "192.168.7.3"


@contextmanager
def lan() -> Iterator[tuple[Host, Host]]:
    """The two hosts, 192.168.7.2 and 192.168.7.3."""
    with Host("webrtc-app") as app, Host("webrtc-guest") as guest:
        app.ip(f"link add eth0 type veth peer name eth0 netns {guest.thread_id}")
        for host, address in ((app, APP), (guest, GUEST)):
            host.ip(f"addr add {address}/24 dev eth0", "link set eth0 up")
        yield app, guest
