"""The checks that run in the guest, in their order. Heavy libraries are imported by the checks themselves."""

import asyncio
import subprocess
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, NamedTuple

from netstack.model.ble import Question, QuestionKind
from netstack.model.bluetooth_error import BluetoothError

if TYPE_CHECKING:
    from netstack.radio.bleak_central import BleakLink
    from netstack.radio.bluez import BluezRadio
    from netstack.radio.protocol import Ask, PacketLink
    from tests.radio.peer import Peer

Reason = BluetoothError.Reason
WINDOW = 16
PACKETS = 150


class World:
    """What checks share: BlueZ once it runs, and the device on the second controller."""

    peer: "Peer"
    radio: "BluezRadio"

    def __init__(self, start_bluetoothd: "Callable[[], subprocess.Popen[bytes]]") -> None:
        self.start_bluetoothd = start_bluetoothd

    @asynccontextmanager
    async def connected(self) -> "AsyncIterator[BleakLink]":
        """A connection to the peer, closed afterwards; the peer is seen to be free again."""
        from tests.radio.peer import ADDRESS

        link = await self.radio.connect(ADDRESS, lambda: None)
        try:
            yield link
        finally:
            await link.close()
            await until(lambda: not self.peer.device.connections)

    @asynccontextmanager
    async def asking(self, ask: "Ask") -> AsyncIterator[None]:
        """Questions of pairings go to `ask`."""
        self.radio.ask = ask
        try:
            yield
        finally:
            self.radio.ask = None


class Check(NamedTuple):
    """A named behaviour."""

    name: str
    run: Callable[[World], Awaitable[None]]


CHECKS: list[Check] = []


def check(function: Callable[[World], Awaitable[None]]) -> Callable[[World], Awaitable[None]]:
    """Adds a check; its name is the function's, in words."""
    CHECKS.append(Check(function.__name__.replace("_", " "), function))
    return function


async def until(holds: Callable[[], object], within_s: float = 30.0) -> None:
    """Waits for something to become true."""
    async with asyncio.timeout(within_s):
        while not holds():  # noqa: ASYNC110 - what is waited for belongs to other libraries
            await asyncio.sleep(0.02)


async def shell(command: str) -> str:
    """Runs a command to its end; gives what it said."""
    done = await asyncio.to_thread(
        subprocess.run, command, shell=True, capture_output=True, text=True, check=False
    )
    return done.stdout + done.stderr


@check
async def a_computer_without_the_service(world: World) -> None:
    from netstack.radio.bluez import BluezRadio

    world.radio = BluezRadio()
    found = await world.radio.preflight()
    assert found.failure == Reason.NO_SERVICE, found


@check
async def bluez_and_the_peer_come_up(world: World) -> None:
    from tests.radio.peer import Peer

    # In this order: a controller that is taken while BlueZ looks at it can keep the other one from it.
    world.peer = await Peer.start("hci-socket:1")
    world.start_bluetoothd()
    await settled(world, None, Reason.POWERED_OFF)


@check
async def an_adapter_that_is_off_blocked_or_ready(world: World) -> None:
    await shell("btmgmt -i 0 power off")
    found = await world.radio.preflight()
    assert (found.failure, found.can_join) == (Reason.POWERED_OFF, False), found
    said = await shell("btmgmt -i 0 power on")
    found = await world.radio.preflight()
    assert found.failure is None, (found, said)
    assert (found.adapter, found.can_join, found.can_host) == ("hci0", True, True)
    switch = (await shell("grep -l hci0 /sys/class/rfkill/*/name")).strip().replace("/name", "/state")
    await shell(f"echo 0 >{switch}")
    await settled(world, Reason.BLOCKED)
    await shell(f"echo 1 >{switch}; btmgmt -i 0 power on")
    await settled(world, None)


