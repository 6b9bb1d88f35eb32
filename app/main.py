"""Composition root of the window: Qt, the loop, the engine, the pages, and the order of the end."""

import argparse
import asyncio
import logging
import os
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

os.environ["QT_API"] = "pyside6"

import msgspec
import qasync
from PySide6.QtCore import QMetaObject, QSettings, Qt
from PySide6.QtWidgets import QApplication

from app.actions import Actions
from app.engine import Engine
from app.garbage import UiGarbage
from app.panels.metrics import MetricsActions, MetricsPage
from app.panels.nat import NatActions, NatPage
from app.presenters.nat_servers import problem
from app.widgets.theme import Choice, Theme
from app.window import Window
from netstack.config import Config, load_config, user_config_path
from netstack.errors import PeerscopeError
from netstack.model.path import PlotData

if TYPE_CHECKING:
    from netstack.node import Node

FIRST_SCENARIO = "home"


def main(argv: list[str]) -> int:
    """Opens the window and returns when it is closed: 0 fine, 2 wrong use."""
    options = _parse(argv)
    warnings: list[str] = []
    try:
        config = load_config(options.config, warn=warnings)
        make_node = _node_maker(options.lab)
    except PeerscopeError as error:
        print(error.sentence, file=sys.stderr)
        return 2
    # What the window itself has to tell belongs into the same log, which the stack keeps.
    logging.getLogger("app").parent = logging.getLogger("netstack")
    logging.getLogger("netstack").setLevel(logging.INFO)
    app = QApplication([sys.argv[0]])
    app.setApplicationName("Peerscope")
    app.setDesktopFileName("peerscope")
    app.setQuitOnLastWindowClosed(False)
    garbage = UiGarbage()
    settings = QSettings(str(user_config_path().with_name("window.ini")), QSettings.Format.IniFormat)
    with qasync.QEventLoop(app) as loop:
        loop.run_until_complete(
            _run(app, settings, config, make_node, own_servers=options.config is None and options.lab is None)
        )
    garbage.stop()
    return 0


def _parse(argv: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="peerscope", description="Opens the window.")
    parser.add_argument("--config", type=Path, metavar="FILE", help="the configuration (TOML)")
    parser.add_argument(
        "--lab",
        nargs="?",
        const="",
        metavar="SCENARIO",
        help="on the virtual internet instead of the real one",
    )
    return parser.parse_args(argv)


def _node_maker(scenario: str | None) -> "Callable[[Config], Node]":
    """What makes the Node, on the engine's thread: on the real network, or in a scenario of the lab.

    What it needs is imported there, so that the first window need not wait. Raises InputError.
    """

    def on_system(config: Config) -> "Node":
        from netstack.net.system import SystemNet  # noqa: PLC0415
        from netstack.node import Node  # noqa: PLC0415

        return Node(SystemNet(), config)

    def in_lab(config: Config) -> "Node":
        from netstack.lab.node import LabNode  # noqa: PLC0415

        return LabNode(name, config)

    if scenario is None:
        return on_system
    from netstack.lab.scenario import load_scenario  # noqa: PLC0415

    name = scenario or FIRST_SCENARIO
    load_scenario(name)
    return in_lab


async def _run(
    app: QApplication,
    settings: QSettings,
    config: Config,
    make_node: "Callable[[Config], Node]",
    *,
    own_servers: bool,
) -> None:
    """Shows the window until it is closed, then ends everything in order.

    `own_servers`: the servers that the user edits in the window are kept between starts.
    """
    defaults = config.stun if own_servers else ()
    if own_servers and (kept := _kept_servers(settings)):
        config = msgspec.structs.replace(config, stun=kept)
    engine = Engine(lambda: make_node(config))
    actions = Actions()

    async def use_servers(servers: tuple[str, ...]) -> None:
        async def use(node: "Node") -> None:
            node.set_stun_servers(servers)

        await engine.call(use, "servers")
        if own_servers:
            settings.setValue("nat/servers", [] if servers == defaults else list(servers))

    theme = Theme(app, _kept_theme(settings))
    window = Window(theme, settings)
    window.add_page(
        NatPage(
            theme,
            NatActions(
                actions.add("check", lambda: engine.call(lambda node: node.check_nat(), "check")),
                actions.add(
                    "lifetime", lambda: engine.call(lambda node: node.check_nat(lifetime=True), "check")
                ),
                actions.add("servers", use_servers),
            ),
            defaults,
        )
    )

    async def pull_plots() -> None:
        async def read(node: "Node") -> PlotData:
            return node.plot_data()

        metrics.show_data(await engine.call(read, "plots"))

    metrics = MetricsPage(
        theme,
        MetricsActions(
            actions.add("rehearsal", lambda: engine.call(lambda node: node.rehearse(), "rehearsal")),
            actions.add("plots", pull_plots, quiet=True),
        ),
    )
    window.add_page(metrics)
    closed = asyncio.Event()
    window.closing.connect(closed.set)
    engine.changed.connect(window.show_snapshot)
    engine.failed.connect(window.show_failure)
    window.restore()
    window.show()
    engine.start()
    with _closed_by_signals(window):
        await closed.wait()
    await actions.stop()
    await engine.close()
    window.deleteLater()


def _kept_servers(settings: QSettings) -> tuple[str, ...]:
    value = settings.value("nat/servers")
    texts = [value] if isinstance(value, str) else value if isinstance(value, list) else []
    kept: tuple[str, ...] = ()
    for text in texts:
        if isinstance(text, str) and not problem(text, kept):
            kept = (*kept, text)
    return kept


def _kept_theme(settings: QSettings) -> Choice:
    value = settings.value("window/theme")
    return Choice(value) if value in tuple(Choice) else Choice.SYSTEM


@contextmanager
def _closed_by_signals(window: Window) -> Iterator[None]:
    """Ctrl+C in the terminal, or a polite kill, closes the window as a click does."""
    numbers = (signal.SIGINT, signal.SIGTERM)

    def close(*_: object) -> None:
        # In a turn of its own: a signal comes between any two instructions, in the middle of painting too.
        QMetaObject.invokeMethod(window, "close", Qt.ConnectionType.QueuedConnection)

    before = {number: signal.signal(number, close) for number in numbers}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
