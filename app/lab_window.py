"""The lab in the window: its Node, its actions, and the second window that keeps real and virtual apart."""

import asyncio
import sys
from collections.abc import Callable
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from PySide6.QtCore import QProcess

from app.__main__ import FIRST_SCENARIO
from app.actions import Action, Actions
from app.engine import Engine
from app.panels.lab import LabActions
from netstack.config import config_path, history_path
from netstack.errors import Fault, InputError, PeerscopeError
from netstack.model.config import Config
from netstack.model.lab import GridState, ScenarioLine

if TYPE_CHECKING:
    from netstack.lab.node import LabNode
    from netstack.node import Node


class OpenError(PeerscopeError):
    """The lab's own window did not open."""

    class Reason(StrEnum):
        """Why not."""

        PROGRAM = "program-not-started"

    TABLE: ClassVar = {Reason.PROGRAM: (Fault.PC, "The lab's window could not be started.")}


def chosen_scenario(given: str, kept: object) -> str:
    """The scenario to open: the one that was asked for, the last one, or the first.

    Raises InputError when the one that was asked for does not exist.
    """
    from netstack.lab.scenario import NAMES, load_scenario  # noqa: PLC0415 - the first window need not wait

    name = given or (kept if isinstance(kept, str) and kept in NAMES else FIRST_SCENARIO)
    load_scenario(name)
    return name


def scenario_lines() -> tuple[ScenarioLine, ...]:
    """Every scenario, in the order in which they are told."""
    from netstack.lab.scenario import NAMES, load_scenario  # noqa: PLC0415

    found = map(load_scenario, NAMES)
    return tuple(ScenarioLine(name=each.name, title=each.title, story=each.story) for each in found)


def node_maker(name: str, config: Config, file: Path, grid: GridState | None = None) -> "Callable[[], Node]":
    """What makes the Node of a scenario, on the engine's thread."""

    def make() -> "Node":
        from netstack.lab.node import LabNode  # noqa: PLC0415

        return LabNode(name, config, grid=grid, history=history_path(lab=True), settings_file=file)

    return make


def loop_maker() -> Callable[[], asyncio.AbstractEventLoop]:
    """The loop on which libraries reach the lab."""
    from netstack.lab.loop import RealTimeLabLoop  # noqa: PLC0415

    return RealTimeLabLoop


def open_window(config_file: Path | None) -> None:
    """Starts this program once more, on the lab. It goes on when this one ends. Raises OpenError."""
    program = [] if getattr(sys, "frozen", False) else ["-m", "app"]
    config = [] if config_file is None else ["--config", str(config_file)]
    started, _ = QProcess.startDetached(sys.executable, [*program, "--lab", *config])
    if not started:
        raise OpenError(OpenError.Reason.PROGRAM)


def lab_actions(actions: Actions, engine: Engine, config_file: Path | None) -> LabActions:
    """What the Lab page starts."""

    async def lay_hands(work: "Callable[[LabNode], None]") -> None:
        async def act(node: "Node") -> None:
            work(_lab_node(node))

        await engine.call(act, "hand")

    async def choose(name: str) -> None:
        await actions.end_all_but(scenario)

        async def known(node: "Node") -> tuple[GridState, Config]:
            return node.snapshot.grid, node.settings.config

        grid, config = await engine.call(known, "grid")
        await engine.renew(node_maker(name, config, config_path(config_file), grid))

    async def set_link(name: str, changes: dict[str, object]) -> None:
        await lay_hands(lambda node: node.set_link(name, **changes))

    async def cut(name: str, cut: bool) -> None:
        await lay_hands(lambda node: node.cut_link(name, cut=cut))

    async def reset(name: str) -> None:
        await lay_hands(lambda node: node.reset_link(name))

    async def reboot(name: str) -> None:
        await lay_hands(lambda node: node.reboot_nat(name))

    async def open_lab() -> None:
        open_window(config_file)

    scenario: Action = actions.add("scenario", choose)
    return LabActions(
        scenario=scenario,
        story=actions.add("story", lambda: engine.call(lambda node: _lab_node(node).play(), "story")),
        link=actions.add("link", set_link, quiet=True),
        cut=actions.add("cut", cut),
        reset=actions.add("reset", reset),
        reboot=actions.add("reboot", reboot),
        grid=actions.add("grid", lambda n: engine.call(lambda node: _lab_node(node).fill_grid(n), "grid")),
        open=actions.add("open the lab", open_lab),
    )


def _lab_node(node: "Node") -> "LabNode":
    from netstack.lab.node import LabNode  # noqa: PLC0415

    if not isinstance(node, LabNode):
        raise InputError(InputError.Reason.USAGE, "this window is on the real network")
    return node
