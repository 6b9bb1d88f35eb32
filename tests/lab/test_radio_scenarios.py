"""The scenarios without any network: two laptops, the session code, and Bluetooth, in virtual time."""

import asyncio
from pathlib import Path

import msgspec
import pytest

from netstack.core.identity import Identity
from netstack.core.session_code import SessionCode
from netstack.errors import InputError
from netstack.lab.lab import Lab, open_scenario
from netstack.lab.meet import Side, connect
from netstack.lab.scenario import RadioPart, load_scenario
from netstack.model.bluetooth_error import BluetoothError
from netstack.model.chat import FileState, Mark, Payload
from netstack.model.meeting import Role
from netstack.model.session import Priority, TransportKind
from netstack.radio.protocol import Radio
from netstack.rendezvous.memory import MemoryDriver, MemoryHub
from netstack.service.attempt import Attempt, Met
from netstack.service.peer_book import PeerBook
from netstack.service.peers import Peers
from netstack.tasks import TaskScope
from tests.lab.test_echo_peer import opened, read, talk, until

SCENARIOS = ["train", "no-peripheral-role", "weak-signal"]


@pytest.mark.parametrize("name", SCENARIOS)
async def test_two_without_a_network_meet_by_the_code_and_talk_over_bluetooth(name: str) -> None:
    async with opened(name) as node:
        number = await node.peers.invite()
        there = talk(node)
        assert (there.number, there.name, there.transport, there.kind) == (number, "Ben", "ble", "direct")
        await node.peers.send_text(number, "how are you?")
        await until(lambda: [line.text for line in talk(node).lines].count("how are you?") == 2, 60.0)
        await node.peers.send_payload(number, Payload(20_000, priority=Priority.BULK))
        await until(lambda: any(line.mark is Mark.RETURNED for line in talk(node).lines), 120.0)
        await node.peers.disconnect(number)


async def test_a_file_travels_over_bluetooth_and_comes_back(tmp_path: Path) -> None:
    path = tmp_path / "notes.txt"
    path.write_bytes(b"n" * 30_000)
    async with opened("train") as node:
        await until(lambda: node.peers.state.partner_code)
        number = await node.peers.join(node.peers.state.partner_code)
        await node.peers.send_files(number, (str(path),))
        await until(lambda: len(talk(node).files) == 2, 120.0)
        await node.peers.answer_file(number, talk(node).files[1].number, True)
        await until(lambda: talk(node).files[1].state is FileState.DONE, 120.0)
        assert read(talk(node).files[1].place) == b"n" * 30_000


async def test_a_session_waits_out_of_range_and_goes_on_by_itself() -> None:
    async with opened("train") as node:
        number = await node.peers.invite()
        await until(lambda: talk(node).lines)
        node.cut_link("air")
        await asyncio.sleep(30.0)  # longer than any timeout of the link, and until the peer counts as silent
        assert not talk(node).ended
        node.reset_link("air")
        await node.peers.send_text(number, "still there?")
        await until(lambda: [line.text for line in talk(node).lines].count("still there?") == 2, 60.0)
        assert talk(node).transport == "ble"


async def test_the_picture_shows_the_air_and_what_it_carried() -> None:
    async with opened("weak-signal") as node:
        number = await node.peers.invite()
        await node.peers.send_payload(number, Payload(5_000))
        await until(lambda: any(line.mark is Mark.RETURNED for line in talk(node).lines), 120.0)
        picture = node.snapshot.lab
        assert picture is not None
        air = next(link for link in picture.links if link.name == "air")
        assert {air.a, air.b} == {"anna", "ben"}
        assert air.a_to_b.sent_bytes > 5_000
        assert 0 < air.a_to_b.lost < air.a_to_b.packets
        node.set_link("air", loss=0.1)
        await asyncio.sleep(0.2)
        picture = node.snapshot.lab
        assert picture is not None
        assert next(link for link in picture.links if link.name == "air").changed
        before = air.distance_m
        node.set_link("air", distance_m=60.0)
        await asyncio.sleep(20.0)
        assert node.snapshot.lab is not None
        far = next(link for link in node.snapshot.lab.links if link.name == "air")
        assert (far.distance_m, far.changed) == (60.0, True)
        assert not node.lab.airspace.adapter("ben").device.connections, "out of range"
        node.reset_link("air")
        await asyncio.sleep(0.2)
        near = next(link for link in node.snapshot.lab.links if link.name == "air")
        assert (near.distance_m, near.changed) == (before, False)
        await node.peers.send_text(number, "here again")
        await until(lambda: [line.text for line in talk(node).lines].count("here again") == 2, 60.0)
        with pytest.raises(InputError):
            node.set_link("air", distance_m=0.0)
        with pytest.raises(InputError):
            node.set_link("air", delay_s=0.1)
        with pytest.raises(InputError):
            node.set_link("air", loss=1.5)


