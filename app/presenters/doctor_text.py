"""The doctor's report as plain text, for the terminal and the clipboard."""

from app.presenters.check_ladder import ladder, ladder_note
from app.presenters.quantity import duration
from app.presenters.veil import Veil
from netstack.model.doctor import DoctorReport, Outcome, PeerReport, Severity, Side

MARKS = {Outcome.GOOD: "ok", Outcome.BAD: "!!", Outcome.UNKNOWN: "??", Outcome.RUNNING: ".."}
SIDES = {
    Side.PC: "this computer",
    Side.NETWORK: "the local network",
    Side.ROUTER: "the router",
    Side.PROVIDER: "the provider",
    Side.PEER: "the other side",
    Side.SERVER: "the server",
}


def doctor_text(report: DoctorReport, veil: Veil | None = None) -> str:
    """The whole report; what is under the veil stays hidden."""
    lines = [report.verdict, ""]
    if report.network != "real":
        lines.insert(0, f'This is the lab, scenario "{report.network}", not your own network.')
    for finding in report.findings:
        mark = "Problem" if finding.severity is Severity.PROBLEM else "Hint"
        lines.append(f"{mark}: {finding.title}")
        lines.append(f"  Whose side: {SIDES[finding.side]}")
        lines += [f"  Seen: {text}" for text in finding.evidence]
        lines.append(f"  To do: {finding.remedy}")
        lines += [f"  {each.system}: {line}" for each in finding.steps for line in each.lines]
        lines.append("")
    lines += [f"{MARKS[check.outcome]} {check.title}: {check.text}" for check in report.checks]
    stations = tuple(ladder(report, veil or Veil(())))
    if stations:
        lines += ["", "Where is it bad?"]
        lines += [f"  {station.title}: {station.does}" for station in stations[1:]]
        lines.append(f"  {ladder_note(report)}")
    if report.peer is not None:
        lines += ["", *_peer(report.peer)]
    if report.ports:
        lines += ["", f"Port of {report.ports[0].game or 'your game'}"]
        for port in report.ports:
            lines += [
                f"  {port.port} here: {port.bound_text}",
                f"  {port.port} in the router: {port.mapped_text}",
            ]
            lines.append(f"  {port.port} from outside: {port.reachable_text}")
    if report.unknown:
        lines += ["", f"Not measured: {', '.join(report.unknown)}"]
    text = "\n".join(lines)
    return veil(text) if veil else text


def _peer(peer: PeerReport) -> list[str]:
    """The way to the other side, with what was measured on it."""
    probes = peer.probes
    lines = [
        f"You and {peer.name or 'the other side'}: {peer.kind} ({peer.transport.upper()})",
        f"  {peer.pair.sentence}",
    ]
    if peer.pair.remedy:
        lines.append(f"  To do: {peer.pair.remedy}")
    if probes.p50_s is None:
        return [*lines, "  Latency and loss: not measured"]
    lost = f"{probes.lost_out} lost on the way there, {probes.lost_back} on the way back, of {probes.sent}"
    return [*lines, f"  Half of {probes.n} round trips took {duration(probes.p50_s)} or less; {lost}"]