@check
async def a_scan_tells_name_services_and_maker(world: World) -> None:
    from tests.radio.peer import ADDRESS, COMPANY_ID, HEART_RATE, NAME

    heard: dict[str, object] = {}
    async with world.radio.scanning(lambda each: heard.update({each.address: each})):
        await until(lambda: ADDRESS in heard)
    found = heard[ADDRESS]
    assert found.name == NAME
    assert found.rssi_dbm is None, "the emulated radio says 127: it does not know"
    assert found.service_uuids == (HEART_RATE,)
    assert (found.company_id, found.company_data) == (COMPANY_ID, b"\1\2")


@check
async def a_scan_for_a_service_hears_only_who_offers_it(world: World) -> None:
    from tests.radio.peer import ADDRESS, ECHO_SERVICE, HEART_RATE

    heard: list[str] = []
    async with world.radio.scanning(lambda each: heard.append(each.address), (HEART_RATE,)):
        await until(lambda: heard)
    assert set(heard) == {ADDRESS}
    heard.clear()
    async with world.radio.scanning(lambda each: heard.append(each.address), (ECHO_SERVICE,)):
        await asyncio.sleep(2)
    assert not heard


@check
async def one_gatt_echo(world: World) -> None:
    from tests.radio.peer import ECHO_NOTIFY, ECHO_WRITE

    heard: asyncio.Queue[bytes] = asyncio.Queue()
    async with world.connected() as link:
        handles = handles_of(link)
        await link.subscribe(handles[ECHO_NOTIFY], heard.put_nowait)
        for response in (False, True):
            await link.write(handles[ECHO_WRITE], b"are you there?", response=response)
            assert await asyncio.wait_for(heard.get(), 5) == b"are you there?"
        await link.unsubscribe(handles[ECHO_NOTIFY])
        assert link.mtu_bytes is not None
        assert link.mtu_bytes > 200


@check
async def what_a_device_refuses_is_said(world: World) -> None:
    from tests.radio.peer import ECHO_WRITE, REFUSING

    async with world.connected() as link:
        handles = handles_of(link)
        await raises(Reason.NOT_ALLOWED, link.read(handles[REFUSING]))
        await raises(Reason.BAD_LENGTH, link.write(handles[REFUSING], b"x", response=True))
        await raises(Reason.GONE, link.read(0x7FFF))
    await raises(Reason.LOST, link.read(handles[ECHO_WRITE]))


@check
async def just_works_pairing_with_our_agent(world: World) -> None:
    from tests.radio.peer import ADDRESS, GREETING, SECRET, Person

    world.peer.person = Person()
    async with world.connected() as link:
        await link.pair()
        assert await link.read(handles_of(link)[SECRET]) == GREETING
    assert world.peer.pairings == 1
    assert [bond.address for bond in await world.radio.bonds()] == [ADDRESS]


@check
async def a_bond_encrypts_the_next_connection_without_pairing(world: World) -> None:
    from tests.radio.peer import GREETING, SECRET

    async with world.connected() as link:
        assert await link.read(handles_of(link)[SECRET]) == GREETING
        assert (link.mtu_bytes or 0) > 200, "of a device whose services BlueZ knows already"
    assert world.peer.pairings == 1


@check
async def a_peer_that_drops_is_told_once_and_can_be_reached_again(world: World) -> None:
    from tests.radio.peer import ADDRESS

    lost: list[None] = []
    link = await world.radio.connect(ADDRESS, lambda: lost.append(None))
    await world.peer.drop()
    await until(lambda: lost)
    assert not link.is_open
    await link.close()
    assert len(lost) == 1
    async with world.connected() as again:
        assert again.services


@check
async def unpairing_forgets_the_bond(world: World) -> None:
    from tests.radio.peer import ADDRESS

    await world.radio.unpair(ADDRESS)
    await world.peer.forget()
    assert await world.radio.bonds() == ()
    await raises(Reason.NOT_FOUND, world.radio.unpair(ADDRESS))


@check
async def a_passkey_shown_there_is_typed_here(world: World) -> None:
    from tests.radio.peer import GREETING, SECRET, Capability, Person

    person = world.peer.person = Person(Capability.DISPLAY_OUTPUT_ONLY)
    asked = []

    async def ask(question: Question) -> int | bool:
        asked.append(question.kind)
        return await asyncio.wait_for(person.shown.get(), 10)

    async with world.asking(ask), world.connected() as link:
        await link.pair()
        assert asked == [QuestionKind.ENTER]
        assert await link.read(handles_of(link)[SECRET]) == GREETING
    await unpaired(world)


