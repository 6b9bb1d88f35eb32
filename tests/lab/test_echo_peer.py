"""Everything the Peers page does, in the lab, with its second person answering; in virtual time."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from netstack.errors import InputError
from netstack.lab.node import LabNode
from netstack.model.candidate import PairState
from netstack.model.chat import FileState, Mark, Payload
from netstack.model.meeting import MeetingError
from netstack.model.peers import Conversation, PeersState, Stage
from netstack.model.session import Mode, Priority
from netstack.service.traversal import TraversalError
from netstack.tasks import TaskScope


@asynccontextmanager
async def opened(scenario: str = "home") -> AsyncIterator[LabNode]:
    node = LabNode(scenario)
    await node.start()
    try:
        yield node
    finally:
        await node.close()


async def until(condition: Callable[[], object], limit_s: float = 30.0) -> None:
    async with asyncio.timeout(limit_s):
        while not condition():  # noqa: ASYNC110 - in virtual time it costs nothing
            await asyncio.sleep(0.01)


def read(place: str) -> bytes:
    return Path(place).read_bytes() if Path(place).exists() else b""


def talk(node: LabNode) -> Conversation:
    return node.peers.state.conversations[-1]


async def test_an_invitation_is_answered_and_gone_with_its_code() -> None:
    async with opened() as node, TaskScope("test") as tasks:
        seen: list[PeersState] = []
        node.subscribe(lambda snapshot: seen.append(snapshot.peers))
        number = await node.peers.invite()
        assert node.peers.state.invitation is None
        stages = [state.invitation.stage for state in seen if state.invitation is not None]
        assert stages == sorted(stages, key=list(Stage).index)
        code = next(state.invitation.code for state in seen if state.invitation and state.invitation.code)
        await until(lambda: talk(node).lines)
        await until(lambda: talk(node).kind == "direct")  # by a relay first, where there is one
        there = talk(node)
        assert (there.number, there.name, there.transport, there.kind) == (number, "Ben", "udp", "direct")
        assert there.stories
        assert len(there.digits) == 6
        assert there.lines[0].text.startswith("Hello Anna!")
        await asyncio.sleep(1.0)
        report = next(path for path in node.snapshot.paths if path.key == there.path)
        assert report.peer == "Ben"
        assert report.probes.p50_s is not None
        assert report.probes.p50_s > 0.01
        assert not any(word in line.text for line in node.snapshot.log for word in code.split("-"))
        await node.peers.disconnect(number)
        await until(lambda: talk(node).ended == "You hung up.")
        await node.peers.disconnect(number)
        assert node.peers.state.conversations == ()
        assert len(tasks) == 0


async def test_words_bytes_and_files_come_back(tmp_path: Path) -> None:
    async with opened() as node:
        await until(lambda: node.peers.state.partner_code)
        number = await node.peers.join(node.peers.state.partner_code)
        await node.peers.send_text(number, "how are you?")
        await until(lambda: [line.text for line in talk(node).lines].count("how are you?") == 2)
        await node.peers.send_payload(number, Payload(200_000, priority=Priority.BULK, mode=Mode.UNORDERED))
        await until(lambda: talk(node).lines[-1].mark is Mark.RETURNED)
        line = talk(node).lines[-1]
        assert line.packets is not None
        assert line.packets >= 140
        path = tmp_path / "notes.txt"
        path.write_bytes(b"n" * 700_000)
        await node.peers.send_files(number, (str(path),))
        await until(lambda: len(talk(node).files) == 2)
        await until(lambda: talk(node).files[0].state is FileState.DONE)
        offered = talk(node).files[1]
        assert (offered.mine, offered.state, offered.name) == (False, FileState.OFFERED, "notes.txt")
        await node.peers.answer_file(number, offered.number, True)
        await until(lambda: talk(node).files[1].state is FileState.DONE)
        place = talk(node).files[1].place
        assert read(place) == b"n" * 700_000
    assert read(place) == b""


async def test_known_peers_meet_again_and_are_forgotten_with_an_undo() -> None:
    async with opened() as node:
        first = await node.peers.invite()
        await node.peers.disconnect(first)
        [known] = node.peers.state.known
        assert known.name == "Ben"
        assert known.seen_at_s is not None
        again = await node.peers.reconnect(known.peer)
        assert talk(node).number == again != first
        assert talk(node).peer == known.peer
        twice = await node.peers.reconnect(known.peer)
        await until(lambda: [each.ended for each in node.peers.state.conversations].count("") == 1)
        assert talk(node).number == twice
        node.peers.forget_peer(known.peer)
        assert (node.peers.state.known, node.peers.state.undo) == ((), "Ben")
        with pytest.raises(InputError):
            await node.peers.reconnect(known.peer)
        node.peers.undo_forget()
        assert [each.peer for each in node.peers.state.known] == [known.peer]
        assert node.peers.state.undo == ""


async def test_who_does_not_come_is_told_and_cancelling_withdraws() -> None:
    async with opened() as node, TaskScope("test") as tasks:
        node.peers.called = lambda _: None
        await node.peers.disconnect(await node.peers.invite())
        [known] = node.peers.state.known
        with pytest.raises(MeetingError, match="did not come"):
            await node.peers.reconnect(known.peer)
        assert node.peers.state.calls == ()
        node.peers.invited = lambda _: None
        inviting = tasks.start(node.peers.invite(), "invite")
        await until(lambda: node.peers.state.invitation and node.peers.state.invitation.code)
        with pytest.raises(InputError):
            await node.peers.invite()
        inviting.cancel()
        await asyncio.wait([inviting])
        assert node.peers.state.invitation is None


async def test_where_no_way_works_the_stories_say_what_was_tried() -> None:
    async with opened("turn-down") as node:
        with pytest.raises(TraversalError):
            await node.peers.invite()
        assert {story.state for story in node.peers.state.failed_stories} >= {PairState.NO_REPLY}
        assert node.peers.state.conversations == ()


async def test_two_labs_at_once_keep_their_files_apart() -> None:
    async with opened() as one, opened() as other:
        assert one.peers.state.folder != other.peers.state.folder
