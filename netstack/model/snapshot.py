"""The one frozen value that the window sees. It holds no secret."""

import msgspec

from netstack.model.bluetooth import BleState
from netstack.model.coordinator import CoordinatorState, DrillState
from netstack.model.doctor import DoctorState
from netstack.model.guard import GuardState
from netstack.model.history import HistoryState
from netstack.model.lab import GridState, StoryState
from netstack.model.nat import NatReport
from netstack.model.network_cost import NetworkCost
from netstack.model.path import PathReport
from netstack.model.peers import PeersState
from netstack.model.race import RaceState
from netstack.model.settings import SettingsState
from netstack.model.topology import Topology
from netstack.model.turn import TurnState


class NatState(msgspec.Struct, frozen=True):
    """The NAT check: running or not, how far (0 to 1, what it does now), and the newest report."""

    running: bool = False
    progress: float = 0.0
    step: str = ""
    report: NatReport | None = None
    servers: tuple[str, ...] = ()


class LogLine(msgspec.Struct, frozen=True):
    """One line of the log: seconds since 1970, level name, part of the stack, text."""

    at_s: float
    level: str
    source: str
    text: str


class Snapshot(msgspec.Struct, frozen=True):
    """Everything that the window shows, at one moment. `network` is "real" or a lab scenario's name.

    `lab` is the picture of the lab, None on the real network, where `story` and `grid` stay empty.
    """

    version: int = 0
    network: str = "real"
    doctor: DoctorState = DoctorState()
    nat: NatState = NatState()
    paths: tuple[PathReport, ...] = ()
    turn: TurnState = TurnState()
    bluetooth: BleState = BleState()
    peers: PeersState = PeersState()
    coordinator: CoordinatorState = CoordinatorState()
    drill: DrillState = DrillState()
    race: RaceState = RaceState()
    settings: SettingsState = SettingsState()
    history: HistoryState = HistoryState()
    guard: GuardState = GuardState()
    networks: tuple[NetworkCost, ...] = ()
    engine_lag_s: float | None = None
    log: tuple[LogLine, ...] = ()
    lab: Topology | None = None
    story: StoryState = StoryState()
    grid: GridState = GridState()