async def test_devices_are_in_the_air_of_the_train() -> None:
    async with opened("train") as node:
        radio = node.lab.radio("anna")
        assert radio is not None
        names: set[str] = set()
        async with radio.scanning(lambda heard: names.add(heard.name)):
            await asyncio.sleep(1.0)
        assert {"Thermometer", "Game pad"} <= names


async def test_a_scenario_without_radios_has_none() -> None:
    async with opened("home") as node:
        assert node.lab.radio("anna") is None
        await asyncio.sleep(0.2)
        assert node.snapshot.lab is not None
        assert all(link.name != "air" for link in node.snapshot.lab.links)
        with pytest.raises(InputError):
            node.set_link("air", loss=0.1)


@pytest.mark.parametrize("seed", range(3))
def test_the_same_seed_gives_the_same_meeting(seed: int) -> None:
    async def first_byte(lab: Lab) -> float | None:
        return (await connect(lab)).first_byte_s

    runs = [open_scenario("weak-signal", seed=seed).run(first_byte) for _ in range(2)]
    assert runs[0] is not None
    assert runs[0] == runs[1]


def test_where_there_is_a_network_too_the_session_ends_up_on_it() -> None:
    outcome = home_with_radios().run(connect)
    assert (outcome.connected, outcome.direct, outcome.paths) == (True, True, ("direct", "direct"))


def test_where_the_network_leads_nowhere_bluetooth_carries_the_session() -> None:
    blocked = load_scenario("turn-down")
    near = (RadioPart(), RadioPart(place_m=(2.0, 0.0)))
    hosts = tuple(
        msgspec.structs.replace(host, radio=radio) for host, radio in zip(blocked.host, near, strict=True)
    )
    outcome = Lab(msgspec.structs.replace(blocked, host=hosts)).run(connect)
    assert (outcome.connected, outcome.paths) == (True, ("bluetooth", "bluetooth"))


def home_with_radios() -> Lab:
    home = load_scenario("home")
    near = (RadioPart(), RadioPart(place_m=(2.0, 0.0)))
    hosts = tuple(
        msgspec.structs.replace(host, radio=radio) for host, radio in zip(home.host, near, strict=True)
    )
    return Lab(msgspec.structs.replace(home, host=hosts))


def test_bluetooth_stands_by_and_takes_over_when_the_network_dies_and_the_other_way_round() -> None:
    async def work(lab: Lab) -> None:
        anna, ben = Side(lab, "anna", guest=False), Side(lab, "ben", guest=True)
        anna.notes.peer, ben.notes.peer = ben.notes, anna.notes
        async with TaskScope("test") as tasks:
            hosting = tasks.start(anna.connect(), "host")
            joined, hosted = await ben.connect(), await hosting
            for side, connection in ((anna, hosted), (ben, joined)):
                tasks.start(side.keep_up(connection, follow=True), "upkeep")

            async def arrives(text: bytes, limit_s: float) -> TransportKind:
                async with asyncio.timeout(limit_s):
                    await joined.send(text)
                    while (await hosted.receive()).data != text:
                        pass
                return ben.traversal.where(joined)[0]

            await asyncio.sleep(5.0)
            await arrives(b"by whichever is faster", 5.0)
            lab.cut_link("anna-anna-router")
            await asyncio.sleep(20.0)
            assert await arrives(b"by bluetooth", 20.0) is TransportKind.BLE
            lab.cut_link("anna-anna-router", cut=False)
            await asyncio.sleep(30.0)
            radio = lab.airspace.adapter("anna")
            radio.remove()
            await asyncio.sleep(20.0)
            assert await arrives(b"by the network again", 30.0) is TransportKind.UDP
            await tasks.close()
            await anna.close()
            await ben.close()

    home_with_radios().run(work)


