"""LabNode: the Node on the virtual internet, in real time, with hands on its links and routers."""

import asyncio
import functools
import secrets
import shutil
import tempfile
from collections.abc import Coroutine
from pathlib import Path
from typing import Any, cast

import msgspec

from netstack.lab.echo_peer import EchoPeer
from netstack.lab.ice import lab_adapters
from netstack.lab.lab import open_scenario
from netstack.lab.loop import on
from netstack.lab.matrix import PAIRS, matrix_beside
from netstack.lab.net import LabNet
from netstack.lab.picture import topology
from netstack.lab.radio import LabRadio
from netstack.lab.story import play
from netstack.model.config import Config
from netstack.model.lab import GridState, LabRun, Matrix
from netstack.model.peers import PeersState
from netstack.net.protocol import Net
from netstack.node import Node
from netstack.radio.protocol import Radio
from netstack.rendezvous.ble import BleDriver
from netstack.rendezvous.driver import Driver
from netstack.rendezvous.memory import MemoryDriver, MemoryHub

PICTURE_PERIOD_S = 0.1


class LabNode(Node):
    """The patient of a scenario (the first of its pair unless it names another), on the running loop's clock.

    Its reports carry the scenario's name as their network; its snapshot has the lab's picture, ten times a
    second while something moves. `grid` is what another LabNode found out. Raises InputError for an unknown
    scenario.
    """

    def __init__(
        self,
        scenario: str = "home",
        config: Config | None = None,
        *,
        seed: int = 0,
        grid: GridState | None = None,
        history: Path | None = None,
        settings_file: Path | None = None,
    ) -> None:
        self.lab = open_scenario(scenario, seed=seed)
        self.lab.build()
        settings = config or Config()
        config = msgspec.structs.replace(
            settings,
            stun=self.lab.stun_servers,
            turn=self.lab.turn_servers,
            web_checks=self.lab.web_checks,
        )
        net = self.lab.net(self.lab.patient)
        partner = next(name for name in reversed(self.lab.scenario.pair) if name != self.lab.patient)
        hub = MemoryHub()
        # Not from the lab's own chance: it draws alike in every program, and one would clear away another's files.
        self._received = Path(tempfile.gettempdir()) / f"peerscope-received-{secrets.token_hex(8)}"
        self._around = LabRadio(self.lab.patient, seed=seed)
        super().__init__(
            net,
            config,
            network=scenario,
            folder=self._received,
            peers=PeersState(ways=("lab",), name=self.lab.patient.title(), partner=partner.title()),
            drivers=lambda _: self._driver(self.lab.patient, hub),
            history=history,
            settings=settings,
            settings_file=settings_file,
            radio=self._open_lab_radio,
        )
        self._partner = EchoPeer(
            self.lab.net(partner),
            lambda: self._driver(partner, hub),
            partner.title(),
            config,
            self.peers.show_partner_code,
        )
        self.peers.invited = self._partner.hears
        self.peers.called = self._partner.is_called
        self.bluetooth.display = self._display
        self._store.update(grid=grid or GridState())

    async def _doctors_radio(self) -> Radio | None:
        """Only what belongs to the scenario."""
        return self.lab.radio(self.lab.patient)

    async def _open_lab_radio(self) -> Radio:
        """The scenario's, or one among a few things where a scenario has none."""
        return self.lab.radio(self.lab.patient) or await self._around.open()

    def _display(self, address: str) -> int | None:
        """The digits that a device shows at the moment."""
        return self.lab.airspace.display(address) or self._around.display(address)

    def _driver(self, host: str, hub: MemoryHub) -> Driver:
        """How a person finds the other one: by the lab's own way, or by Bluetooth where there is no network."""
        radio = self.lab.radio(host)
        if radio is not None and not self.lab.hosts[host].interfaces:
            return BleDriver(functools.partial(_at_once, radio))
        return MemoryDriver(hub)

    async def _use_settings(self, config: Config, keys: frozenset[str]) -> None:
        await self._use_own_settings(config, keys)

    async def choose_stun_servers(self, servers: tuple[str, ...]) -> None:
        """As long as this lab lasts: its names mean nothing elsewhere."""
        self.set_stun_servers(servers)

    async def choose_hidden(self, hidden: bool) -> None:
        """As long as this lab lasts."""
        self.peers.set_hidden(hidden)

    async def start(self) -> None:
        """Begins to draw the picture too."""
        await self.lab.serve()
        await super().start()
        self._partner.start()
        self._tasks.start(self._draw(), "picture")

    async def close(self) -> None:
        """Ends the Node, then the world. May be called twice."""
        await super().close()
        await self._around.close()
        await self._partner.close()
        await self.lab.close()
        shutil.rmtree(self._received, ignore_errors=True)

    def set_link(self, name: str, **changes: Any) -> None:
        """Changes a link at once, by the fields of `netstack.lab.link.Shape`. Raises InputError."""
        self.lab.set_link(name, **changes)
        self._show()

    def reset_link(self, name: str) -> None:
        """Makes a link what the scenario made it. Raises InputError."""
        self.lab.reset_link(name)
        self._show()

    def cut_link(self, name: str, *, cut: bool = True) -> None:
        """Cuts a link, or mends it. Raises InputError."""
        self.lab.cut_link(name, cut=cut)
        self._show()

    def reboot_nat(self, name: str) -> None:
        """Makes a router forget its mappings. Raises InputError."""
        self.lab.reboot_nat(name)
        self._show()

    async def _rehearsal_partner(self) -> tuple[Net, str, str]:
        """A server on the virtual internet, so that the scenario's own links are measured."""
        name = self.lab.scenario.server[0].name
        net = self.lab.net(name)
        hosts = [host for each in await net.interfaces() for host in each.hosts if ":" not in host]
        return net, next(host for host in hosts if not host.startswith("127.")), name

    async def _at(self, net: Net, work: Coroutine[Any, Any, Any]) -> Any:
        with lab_adapters():
            return await on(cast("LabNet", net).host, work)

    async def play(self) -> LabRun:
        """Plays the scenario here and now; its state is in the snapshot. Needs a loop of the lab."""
        return await play(self.lab, lambda state: self._store.update(story=state))

    async def fill_grid(self, tries: int, *, seed: int = 0) -> Matrix:
        """Lets every kind of NAT meet every other in child processes; the cells are in the snapshot.

        Cancelling ends the children and keeps the cells. Raises WorkerError.
        """
        state = GridState(running=True, tries=tries, total=len(PAIRS))

        def show(**changes: object) -> None:
            nonlocal state
            state = msgspec.structs.replace(state, **changes)
            self._store.update(grid=state)

        show()
        try:
            matrix = await matrix_beside(tries, seed, lambda cell, *_: show(cells=(*state.cells, cell)))
            show(matrix=matrix, cells=matrix.cells)
            return matrix
        finally:
            show(running=False)

    async def _draw(self) -> None:
        while True:
            self._show()
            await asyncio.sleep(PICTURE_PERIOD_S)

    def _show(self) -> None:
        picture = topology(self.lab)
        shown = self.snapshot.lab
        if shown is None or picture != msgspec.structs.replace(shown, now_s=picture.now_s):
            self._store.update(lab=picture)


async def _at_once(radio: Radio) -> Radio:
    return radio
