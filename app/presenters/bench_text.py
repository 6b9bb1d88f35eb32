"""A benchmark's figures as a table."""

from netstack.model.bench import BenchReport, BenchResult
from netstack.model.session import TransportKind

NAMES = {
    "connect_p50_s": "Connecting to a known peer, median",
    "connect_reused_p50_s": "The same over an open connection",
    "connect_saved_s": "Saved by it each time, on average",
    "found_s": "Found by Bluetooth, and connected",
    "rtt_p50_s": "Echo, median",
    "rtt_p99_s": "Echo, 99 of 100 are faster",
    "throughput_bps": "Throughput, reliable and sealed",
    "plain_rtt_p50_s": "aiortc by itself, echo, median",
    "plain_rtt_p99_s": "aiortc by itself, 99 of 100",
    "plain_throughput_bps": "aiortc by itself, nothing sealed",
    "datagram_bytes": "Largest packet used",
    "sealed_overhead_bytes": "Seal and headers, a packet",
    "fragment_efficiency": "Payload of what the link carried",
    "kilobyte_efficiency": "The same for messages of 1 KB",
    "kilobyte_fragments": "Packets for a message of 1 KB",
    "lost_packets": "Packets lost",
    "sender_cpu_s": "Processor, sending side",
    "receiver_cpu_s": "Processor, receiving side",
    "cpu_s": "Processor, both sides (one process)",
    "rss_bytes": "Memory of the receiving process",
    "session_bytes": "Memory of a session",
    "parked_session_bytes": "Memory of one that is quiet",
    "sessions_opened_per_s": "Sessions opened, a processor second",
    "sessions": "Sessions up at once",
}

BLUETOOTH = "  Two laptops of the lab, 2 m apart, LE 1M. Times are the air's as it is modelled, not a chip's."
RELAYED = "  Each side has a relay of {}, which runs here too."
RELAYS = {"coturn": "coturn", "peerscope": "our own server (coturn is not installed)"}


def bench_text(report: BenchReport) -> str:
    """One line a figure, under its transport."""
    if report.network == "lab":
        where = (
            f"A virtual link: {report.rtt_s:g} s round trip, {report.loss:.3g} of the packets lost each way, "
            f"{_scaled(report.link_bps or 0)}bit/s. Times are the link's; computing costs nothing."
        )
    else:
        where = "Two processes of this computer, over loopback."
    on_air = bool(report.results) and all(result.transport == TransportKind.BLE for result in report.results)
    lines = [] if on_air else [where]
    shown = None
    for result in report.results:
        if result.transport != shown:
            shown = result.transport
            lines += ["", shown.upper()] if lines else [shown.upper()]
            if shown == TransportKind.BLE:
                lines.append(BLUETOOTH)
            if shown == TransportKind.TURN and report.relay is not None:
                lines.append(RELAYED.format(RELAYS.get(report.relay, report.relay)))
        name = NAMES.get(result.metric, result.metric)
        lines.append(f"  {name:<36}{_value(result):>16}   n = {result.n}")
    return "\n".join(lines)


def _value(result: BenchResult) -> str:
    value = result.value
    if value is None:
        return "not measured"
    match result.unit:
        case "s" if value < 1:
            return f"{value * 1e6:.4g} us" if value < 1e-3 else f"{value * 1e3:.4g} ms"
        case "B" if value >= 1e6:
            return f"{_scaled(value)}B"
        case "bit/s":
            return f"{_scaled(value)}bit/s"
        case "1":
            return f"{value:.4g}"
        case unit:
            return f"{value:.4g} {unit}"


def _scaled(value: float) -> str:
    for size, letter in ((1e9, "G"), (1e6, "M"), (1e3, "k")):
        if value >= size:
            return f"{value / size:.3g} {letter}"
    return f"{value:.3g} "
