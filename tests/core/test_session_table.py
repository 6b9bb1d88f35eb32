"""Ten thousand sessions: who is awake, and who is put to sleep for it."""

from types import SimpleNamespace

from netstack.core import session_table
from netstack.core.session_sender import Transmit
from netstack.core.session_table import SessionTable
from netstack.model.session import Flow


class Speaker:
    """A session that has one packet to send, without having been asked for anything."""

    def __init__(self):
        self.paths = SimpleNamespace(table={}, changed=False)
        self.rests = False
        self.left = 1
        self.parked = 0

    def cap(self, caps, now):
        pass

    def poll_transmit(self, now):
        self.left -= 1
        return Transmit(Flow(0), b"x", 1, 1) if self.left == 0 else None

    def deadline(self, now):
        return now if self.left > 0 else now + 60.0

    def park(self, now):
        self.parked += 1


def test_sessions_that_speak_by_themselves_are_parked_beyond_the_bound(monkeypatch):
    monkeypatch.setattr(session_table, "MAX_AWAKE", 3)
    table, speakers = SessionTable(), [Speaker() for _ in range(10)]
    for number, speaker in enumerate(speakers):
        table.add(number, speaker, 0.0)
        table._schedule(number, 1.0)
    sent = 0
    while table.poll_transmit(1.0) is not None:
        sent += 1
    assert sent == 10
    assert [speaker.parked for speaker in speakers] == [1] * 7 + [0] * 3
    assert table.deadline() <= 1.0 + session_table.PARK_AFTER_S
