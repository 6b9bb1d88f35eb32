"""Connecting to several addresses: who is asked when, who wins, and what becomes of the rest."""

import asyncio
import time

import pytest

from netstack.errors import NetError
from netstack.model.address import Address
from netstack.transport import happy_eyeballs

V6, OTHER_V6 = Address("2001:db8::1", 5), Address("2001:db8::2", 5)
V4, OTHER_V4 = Address("192.0.2.1", 5), Address("192.0.2.2", 5)


class Streamed:
    def __init__(self, place):
        self.place = place
        self.aborted = False

    def abort(self):
        self.aborted = True


class Places:
    """A network on which an address answers, refuses or stays silent."""

    def __init__(self, **answers):
        self.answers = answers
        self.asked = []
        self.open = []

    def now(self):
        return time.monotonic()

    async def open_stream(self, remote, *, timeout_s):
        self.asked.append(remote)
        answer = self.answers.get(remote.host, "silent")
        if answer == "refuses":
            raise NetError(NetError.Reason.REFUSED, str(remote))
        if answer == "silent":
            try:
                async with asyncio.timeout(timeout_s):
                    await asyncio.Event().wait()
            except TimeoutError:
                raise NetError(NetError.Reason.TIMED_OUT, str(remote)) from None
        await asyncio.sleep(answer)
        self.open.append(Streamed(remote))
        return self.open[-1]


@pytest.fixture(autouse=True)
def _hurry(monkeypatch):
    monkeypatch.setattr(happy_eyeballs, "ATTEMPT_DELAY_S", 0.02)


def test_families_take_turns_and_ipv6_begins():
    assert happy_eyeballs.in_turn([V4, OTHER_V4, V6, V4, OTHER_V6]) == (V6, V4, OTHER_V6, OTHER_V4)
    assert len(happy_eyeballs.in_turn([Address(f"192.0.2.{n}", 1) for n in range(20)])) == 8


async def test_a_silent_address_is_overtaken():
    net = Places(**{V6.host: "silent", V4.host: 0.0})
    stream = await happy_eyeballs.connect(net, [V4, V6], timeout_s=5.0)
    assert stream.place == V4
    assert net.asked == [V6, V4]


async def test_a_refusal_is_not_waited_for(monkeypatch):
    monkeypatch.setattr(happy_eyeballs, "ATTEMPT_DELAY_S", 60.0)
    net = Places(**{V6.host: "refuses", V4.host: 0.0})
    async with asyncio.timeout(5.0):
        assert (await happy_eyeballs.connect(net, [V6, V4], timeout_s=5.0)).place == V4


async def test_one_that_answers_in_time_is_the_only_one_asked():
    net = Places(**{V6.host: 0.0, V4.host: 0.0})
    assert (await happy_eyeballs.connect(net, [V4, V6], timeout_s=5.0)).place == V6
    assert net.asked == [V6]


async def test_the_slower_of_two_is_closed():
    net = Places(**{V6.host: 0.03, V4.host: 0.01})
    stream = await happy_eyeballs.connect(net, [V6, V4], timeout_s=5.0)
    assert all(each.aborted for each in net.open if each is not stream)
    assert not stream.aborted


async def test_nobody_answers():
    net = Places(**{V6.host: "silent", V4.host: "refuses"})
    with pytest.raises(NetError) as caught:
        await happy_eyeballs.connect(net, [V6, V4], timeout_s=0.1)
    assert caught.value.reason is NetError.Reason.TIMED_OUT
    with pytest.raises(NetError):
        await happy_eyeballs.connect(net, [], timeout_s=0.1)


async def test_giving_up_ends_every_attempt():
    net = Places()
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.1):
            await happy_eyeballs.connect(net, [V6, V4], timeout_s=5.0)
    assert net.asked == [V6, V4]
