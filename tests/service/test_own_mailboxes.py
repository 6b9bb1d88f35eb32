"""Two meet at mailboxes that one of them keeps in the window; nobody else runs anything."""

import asyncio
from pathlib import Path

import pytest

from netstack.core.session_link import parse_session_link
from netstack.errors import InputError, NetError
from netstack.model.address import Address
from netstack.model.peers import MailboxesState, PeersState
from netstack.model.port_mapping import PortMappingError
from netstack.net.protocol import Gateway, Interface, LinkKind
from netstack.net.system import SystemNet
from netstack.service import own_mailboxes
from netstack.service.own_mailboxes import OwnMailboxes, own_hosts
from netstack.service.path_watch import PathWatch
from netstack.service.peer_desk import PeerDesk


def desk(net: SystemNet, watch: PathWatch, folder: Path, name: str, states: list[PeersState]) -> PeerDesk:
    return PeerDesk(net, watch, states.append, folder=folder / name, state=PeersState(name=name))


async def until(states: list[PeersState], found):
    async with asyncio.timeout(20):
        while not (states and found(states[-1])):  # noqa: ASYNC110 - the desk tells the window, not us
            await asyncio.sleep(0.01)
    return states[-1]


async def test_two_meet_where_one_of_them_keeps_the_mailboxes(tmp_path: Path) -> None:
    net = SystemNet()
    watch = PathWatch(net, lambda _: None)
    told: tuple[list[PeersState], list[PeersState]] = ([], [])
    ana, ben = (
        desk(net, watch, tmp_path, name, states) for name, states in zip(("ana", "ben"), told, strict=True)
    )
    try:
        for each in (ana, ben):
            await each.start()
        await ana.keep_mailboxes(True)
        inviting = asyncio.create_task(ana.invite())  # noqa: TID251
        state = await until(told[0], lambda state: state.invitation and state.invitation.link)
        assert state.mailboxes is not None
        link = parse_session_link(state.invitation.link)
        assert [str(via) for via in link.vias] == [state.mailboxes.places[0]]
        await ben.join(str(link.code), tuple(map(str, link.vias)))
        await inviting
        assert [each.name for each in told[0][-1].conversations] == ["ben"]
        await ana.keep_mailboxes(False)
        assert told[0][-1].mailboxes is None
        ana.set_hidden(True)
        with pytest.raises(InputError, match="hidden"):
            await ana.keep_mailboxes(True)
    finally:
        await watch.close()
        await ana.close()
        await ben.close()


async def test_a_port_that_is_taken_is_replaced_and_everything_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    net, heard = SystemNet(), []
    taken = await net.listen_stream(lambda _: None, local=Address("0.0.0.0", 0))
    monkeypatch.setattr(own_mailboxes, "PORT", taken.local.port)
    kept = OwnMailboxes(net, lambda: heard.append(kept.state))
    try:
        await kept.open(None)
        await kept.open(None)  # it is open
        assert kept.state is not None
        assert kept.state.port != taken.local.port
        assert kept.ways == (f"ws://127.0.0.1:{kept.state.port}",)
        assert kept.state.places[0].endswith(f":{kept.state.port}")
        port = kept.state.port
    finally:
        await kept.close()
        taken.close()
    assert (kept.state, kept.ways, len(heard)) == (None, (), 2)
    with pytest.raises(NetError):
        await net.open_stream(Address("127.0.0.1", port), timeout_s=1)


class Router:
    """Opens a port, or does not want to."""

    def __init__(self, outside: Address | None) -> None:
        self.outside, self.closed = outside, []

    async def open(self, bound, carried):
        if self.outside is None:
            raise PortMappingError(PortMappingError.Reason.NOT_SUPPORTED)
        self.mapping = self
        self.external = self.outside
        return self

    async def close_mapping(self, held) -> None:
        self.closed.append(held)


@pytest.mark.parametrize("outside", [Address("203.0.113.7", 21_080), None])
async def test_the_router_lets_friends_in_where_it_may(outside: Address | None) -> None:
    router = Router(outside)
    kept = OwnMailboxes(SystemNet(), lambda: None)
    await kept.open(router)
    assert isinstance(kept.state, MailboxesState)
    assert kept.state.outside == ("ws://203.0.113.7:21080" if outside else "")
    await kept.close()
    assert router.closed == ([router] if outside else [])


def test_the_likeliest_address_comes_first() -> None:
    interfaces = [
        Interface("docker0", LinkKind.VIRTUAL, ("172.17.0.1",)),
        Interface("lo", LinkKind.LOOPBACK, ("127.0.0.1",)),
        Interface("eth0", LinkKind.CABLE, ("fe80::1", "169.254.1.1", "192.168.1.5")),
    ]
    route = Gateway("192.168.1.1", "eth0", Address("192.168.1.1", 0).family)
    assert own_hosts(interfaces, [route]) == ["192.168.1.5", "172.17.0.1"]
    assert own_hosts(interfaces[1:2], []) == ["127.0.0.1"]