@check
async def a_passkey_shown_here_is_typed_there(world: World) -> None:
    from tests.radio.peer import ADDRESS, GREETING, SECRET, Capability, Person

    person = world.peer.person = Person(Capability.KEYBOARD_INPUT_ONLY)
    asked, withdrawn = [], []

    async def ask(question: Question) -> int | bool:
        asked.append(question)
        assert question.passkey is not None
        person.typed.put_nowait(question.passkey)
        try:
            await asyncio.sleep(30)
        except asyncio.CancelledError:
            withdrawn.append(question)
            raise
        return True

    async with world.asking(ask), world.connected() as link:
        await link.pair()
        await until(lambda: withdrawn)
        assert [(each.kind, each.address) for each in asked] == [(QuestionKind.SHOW, ADDRESS)]
        assert await link.read(handles_of(link)[SECRET]) == GREETING
    await unpaired(world)


@check
async def numbers_are_compared_on_both_sides(world: World) -> None:
    from tests.radio.peer import GREETING, SECRET, Capability, Person

    person = world.peer.person = Person(Capability.DISPLAY_OUTPUT_AND_YES_NO_INPUT)
    here = []

    async def ask(question: Question) -> int | bool:
        assert question.kind is QuestionKind.COMPARE
        here.append(question.passkey)
        return True

    async with world.asking(ask), world.connected() as link:
        await link.pair()
        assert here == [person.shown.get_nowait()]
        assert await link.read(handles_of(link)[SECRET]) == GREETING
    await unpaired(world)


@check
async def a_protected_value_pairs_by_itself_and_asks_us(world: World) -> None:
    from tests.radio.peer import GREETING, SECRET, Capability, Person

    person = world.peer.person = Person(Capability.DISPLAY_OUTPUT_ONLY)

    async def ask(question: Question) -> int | bool:
        assert question.kind is QuestionKind.ENTER
        return await asyncio.wait_for(person.shown.get(), 10)

    async with world.asking(ask), world.connected() as link:
        assert await link.read(handles_of(link)[SECRET]) == GREETING
    await unpaired(world)


@check
async def a_pairing_refused_here_or_there_says_so(world: World) -> None:
    from tests.radio.peer import Capability, Person

    async def refuse(question: Question) -> int | bool:
        return False

    async def wrong(question: Question) -> int | bool:
        return (await asyncio.wait_for(person.shown.get(), 10) + 1) % 1_000_000

    person = world.peer.person = Person(Capability.DISPLAY_OUTPUT_AND_YES_NO_INPUT)
    async with world.asking(refuse), world.connected() as link:
        await raises(Reason.REFUSED_HERE, link.pair())
    person = world.peer.person = Person(Capability.DISPLAY_OUTPUT_ONLY)
    async with world.asking(wrong), world.connected() as link:
        await raises(Reason.WRONG_PASSKEY, link.pair())
    person = world.peer.person = Person()
    person.agrees = False
    async with world.connected() as link:
        await raises(Reason.PAIRING_FAILED, link.pair())  # all that BlueZ tells
    assert await world.radio.bonds() == ()


@check
async def bleak_alone_joins_and_does_not_host(world: World) -> None:
    from netstack.radio.bleak_central import BleakCentral
    from netstack.radio.system import BleakRadio
    from tests.radio.peer import ADDRESS, ECHO_SERVICE

    radio = BleakRadio(BleakCentral())
    found = await radio.preflight()
    assert (found.failure, found.can_join, found.can_host) == (None, True, False)
    link = await radio.connect(ADDRESS, lambda: None)
    assert ECHO_SERVICE in {service.uuid for service in link.services}
    await radio.close()
    assert not link.is_open
    await until(lambda: not world.peer.device.connections)


