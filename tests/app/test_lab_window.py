"""The lab in the window: which scenario opens, and what its actions do to a real LabNode in the engine."""

import asyncio
from pathlib import Path

import pytest

from app.actions import Action, Actions
from app.engine import Engine
from app.lab_window import (
    FIRST_SCENARIO,
    OpenError,
    chosen_scenario,
    lab_actions,
    loop_maker,
    node_maker,
    open_window,
    scenario_lines,
)
from netstack.errors import InputError
from netstack.lab.scenario import NAMES
from netstack.model.config import Config
from netstack.model.snapshot import Snapshot


@pytest.mark.parametrize(
    ("given", "kept", "opened"),
    [
        ("vpn", "cgnat", "vpn"),
        ("", "cgnat", "cgnat"),
        ("", "gone", FIRST_SCENARIO),
        ("", None, FIRST_SCENARIO),
    ],
)
def test_the_scenario_that_was_asked_for_or_the_last_one_opens(given, kept, opened):
    assert chosen_scenario(given, kept) == opened


def test_an_unknown_scenario_is_told():
    with pytest.raises(InputError):
        chosen_scenario("nowhere", "cgnat")


def test_every_scenario_has_a_name_and_a_sentence():
    lines = scenario_lines()
    assert tuple(line.name for line in lines) == NAMES
    assert all(line.title and line.story for line in lines)


def test_a_program_that_cannot_be_started_is_told(monkeypatch, tmp_path: Path):
    monkeypatch.setattr("sys.executable", str(tmp_path / "gone"))
    with pytest.raises(OpenError):
        open_window(None)


async def ended(action: Action) -> None:
    async with asyncio.timeout(30):
        while action.busy:  # noqa: ASYNC110
            await asyncio.sleep(0.01)


async def test_hands_reach_the_world_and_another_scenario_takes_its_place(expected_logs, tmp_path):
    expected_logs("reboot failed")
    engine = Engine(node_maker("home", Config(), tmp_path / "peerscope.toml"), loop_maker())
    actions = Actions()
    lab = lab_actions(actions, engine, None)
    seen: list[Snapshot] = []
    engine.changed.connect(seen.append)
    engine.start()

    def links() -> dict[str, tuple[float, bool]]:
        return {link.name: (link.delay_s, link.cut) for link in seen[-1].lab.links}

    async def until(condition) -> None:
        async with asyncio.timeout(20):
            while not (seen and seen[-1].lab and condition()):  # noqa: ASYNC110
                await asyncio.sleep(0.01)

    await until(lambda: True)
    before = links()
    name = "anna-router-internet"
    for action, arguments, wanted in (
        (lab.link, (name, {"delay_s": 0.25}), (0.25, False)),
        (lab.cut, (name, True), (0.25, True)),
        (lab.reset, (name,), before[name]),
    ):
        action.run(*arguments)
        await ended(action)
        assert not action.failure
        await until(lambda wanted=wanted: links()[name] == wanted)
    lab.reboot.run("nobody")
    await ended(lab.reboot)
    assert "nobody" in lab.reboot.failure
    lab.story.run()
    await until(lambda: seen[-1].story.running)
    lab.scenario.run("cgnat")
    await ended(lab.scenario)
    assert not lab.story.busy
    await until(lambda: seen[-1].network == "cgnat")
    assert not seen[-1].story.nat
    await actions.stop()
    await engine.close()


async def test_on_the_real_network_no_hand_is_laid(expected_logs):
    expected_logs("cut failed")

    class Real:
        snapshot = Snapshot()

        async def start(self) -> None: ...

        async def close(self) -> None: ...

        def subscribe(self, _):
            return lambda: None

        def failed(self, _): ...

    engine = Engine(Real)
    actions = Actions()
    lab = lab_actions(actions, engine, None)
    engine.start()
    lab.cut.run("a-b", True)
    await ended(lab.cut)
    assert "real network" in lab.cut.failure
    await engine.close()
