"""Composition root of the window: Qt, the loop, the engine, the pages, and the order of the end."""

import argparse
import asyncio
import logging
import os
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

os.environ["QT_API"] = "pyside6"

import platformdirs
import qasync
from PySide6.QtCore import QMetaObject, QSettings, Qt
from PySide6.QtWidgets import QApplication

from app.actions import Actions
from app.bluetooth_window import bluetooth_actions
from app.engine import Engine
from app.garbage import UiGarbage
from app.history_window import history_actions
from app.lab_window import chosen_scenario, lab_actions, loop_maker, node_maker, scenario_lines
from app.link_door import LinkDoor, door_name, hand_over
from app.panels.bluetooth import BluetoothPage
from app.panels.check import CheckActions, CheckPage
from app.panels.history import HistoryPage
from app.panels.lab import LabPage
from app.panels.metrics import MetricsActions, MetricsPage
from app.panels.nat import NatActions, NatPage
from app.panels.peers import PeersPage
from app.panels.relays import RelaysActions, RelaysPage
from app.panels.settings import SettingsPage
from app.peer_window import first_state, peers_actions
from app.settings_window import settings_actions
from app.widgets.theme import Choice, Theme
from app.window import Window
from netstack.config import config_path, history_path, load_config, shipped_config, user_config_path
from netstack.errors import PeerscopeError
from netstack.model.config import Config
from netstack.model.path import PlotData
from netstack.model.peers import PeersState

if TYPE_CHECKING:
    from netstack.node import Node
    from netstack.service.turn_login import TurnLogin


def main(argv: list[str]) -> int:
    """Opens the window and returns when it is closed: 0 fine, 2 wrong use."""
    options = _parse(argv)
    warnings: list[str] = []
    try:
        config = load_config(options.config, warn=warnings)
        settings = _settings("window.ini" if options.lab is None else "lab.ini")
        scenario = (
            None if options.lab is None else chosen_scenario(options.lab, settings.value("lab/scenario"))
        )
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
    if options.link and options.lab is None and hand_over(options.link, door_name()):
        return 0
    garbage = UiGarbage()
    with qasync.QEventLoop(app) as loop:
        loop.run_until_complete(_run(app, settings, config, scenario, options.config, options.link))
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
    parser.add_argument(
        "link",
        nargs="?",
        default="",
        metavar="LINK",
        help="an invitation (peerscope:...), only to fill in the form",
    )
    return parser.parse_args(argv)


def _on_system(config: Config, file: Path, peers: PeersState) -> "Node":
    """The Node on the real network; what it needs is imported here, so that the first window need not wait."""
    from netstack.net.system import SystemNet  # noqa: PLC0415
    from netstack.node import Node  # noqa: PLC0415

    home = platformdirs.user_data_path("peerscope", appauthor=False)
    folder = platformdirs.user_downloads_path() / "Peerscope"
    return Node(
        SystemNet(),
        config,
        home=home,
        folder=folder,
        peers=peers,
        history=history_path(),
        settings_file=file,
    )