@check
async def our_service_to_a_bumble_central(world: World) -> None:
    from netstack.wire.ble_peer import (
        FROM_HOST_UUID,
        TO_HOST_UUID,
        decode_control,
        encode_size,
        nameplate_uuid,
    )
    from tests.radio.central import Central

    nameplate = nameplate_uuid("mailbox", host=True)
    sink = Sink()
    async with world.radio.serving(nameplate, sink.accept):
        central = await Central.find(world.peer.device, nameplate)
        assert central.advertised == [nameplate]
        control = decode_control(await central.control())
        await central.subscribe()
        await until(lambda: sink.links)
        link = sink.links[0]
        sizes = link.max_packet_bytes, control.max_packet_bytes, central.mtu_bytes - 3
        assert sizes[0] == sizes[1] == min(510, sizes[2]), sizes
        sent = [bytes([number % 256]) * (1 + number * 7 % link.max_packet_bytes) for number in range(PACKETS)]
        for packet in sent:
            await central.write(packet)
        await settled_count(sink.packets, len(sent))
        assert sink.packets == sent, differences(sent, sink.packets)
        for number, packet in enumerate(sent):
            # The emulated link says at once that a packet arrived, so a faster sender overruns the slow Bumble.
            await until(lambda number=number: len(central.heard) > number - WINDOW)
            await link.send(packet)
        await settled_count(central.heard, len(sent))
        assert central.heard == sent, differences(sent, central.heard)
        await central.leave()
        await until(lambda: sink.lost)
        central = await Central.find(world.peer.device, nameplate, mtu_bytes=100)
        await central.write(encode_size(97))
        await central.subscribe()
        await until(lambda: len(sink.links) == 2)
        print(f"a central that asked for 100 B: BlueZ says {decode_control(await central.control())}")
        assert sink.links[1].max_packet_bytes == 97, "whatever BlueZ makes of two MTUs that were asked for"
        await sink.links[1].send(bytes(97))
        await until(lambda: central.heard == [bytes(97)])
    await until(lambda: sink.lost == 2)
    await until(lambda: not world.peer.device.connections)
    await world.peer.advertise()
    assert TO_HOST_UUID != FROM_HOST_UUID


async def settled_count(came: list[bytes], wanted: int) -> None:
    """Waits until all have come, or nothing more comes for a while."""
    count = -1
    while len(came) < wanted and len(came) != count:
        count = len(came)
        await asyncio.sleep(3)


def differences(sent: list[bytes], came: list[bytes]) -> str:
    """How many, and the first place where they are not the same."""
    place = next(
        (n for n, (a, b) in enumerate(zip(sent, came, strict=False)) if a != b), min(len(sent), len(came))
    )
    return f"{len(came)} of {len(sent)} came; number {place} of {len(sent[place])} B differs"


class Sink:
    """Takes links as a transport would, and keeps what comes."""

    def __init__(self) -> None:
        self.links: list[PacketLink] = []
        self.packets: list[bytes] = []
        self.lost = 0

    def accept(self, link: "PacketLink") -> "Sink":
        self.links.append(link)
        return self

    def packet_received(self, packet: bytes) -> None:
        self.packets.append(packet)

    def packet_link_lost(self) -> None:
        self.lost += 1


async def settled(world: World, *failures: Reason | None) -> None:
    """Waits until the preflight finds one of these."""
    found = await world.radio.preflight()
    for _ in range(300):
        if found.failure in failures:
            return
        await asyncio.sleep(0.1)
        found = await world.radio.preflight()
    raise AssertionError(found)


def handles_of(link: "BleakLink") -> dict[str, int]:
    """UUID -> handle of every characteristic."""
    return {each.uuid: each.handle for service in link.services for each in service.characteristics}


async def raises(reason: Reason, attempt: Awaitable[object]) -> None:
    """`attempt` must fail for this reason."""
    try:
        await attempt
    except BluetoothError as error:
        if error.reason is not reason:
            raise
    else:
        raise AssertionError(f"it did not fail with {reason}")


async def unpaired(world: World) -> None:
    """As if the two had never met."""
    from tests.radio.peer import ADDRESS

    await world.radio.unpair(ADDRESS)
    await world.peer.forget()
    world.peer.pairings = 0
