"""What the history hears of sessions: their paths, their moves with the reason, their end."""

import msgspec

from netstack.model.address import Address
from netstack.model.coordinator import Decision, Reason
from netstack.model.path import Degradation, PathReport, PathState
from netstack.model.session import CloseReason, Flow, PathClosed, PathOpened, Priority
from netstack.net.system import SystemNet
from netstack.observe.history import History
from netstack.observe.history_reader import HistoryReader
from netstack.service.history_keeper import HistoryKeeper

UDP = PathReport(key="1/0", peer="Ben", transport="udp", remote="203.0.113.9:1", state=PathState.UP)
TURN = msgspec.structs.replace(UDP, key="1/2", transport="turn", remote="203.0.113.5:3478")
MOVE = Decision(
    at_s=1.0, priority=Priority.REALTIME, source=0, source_transport="udp", target=2, target_transport="turn",
    reason=Reason.LATENCY, left=0.041, right=0.035, margin=0.005, unit="s",
    sentence="UDP p99 41 ms > TURN p99 35 ms + 5 ms: moved", peer="Ben",
)  # fmt: skip


def test_a_session_is_told_from_its_first_path_to_its_end(tmp_path) -> None:
    history = History(tmp_path / "history.db", commit_s=0.01)
    history.open()
    keeper = HistoryKeeper(SystemNet(), history)
    keeper.path_found(UDP)
    keeper.paths_reported((UDP, TURN))  # the second one had begun before the file was open
    keeper.path_happened(UDP, PathOpened(0, Flow(1, Address("203.0.113.9", 1))))
    keeper.decided(MOVE)
    keeper.decided(msgspec.structs.replace(MOVE, peer="somebody else"))
    worse = msgspec.structs.replace(UDP, degraded=Degradation("rtt", 0.02, 0.09, 5.0))
    keeper.paths_reported((worse, TURN))
    keeper.paths_reported((worse, TURN))
    keeper.paths_reported((UDP, TURN))
    keeper.path_happened(UDP, PathClosed(0, CloseReason.IDLE))
    keeper.path_measured("1/0", "rtt", SystemNet().now(), 0.02, 1.0)
    closed = [msgspec.structs.replace(each, state=PathState.CLOSED) for each in (UDP, TURN)]
    keeper.paths_reported(tuple(closed))
    keeper.close()
    history.close()
    (past,) = HistoryReader(tmp_path / "history.db").sessions()
    assert past.ended_s is not None
    assert past.transports == ("udp", "turn")
    assert [(change.what, change.transport, change.text) for change in past.changes] == [
        ("path added", "udp", ""),
        ("path added", "turn", ""),
        ("path opened", "udp", ""),
        ("moved", "turn", MOVE.sentence),
        ("worse", "udp", "slower: 0.02 before, 0.09 now"),
        ("well again", "udp", ""),
        ("path closed", "udp", "idle"),
    ]
