"""Writes into the history what happens: sessions, their paths, their series. One ear of `PathWatch`."""

from netstack.model.coordinator import Decision
from netstack.model.path import PathReport, PathState
from netstack.model.session import Event, KeysTurned, PathClosed, PathMoved, PathOpened, ProbeAnswered
from netstack.net.protocol import Net
from netstack.observe.history import History, Track

WORSE = {"rtt": "slower", "loss": "losing"}


class HistoryKeeper:
    """`PathListener` of one Node."""

    def __init__(self, net: Net, history: History) -> None:
        self._net = net
        self._history = history
        self._sessions: dict[str, int] = {}
        self._tracks: dict[str, Track] = {}
        self._degraded: set[str] = set()
        self._peers: dict[str, str] = {}

    def path_found(self, report: PathReport) -> None:
        """A session begins with its first path."""
        watched = _number(report)
        if watched not in self._sessions:
            self._sessions[watched] = self._history.begin_session(report.peer)
            self._peers[watched] = report.peer
        session = self._sessions[watched]
        self._history.add_change(session, "path added", report.transport, report.remote)
        self._tracks[report.key] = self._history.begin_series(session, report)

    def path_measured(self, report_key: str, metric: str, at_s: float, value: float, count: float) -> None:
        """One value of a series."""
        track = self._tracks.get(report_key)
        if track is not None:
            track.add(metric, self._history.now_s() - (self._net.now() - at_s), value, count)

    def path_happened(self, report: PathReport, event: Event) -> None:
        """What changes the way that messages take."""
        session = self._sessions.get(_number(report))
        if session is None or isinstance(event, ProbeAnswered | KeysTurned):
            return
        match event:
            case PathOpened(_, flow):
                self._history.add_change(session, "path opened", report.transport, str(flow.remote or ""))
            case PathMoved(_, flow, proved) if proved:
                self._history.add_change(session, "address changed", report.transport, str(flow.remote or ""))
            case PathClosed(_, reason):
                self._history.add_change(
                    session, "path closed", report.transport, report.remote, reason.name.lower()
                )
            case _:
                pass

    def paths_reported(self, reports: tuple[PathReport, ...]) -> None:
        """Ends what has ended, and notes what has become worse."""
        for report in reports:
            if report.key not in self._tracks and report.state is not PathState.CLOSED:
                self.path_found(report)  # from before the file was open
            session = self._sessions.get(_number(report))
            if session is None:
                continue
            worse = report.degraded
            if worse is not None and report.key not in self._degraded:
                text = f"{WORSE[worse.what]}: {worse.before:.3g} before, {worse.now:.3g} now"
                self._history.add_change(session, "worse", report.transport, report.remote, text)
                self._degraded.add(report.key)
            elif worse is None and report.key in self._degraded:
                self._degraded.discard(report.key)
                self._history.add_change(session, "well again", report.transport, report.remote)
            if report.state is PathState.CLOSED and report.key in self._tracks:
                self._tracks.pop(report.key).close()
        for watched in [w for w in self._sessions if not any(k.startswith(f"{w}/") for k in self._tracks)]:
            self._history.end_session(self._sessions.pop(watched))
            self._peers.pop(watched, None)

    def decided(self, decision: Decision) -> None:
        """Traffic moved, and the inequality behind it, beside the newest session with that peer."""
        watched = [
            number
            for number, peer in self._peers.items()
            if peer == decision.peer and number in self._sessions
        ]
        if watched:
            self._history.add_change(
                self._sessions[watched[-1]], "moved", decision.target_transport, "", decision.sentence
            )

    def close(self) -> None:
        """The program ends: so do the sessions."""
        for track in self._tracks.values():
            track.close()
        self._tracks.clear()
        for session in self._sessions.values():
            self._history.end_session(session)
        self._sessions.clear()


def _number(report: PathReport) -> str:
    return report.key.split("/", 1)[0]
