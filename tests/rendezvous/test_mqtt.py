"""Against mosquitto, a broker that nobody here wrote."""

import asyncio
import shutil
import socket
import subprocess
import time
from collections.abc import Generator
from pathlib import Path

import aiomqtt
import pytest

from netstack.core.rendezvous_uri import RendezvousUri
from netstack.model.meeting import Role, Way, WayState
from netstack.rendezvous.mqtt import TOPIC, MqttDriver
from tests.rendezvous.conftest import MAILBOX, running

BROKER = shutil.which(
    "mosquitto", path="/usr/sbin:/usr/local/sbin:/usr/bin:/usr/local/bin:/opt/homebrew/sbin"
)


@pytest.fixture(scope="module")
def broker(tmp_path_factory: pytest.TempPathFactory) -> Generator[RendezvousUri, None, None]:
    if BROKER is None:
        pytest.skip("mosquitto is not installed")
    folder: Path = tmp_path_factory.mktemp("mosquitto")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    config = folder / "mosquitto.conf"
    config.write_text(f"listener {port} 127.0.0.1\nallow_anonymous true\npersistence false\nuser root\n")
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen([BROKER, "-c", str(config)], stdout=log, stderr=log)
    try:
        until = time.monotonic() + 10
        while time.monotonic() < until:
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", port)) == 0:
                    break
            time.sleep(0.02)
        yield RendezvousUri(Way.MQTT, "127.0.0.1", port)
    finally:
        process.terminate()
        process.wait(5)


async def test_notes_pass_both_ways_and_never_come_back(broker: RendezvousUri) -> None:
    one, other = MqttDriver(broker), MqttDriver(broker)
    async with running(one, other) as (first, second):
        for inbox, driver in ((first, one), (second, other)):
            await inbox.until(lambda driver=driver: driver.health.state is WayState.READY)
        one.send(b"note")
        await second.until(lambda: second.notes == [b"note"])
        other.send(bytes(4096))
        await first.until(lambda: first.notes == [bytes(4096)])
    assert (one.health.sent, one.health.received) == (1, 1)


async def test_mailboxes_do_not_mix_and_nothing_is_left_behind(broker: RendezvousUri) -> None:
    one = MqttDriver(broker)
    async with running(one) as (first,):
        await first.until(lambda: one.health.state is WayState.READY)
        other = MqttDriver(broker)
        async with running(other, mailbox="482916") as (second,):
            await second.until(lambda: other.health.state is WayState.READY)
            one.send(b"gone")
            await first.until(lambda: one.health.sent == 1)
            late = MqttDriver(broker)
            async with running(late, roles=(Role.GUEST,)) as (third,):
                await third.until(lambda: late.health.state is WayState.READY)
                await asyncio.sleep(0.1)
            assert second.notes == third.notes == []


async def test_the_broker_is_asked_to_forget_a_note_after_ten_minutes(broker: RendezvousUri) -> None:
    async with aiomqtt.Client(broker.host, broker.port, protocol=aiomqtt.ProtocolVersion.V5) as stranger:
        await stranger.subscribe(TOPIC + MAILBOX)
        driver = MqttDriver(broker)
        async with running(driver) as (inbox,), asyncio.timeout(10):
            await inbox.until(lambda: driver.health.state is WayState.READY)
            driver.send(b"note")
            seen = await anext(aiter(stranger.messages))
    assert seen.payload == b"note"
    assert not seen.retain
    assert seen.properties is not None
    assert 0 < seen.properties.MessageExpiryInterval <= 600


async def test_retained_large_and_foreign_messages_are_dropped(broker: RendezvousUri) -> None:
    async with aiomqtt.Client(broker.host, broker.port) as stranger:
        await stranger.publish(TOPIC + MAILBOX, b"retained", retain=True)
        driver = MqttDriver(broker)
        async with running(driver) as (inbox,):
            await inbox.until(lambda: driver.health.state is WayState.READY)
            await stranger.publish(TOPIC + MAILBOX, bytes(4097))
            await stranger.publish(TOPIC + MAILBOX, bytes(100_000))
            await stranger.publish(TOPIC + MAILBOX, b"")
            await stranger.publish(TOPIC + MAILBOX + "/x", b"elsewhere")
            await stranger.publish(TOPIC + MAILBOX, b"last")
            await inbox.until(lambda: b"last" in inbox.notes)
            assert inbox.notes == [b"last"]
            assert driver.health.dropped == 2  # the broker itself keeps back what is far too large
        await stranger.publish(TOPIC + MAILBOX, b"", retain=True)


async def test_a_wildcard_is_no_mailbox(broker: RendezvousUri) -> None:
    for name in ("#", "+", "a/b", ""):
        driver = MqttDriver(broker)
        async with running(driver, mailbox=name) as (inbox,):
            await inbox.until(lambda driver=driver: driver.health.state is WayState.FAILED)
        assert driver.health.text == "No mailbox has that name."


async def test_a_broker_that_is_not_there_is_told(broker: RendezvousUri) -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        driver = MqttDriver(RendezvousUri(Way.MQTT, "127.0.0.1", probe.getsockname()[1]))
        async with running(driver) as (inbox,):
            await inbox.until(lambda: driver.health.state is WayState.FAILED)
    assert driver.health.text.startswith("The broker")
    assert "refused" in driver.health.text.lower()
