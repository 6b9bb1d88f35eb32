"""What is being tried: one of each, with the time that is left, and a call that the other side's overtakes."""

import asyncio

import pytest

from netstack.core.invitation import LIFE_S
from netstack.errors import InputError
from netstack.model.meeting import MeetingError
from netstack.service.attempt import Attempt
from netstack.service.open_attempts import OpenAttempts


class Bed:
    def __init__(self) -> None:
        self.now_s = 100.0
        self.changes = 0
        self.attempts = OpenAttempts(lambda: self.now_s, self.change)

    def change(self) -> None:
        self.changes += 1

    @staticmethod
    def attempt() -> Attempt:
        return Attempt(lambda: None)


def test_a_second_one_of_a_kind_is_refused_and_the_first_stays() -> None:
    bed = Bed()
    first = bed.attempt()
    for begin in (
        bed.attempts.inviting,
        bed.attempts.joining,
        lambda each: bed.attempts.calling("ana", each),
    ):
        with begin(first):
            with pytest.raises(InputError), begin(bed.attempt()):
                pass
            assert bed.changes == 0
        assert bed.changes == 1
        bed.changes = 0
        with begin(bed.attempt()):
            pass
        bed.changes = 0


def test_the_time_that_is_left_runs_from_the_restart() -> None:
    bed = Bed()
    attempt = bed.attempt()
    with bed.attempts.joining(attempt), bed.attempts.timed(attempt):
        bed.now_s += 60
        shown = bed.attempts.joining_state()
        assert shown is not None
        assert shown.left_s == LIFE_S - 60
        bed.attempts.restart(attempt)
        shown = bed.attempts.joining_state()
        assert shown is not None
        assert shown.left_s == LIFE_S
        assert bed.attempts
    assert not bed.attempts
    assert bed.attempts.joining_state() is None


async def test_a_call_ends_when_the_two_are_connected_otherwise() -> None:
    bed = Bed()

    async def meeting():
        await asyncio.sleep(60)

    with bed.attempts.calling("ana", bed.attempt()):
        asyncio.get_running_loop().call_later(0.01, bed.attempts.answered, "ana")
        assert await bed.attempts.call("ana", meeting()) is None
        assert [each.name for each in bed.attempts.call_states({"ana": "Ana"})] == ["Ana"]
    bed.attempts.answered("ana")


async def test_a_call_that_fails_says_why() -> None:
    bed = Bed()

    async def meeting():
        raise MeetingError(MeetingError.Reason.NO_WAY, "none")

    with bed.attempts.calling("ana", bed.attempt()), pytest.raises(MeetingError) as caught:
        await bed.attempts.call("ana", meeting())
    assert caught.value.reason is MeetingError.Reason.NO_WAY
    assert not bed.attempts.calls_to("ana")
