"""Two computers with sessions over the lab's Bluetooth."""

import asyncio
import random
from typing import Any

from netstack.core.identity import Identity
from netstack.model.session import Flow
from netstack.radio.peer_channel import PeerChannel
from netstack.service.connection import Connection
from netstack.service.peer_book import PeerBook
from netstack.service.sessions import Sessions
from netstack.transport.ble import BleTransport
from tests.radio.virtual import Room

MAILBOX = "482913"
PSK = bytes(range(32))


class Clock:
    """As much of a network as sessions need that open no socket."""

    def __init__(self, seed: int) -> None:
        self._random = random.Random(seed)

    def now(self) -> float:
        return asyncio.get_running_loop().time()

    def random_bytes(self, count: int) -> bytes:
        return self._random.randbytes(count)


class Side:
    """One computer: a radio, a channel over it, sessions over that; `net` where it has more than Bluetooth."""

    def __init__(self, radio: Any, seed: int, *, host: bool, net: Any = None) -> None:
        self.radio = radio
        self.channel = PeerChannel(radio, MAILBOX, host=host)
        self.accepted: asyncio.Queue[Connection] = asyncio.Queue()
        self.opened: asyncio.Queue[int] = asyncio.Queue()
        net = net or Clock(seed)
        self.sessions = Sessions(net, Identity(net.random_bytes(32)), PeerBook(), self.accepted.put_nowait)
        transport = self.sessions.add_transport(
            lambda receiver, new_link: BleTransport(self.channel, receiver, new_link)
        )
        assert isinstance(transport, BleTransport)
        self.transport = transport
        transport.opened = self.opened.put_nowait


async def two_sides(room: Room, *, metres: float = 2.0, **guest: Any) -> tuple[Side, Side]:
    """The host and the guest; what they open is closed with the room."""
    host = Side(await room.radio("ana"), 1, host=True)
    join = Side(await room.radio("ben", metres, **guest), 2, host=False)
    room.stack.push_async_callback(host.sessions.close)
    room.stack.push_async_callback(join.sessions.close)
    return host, join


async def pair(guest: Side) -> None:
    """As the Bluetooth page does it, here on the link that is up."""
    link: Any = guest.channel.links[0].link
    await link.gatt.pair()


async def take_up(guest: Side, ours: Connection) -> None:
    """Goes on over the next link, as the upkeep of a session does."""
    link = await guest.opened.get()
    traits = guest.sessions.endpoint.traits(link)
    assert traits is not None
    ours.move_path(0, Flow(link), traits, asyncio.get_running_loop().time())


async def session(host: Side, guest: Side) -> tuple[Connection, Connection]:
    """A first meeting; the guest dials the first link."""
    host.sessions.invite(PSK)
    link = await guest.opened.get()
    ours = await guest.sessions.connect_over(Flow(link), psk=PSK)
    theirs = await host.accepted.get()
    await theirs.established()
    return ours, theirs