async def _run(
    app: QApplication,
    settings: QSettings,
    config: Config,
    scenario: str | None,
    config_file: Path | None,
    link: str,
) -> None:
    """Shows the window until it is closed, then ends everything in order. `scenario`: it is the lab's window."""
    file = config_path(config_file)
    defaults = shipped_config().stun if scenario is None else ()
    if scenario is None:
        peers = first_state(config, settings)
        engine = Engine(lambda: _on_system(config, file, peers))
    else:
        peers = PeersState(ways=("lab",))
        settings.setValue("lab/scenario", scenario)
        engine = Engine(node_maker(scenario, config, file), loop_maker())
    actions = Actions()

    async def use_servers(servers: tuple[str, ...]) -> None:
        await engine.call(lambda node: node.choose_stun_servers(servers), "servers")

    given = settings if scenario is None or settings.contains("window/theme") else _settings("window.ini")
    theme = Theme(app, _kept_theme(given))
    window = Window(theme, settings)

    async def retest(rule: str) -> None:
        check.tell_retest(rule, await engine.call(lambda node: node.retest(rule), "retest"))

    check = CheckPage(
        theme,
        CheckActions(
            actions.add("examine", lambda: engine.call(lambda node: node.examine(), "examine")),
            actions.add("retest", retest),
            actions.add("port", lambda text: engine.call(lambda node: node.look_at_port(text), "port")),
            actions.add("knock", lambda peer: engine.call(lambda node: node.knock(peer), "knock")),
            actions.add("load", lambda peer: engine.call(lambda node: node.measure_load(peer), "load")),
        ),
    )
    window.add_page(check)
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

    window.add_page(RelaysPage(theme, _relays_actions(actions, engine)))
    window.add_page(BluetoothPage(theme, bluetooth_actions(actions, engine)))
    peers_page = PeersPage(theme, peers_actions(actions, engine, settings), peers)
    window.add_page(peers_page)

    async def drill() -> None:
        from netstack.lab.drill import drill_beside  # noqa: PLC0415 - the window need not wait for the lab

        await engine.call(lambda node: node.drill(drill_beside), "drill")

    async def pull_plots() -> None:
        since_s = metrics.since_s

        async def read(node: "Node") -> PlotData:
            return node.plot_data(since_s)

        metrics.show_data(await engine.call(read, "plots"))

    metrics = MetricsPage(
        theme,
        MetricsActions(
            actions.add("rehearsal", lambda: engine.call(lambda node: node.rehearse(), "rehearsal")),
            actions.add("plots", pull_plots, quiet=True),
            actions.add(
                "load", lambda number: engine.call(lambda node: node.peers.measure_load(number), "load")
            ),
            actions.add("drill", drill),
            actions.add("race", lambda seconds: engine.call(lambda node: node.race(seconds), "race")),
        ),
    )
    window.add_page(metrics)
    lines = () if scenario is None else scenario_lines()
    window.add_page(LabPage(theme, lab_actions(actions, engine, config_file), lines, settings))
    history = HistoryPage(theme, history_actions(actions, engine, lambda: history))
    window.add_page(history)
    window.add_page(SettingsPage(theme, settings_actions(actions, engine)))
    closed = asyncio.Event()
    window.closing.connect(closed.set)
    engine.changed.connect(window.show_snapshot)
    engine.failed.connect(window.show_failure)
    window.restore("check" if scenario is None else "lab")

    def open_link(text: str) -> None:
        window.bring(peers_page)
        peers_page.fill_in(text)
        window.raise_()
        window.activateWindow()

    if link:
        open_link(link)
    door = LinkDoor(door_name(), open_link) if scenario is None else None
    window.show()
    engine.start()
    with _closed_by_signals(window):
        await closed.wait()
    if door is not None:
        door.close()
    await actions.stop()
    await engine.close()
    window.deleteLater()


def _relays_actions(actions: Actions, engine: Engine) -> RelaysActions:
    """What the Relays page starts; without a name and a password the known ones are used."""

    async def check(uri: str, username: str, password: str) -> None:
        await engine.call(lambda node: node.relays.check(uri, _login(username, password)), "relay check")

    async def speed() -> None:
        await engine.call(lambda node: node.relays.measure_speed(), "relay speed")

    async def allocate(uri: str, username: str, password: str) -> None:
        await engine.call(lambda node: node.relays.allocate(uri, _login(username, password)), "allocate")

    async def release(relay_id: int) -> None:
        await engine.call(lambda node: node.relays.release(relay_id), "release")

    async def renew(relay_id: int) -> None:
        async def ask(node: "Node") -> None:
            node.relays.refresh(relay_id)

        await engine.call(ask, "renew")

    async def let_in(relay_id: int, who: str) -> None:
        await engine.call(lambda node: node.relays.let_in(relay_id, who), "let in")

    return RelaysActions(
        actions.add("relay check", check),
        actions.add("relay speed", speed),
        actions.add("allocate", allocate),
        actions.add("release", release),
        actions.add("renew", renew),
        actions.add("let in", let_in),
    )


def _login(username: str, password: str) -> "TurnLogin | None":
    from netstack.service.turn_login import TurnLogin  # noqa: PLC0415

    return TurnLogin(username, password) if username or password else None


def _settings(name: str) -> QSettings:
    return QSettings(str(user_config_path().with_name(name)), QSettings.Format.IniFormat)


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
