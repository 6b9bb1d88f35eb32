"""A line whose delay is known packet by packet: two hosts, `wire.py` between them, and tcpdump at either end.

The kernel stamps every packet as it leaves for the line and as it comes off it; tcpdump writes that down. A packet is
known at the other end by its payload, which sealing makes unique. So what a session says of a round trip can be
held against what the line did to these very two packets, however late the line's own process was.
"""

import os
import struct
import subprocess
from bisect import bisect_left
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import NamedTuple, Self

from tests.kernel.bed import Wire, tap, wait_until
from tests.kernel.namespaces import Host

NEAR, FAR = "192.0.2.1", "192.0.2.2"
NANOSECOND_PCAP = 0xA1B23C4D
ETHERNET_BYTES, UDP_BYTES, IPV4 = 14, 8, 0x0800
SNAP_BYTES = 2048
STAMPS_AGREE_S, LEAVES_WITHIN_S = 0.0005, 0.01
TCPDUMP = (
    "tcpdump",
    "-i",
    "line",
    "-n",
    "-U",
    "-Z",
    "root",
    "--immediate-mode",
    "--time-stamp-precision=nano",
)


class Packet(NamedTuple):
    """A UDP packet at one end: when the kernel saw it (since 1970), who sent it, what it carried."""

    at_s: float
    source: str
    payload: bytes


class Crossing(NamedTuple):
    """One packet over the line."""

    left_s: float
    came_s: float

    @property
    def delay_s(self) -> float:
        """What the line did to it."""
        return self.came_s - self.left_s


class Probe(NamedTuple):
    """What a session says of one probe: when it left and when its answer came (since 1970), and the round trip."""

    left_s: float
    came_s: float
    rtt_s: float


class Compared(NamedTuple):
    """One probe by the session and by the line, the far side's time in neither."""

    session_s: float
    line_s: float


def read_pcap(data: bytes) -> list[Packet]:
    """The UDP packets over IPv4 of a capture with nanoseconds (pcap, the machine's byte order). Raises ValueError."""
    if len(data) < 24 or struct.unpack_from("=I", data)[0] != NANOSECOND_PCAP:
        raise ValueError("not a capture with nanoseconds")
    packets, at = [], 24
    while at + 16 <= len(data):
        seconds, nanoseconds, kept, _ = struct.unpack_from("=IIII", data, at)
        frame = data[at + 16 : at + 16 + kept]
        at += 16 + kept
        if (
            len(frame) < ETHERNET_BYTES + 20
            or struct.unpack_from("!H", frame, 12)[0] != IPV4
            or frame[23] != 17
        ):
            continue
        start = ETHERNET_BYTES + 4 * (frame[14] & 15) + UDP_BYTES
        source = ".".join(map(str, frame[26:30]))
        packets.append(Packet(seconds + nanoseconds / 1e9, source, frame[start:]))
    return packets


def crossings(left: Iterable[Packet], came: Iterable[Packet], source: str) -> list[Crossing]:
    """The packets of `source` that were seen at both ends, in the order in which they left."""
    arrived = {packet.payload: packet.at_s for packet in came if packet.source == source}
    return sorted(
        Crossing(packet.at_s, arrived[packet.payload])
        for packet in left
        if packet.source == source and packet.payload in arrived
    )


def compare(probes: Iterable[Probe], out: Sequence[Crossing], back: Sequence[Crossing]) -> list[Compared]:
    """Each probe with the line's delay of its two packets: that which left nearest to its stamp, and that which came
    nearest to the stamp of its answer. A probe whose packets are not both found is left out.
    """
    leaving = [each.left_s for each in out]
    coming = sorted(back, key=lambda each: each.came_s)
    came = [each.came_s for each in coming]
    found = []
    for probe in probes:
        first = _nearest(leaving, probe.left_s, LEAVES_WITHIN_S)
        last = _nearest(came, probe.came_s, STAMPS_AGREE_S)
        if first is not None and last is not None and out[first].came_s <= coming[last].left_s:
            found.append(Compared(probe.rtt_s, out[first].delay_s + coming[last].delay_s))
    return found


def _nearest(ranked: Sequence[float], at_s: float, within_s: float) -> int | None:
    place = bisect_left(ranked, at_s)
    near = min(
        range(max(0, place - 1), min(len(ranked), place + 1)),
        key=lambda n: abs(ranked[n] - at_s),
        default=None,
    )
    return None if near is None or abs(ranked[near] - at_s) > within_s else near


class KnownDelay:
    """The line between `near` and `far`, with captures running. Leave it before `packets` is asked."""

    def __init__(self, folder: Path, one_way_s: float) -> None:
        self.near, self.far = Host("near"), Host("far")
        self._ends = (self.near, NEAR), (self.far, FAR)
        self._folder = folder
        self._captures: list[tuple[Host, subprocess.Popen[bytes]]] = []
        taps = self.near.do(tap, "line"), self.far.do(tap, "line")
        self._wire = Wire(self.near, taps, folder / "wire.log")
        for host, address in self._ends:
            host.ip("link set line up", f"addr add {address}/24 dev line")
        self._wire.set(delay_s=one_way_s)

    def __enter__(self) -> Self:
        for host, _ in self._ends:
            log = self._folder / f"{host.name}.log"
            output = self._file(host)
            process = host.start(
                [*TCPDUMP, "-s", str(SNAP_BYTES), "-w", os.fspath(output), "udp"],
                log,
            )
            self._captures.append((host, process))
            wait_until(lambda log=log: b"listening on" in log.read_bytes(), "tcpdump did not start", log)
        return self

    def __exit__(self, *_: object) -> None:
        for host, process in self._captures:
            host.stop(process)
        self._wire.close()
        for host, _ in self._ends:
            host.close()

    def _file(self, host: Host) -> Path:
        return self._folder / f"{host.name}.pcap"

    def compare(self, probes: Iterable[Probe]) -> list[Compared]:
        """What the session said beside what the line did."""
        near, far = (read_pcap(self._file(host).read_bytes()) for host, _ in self._ends)
        return compare(probes, crossings(near, far, NEAR), crossings(far, near, FAR))
