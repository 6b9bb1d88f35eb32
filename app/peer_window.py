"""What the Peers page starts: each button a call of the Node's desk; and what is kept of it between starts."""

import getpass
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import TYPE_CHECKING

from PySide6.QtCore import QSettings

from app.actions import Action, Actions
from app.engine import Engine
from app.panels.peers import PeersActions
from netstack.model.config import Config
from netstack.model.peers import PeersState
from netstack.model.session import TransportKind

if TYPE_CHECKING:
    from netstack.node import Node
    from netstack.service.peer_desk import PeerDesk

NAME, REACHABLE = "peers/name", "peers/reachable"


def first_state(config: Config, settings: QSettings) -> PeersState:
    """What the desk begins with: the configuration's ways, and the name that was kept."""
    name = settings.value(NAME)
    if not isinstance(name, str) or not name:
        name = ""
        with suppress(OSError, KeyError):
            name = getpass.getuser()
    return PeersState(
        ways=config.rendezvous,
        brokers=config.brokers,
        name=name[:40],
        hidden=config.hide_address,
        open_ports=config.open_ports,
        reachable=settings.value(REACHABLE) not in {False, "false"},
    )


def peers_actions(actions: Actions, engine: Engine, settings: QSettings) -> PeersActions:
    """The page's actions; a choice of ways is a setting, our name is kept in the window's `settings`."""

    def at_desk(name: str, work: "Callable[..., Awaitable[object]]", *, quiet: bool = False) -> Action:
        async def act(*arguments: object) -> None:
            await engine.call(lambda node: work(node.peers, *arguments), name)

        return actions.add(name, act, quiet=quiet)

    async def use_name(desk: "PeerDesk", name: str) -> None:
        desk.set_name(name)

    async def take_reply(desk: "PeerDesk", text: str) -> None:
        desk.take_reply(text)

    async def forget(desk: "PeerDesk", peer: str) -> None:
        desk.forget_peer(peer)

    async def undo(desk: "PeerDesk") -> None:
        desk.undo_forget()

    async def prefer(peer: str, transport: str) -> None:
        async def choose(node: "Node") -> None:
            node.prefer_transport(peer, TransportKind(transport) if transport else None)

        await engine.call(choose, "preference")

    async def keep_ways(ways: tuple[str, ...]) -> None:
        await engine.call(lambda node: node.settings.change("rendezvous", ways), "ways")

    async def keep_name(name: str) -> None:
        await engine.call(lambda node: use_name(node.peers, name), "name")
        settings.setValue(NAME, name)

    async def keep_open_ports(wanted: bool) -> None:
        await engine.call(lambda node: node.choose_open_ports(wanted), "ports")

    async def keep_metered(network: str, metered: bool) -> None:
        await engine.call(lambda node: node.choose_metered(network, metered), "metered")

    async def keep_hidden(hidden: bool) -> None:
        await engine.call(lambda node: node.choose_hidden(hidden), "hidden")

    async def use_reachable(desk: "PeerDesk", reachable: bool) -> None:
        desk.set_reachable(reachable)

    async def keep_reachable(reachable: bool) -> None:
        await engine.call(lambda node: use_reachable(node.peers, reachable), "reachable")
        settings.setValue(REACHABLE, reachable)

    return PeersActions(
        invite=at_desk("invitation", lambda desk: desk.invite()),
        by_hand=at_desk("invitation by hand", lambda desk: desk.invite_by_paste()),
        reply=at_desk("reply", take_reply),
        guest=at_desk("guest", lambda desk, via: desk.invite_guest(via)),
        guest_page=at_desk("guest's page", lambda desk, path: desk.save_guest_page(path)),
        join=at_desk("joining", lambda desk, code, ways: desk.join(code, ways)),
        reconnect=at_desk("known peer", lambda desk, peer: desk.reconnect(peer)),
        ways=actions.add("ways", keep_ways),
        name=actions.add("name", keep_name),
        reachable=actions.add("reachable", keep_reachable),
        open_ports=actions.add("ports", keep_open_ports),
        mailboxes=at_desk("mailboxes", lambda desk, wanted: desk.keep_mailboxes(wanted)),
        metered=actions.add("metered", keep_metered),
        hide=actions.add("hidden", keep_hidden),
        say=at_desk("text", lambda desk, number, text: desk.say(number, text), quiet=True),
        pour=at_desk("payload", lambda desk, number, payload: desk.pour(number, payload), quiet=True),
        send_files=at_desk("files", lambda desk, number, paths: desk.send_files(number, paths)),
        answer=at_desk("answer", lambda desk, number, file, yes: desk.answer_file(number, file, yes)),
        pause=at_desk("pause", lambda desk, number, file, rest: desk.pause_file(number, file, rest)),
        cancel=at_desk("cancel", lambda desk, number, file: desk.cancel_file(number, file)),
        disconnect=at_desk("disconnect", lambda desk, number: desk.disconnect(number)),
        load=at_desk("load answer", lambda desk, number, yes: desk.answer_load(number, yes)),
        prefer=actions.add("preference", prefer),
        forget=at_desk("forget", forget),
        undo=at_desk("undo", undo),
    )