@pytest.mark.parametrize("name", ["anna", "ben"])
def test_a_talk_that_prefers_bluetooth_moves_to_the_network_when_the_adapter_is_pulled_out(name: str) -> None:
    async def work(lab: Lab) -> None:
        anna, ben = Side(lab, "anna", guest=False), Side(lab, "ben", guest=True)
        anna.notes.peer, ben.notes.peer = ben.notes, anna.notes
        async with TaskScope("test") as tasks:
            hosting = tasks.start(anna.connect(), "host")
            joined, hosted = await ben.connect(), await hosting
            for side, connection in ((anna, hosted), (ben, joined)):
                side.coordinator.prefer("", TransportKind.BLE)
                tasks.start(side.keep_up(connection, follow=True), "upkeep")
            await asyncio.sleep(10.0)
            assert ben.traversal.where(joined)[0] is TransportKind.BLE

            async def send() -> None:
                for number in range(100):
                    if number == 50:
                        lab.airspace.adapter(name).remove()
                    await joined.send(number.to_bytes(2))
                    await asyncio.sleep(0.05)

            tasks.start(send(), "send")
            came = []
            for _ in range(100):
                async with asyncio.timeout(1.0):  # of virtual time
                    came.append((await hosted.receive()).data)
            assert came == [number.to_bytes(2) for number in range(100)]
            assert ben.traversal.where(joined)[0] is TransportKind.UDP
            told = [each.sentence for each in ben.coordinator.state.decisions]
            assert any(each.startswith("BLE is gone: moved to ") for each in told), told
            await tasks.close()
            await anna.close()
            await ben.close()

    home_with_radios().run(work)


async def test_an_adapter_that_is_pulled_out_is_said_so_and_the_session_goes_on_when_it_is_back() -> None:
    async with opened("train") as node:
        number = await node.peers.invite()
        await until(lambda: talk(node).lines)
        node.lab.airspace.adapter("anna").remove()
        await asyncio.sleep(15.0)
        assert talk(node).looking
        assert not talk(node).ended
        node.lab.airspace.adapter("anna").restore()
        await node.peers.send_text(number, "back again")
        await until(lambda: [line.text for line in talk(node).lines].count("back again") == 2, 60.0)


def test_who_met_otherwise_and_wants_bluetooth_alone_gets_it() -> None:
    async def work(lab: Lab) -> None:
        hub = MemoryHub()
        code = SessionCode.make(lab.net("anna").random_bytes)

        async def peer(name: str, role: Role) -> tuple[Peers, Met]:
            async def radio() -> Radio:
                found = lab.radio(name)
                assert found is not None
                return found

            net = lab.net(name)
            here = Peers(net, Identity(net.random_bytes(32)), PeerBook(), name=name, open_radio=radio)
            return here, await here.meet(role, code, [MemoryDriver(hub)], Attempt(only=TransportKind.BLE))

        both = await asyncio.gather(peer("anna", Role.HOST), peer("ben", Role.GUEST))
        for here, met in both:
            assert (met.reached.transport, met.reached.kind) == (TransportKind.BLE, "direct")
            assert met.reached.remote.startswith("F0:")
            assert here
        await both[1][1].connection.send(b"hello")
        assert (await both[0][1].connection.receive()).data == b"hello"
        for here, _ in both:
            await here.close()

    home_with_radios().run(work)


async def test_without_a_radio_bluetooth_alone_is_refused_with_its_cause() -> None:
    async with opened("home") as node:
        hub = MemoryHub()
        code = SessionCode.make(node.net.random_bytes)
        sides = [
            Peers(net, Identity(net.random_bytes(32)), PeerBook())
            for net in (node.lab.net("anna"), node.lab.net("ben"))
        ]
        done = await asyncio.gather(
            *(
                here.meet(role, code, [MemoryDriver(hub)], Attempt(only=TransportKind.BLE))
                for here, role in zip(sides, (Role.HOST, Role.GUEST), strict=True)
            ),
            return_exceptions=True,
        )
        assert {getattr(each, "reason", None) for each in done} == {BluetoothError.Reason.NO_ADAPTER}
        for here in sides:
            await here.close()
