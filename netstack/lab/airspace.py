"""The lab's Bluetooth: radios of the people in a scenario, things around them, and hands on the air between."""

import math
from collections.abc import Mapping
from contextlib import AsyncExitStack
from typing import TYPE_CHECKING, Final

from netstack.errors import InputError
from netstack.lab.radio import load_virtual_radio
from netstack.lab.scenario import Scenario
from netstack.model.topology import LinkCounters, TopologyLink
from netstack.radio.protocol import Radio

if TYPE_CHECKING:
    from netstack.radio.virtual_adapter import VirtualAdapter
    from netstack.radio.virtual_air import Air
    from netstack.radio.virtual_devices import VirtualDevice

AIR: Final = "air"
FIRST_DEVICE: Final = 64
LL_PAYLOAD_BYTES: Final = 251
LEAST_M, MOST_M = 0.1, 1000.0


class Airspace:
    """Opened with the lab where a scenario has radios; `radios` go by the host's name."""

    def __init__(self, scenario: Scenario, seed: int) -> None:
        self._scenario = scenario
        self._seed = seed
        self._stack = AsyncExitStack()
        self._air: Air | None = None
        self._adapters: dict[str, VirtualAdapter] = {}
        self._radios: dict[str, Radio] = {}
        self._devices: list[VirtualDevice] = []
        self._cut = False
        self._loss = scenario.air_loss

    @property
    def radios(self) -> Mapping[str, Radio]:
        """The people's."""
        return self._radios

    @property
    def open_air(self) -> bool:
        """There is anything to hear."""
        return self._air is not None

    async def open(self) -> None:
        """Switches everything on. Does nothing where the scenario has no Bluetooth."""
        if not any(host.radio for host in self._scenario.host):
            return
        await load_virtual_radio()  # where a lab has a radio, and nowhere else
        from netstack.radio import virtual, virtual_adapter, virtual_air, virtual_devices  # noqa: PLC0415

        air = self._air = virtual_air.Air(self._seed)
        air.loss = self._loss
        self._stack.callback(air.close)
        for number, host in enumerate(self._scenario.host):
            if host.radio is None:
                continue
            adapter = virtual_adapter.VirtualAdapter(
                air, host.name, number=number + 1, place_m=host.radio.place_m, can_host=host.radio.can_host
            )
            await adapter.open()
            if host.radio.fault is not None:
                adapter.remove(host.radio.fault)
            radio = virtual.VirtualRadio(adapter)
            self._stack.push_async_callback(radio.close)
            self._adapters[host.name], self._radios[host.name] = adapter, radio
        makers = {"thermometer": virtual_devices.thermometer, "game-pad": virtual_devices.game_pad}
        for number, part in enumerate(self._scenario.device):
            device = makers[part.kind](air, FIRST_DEVICE + number, part.place_m)
            self._devices.append(device)
            await device.open()
            self._stack.push_async_callback(device.close)

    async def close(self) -> None:
        """Switches everything off. May be called twice."""
        await self._stack.aclose()
        self._radios.clear()
        self._adapters.clear()
        self._devices.clear()
        self._air = None

    def adapter(self, host: str) -> "VirtualAdapter":
        """A person's adapter, to pull out or put back. Raises KeyError."""
        return self._adapters[host]

    def display(self, address: str) -> int | None:
        """The digits that a thing shows at the moment; None where it shows none."""
        return next((each.shown for each in self._devices if each.adapter.address == address), None)

    # hands

    def set_loss(self, loss: float) -> None:
        """So much is lost from now on, beside what the distance takes. Raises InputError."""
        if not 0.0 <= loss <= 1.0:
            raise InputError(InputError.Reason.USAGE, f"{AIR}: loss is a share, 0 to 1")
        self._loss = loss
        self._apply()

    def set_distance(self, metres: float) -> None:
        """The second of the pair stands so far from the first from now on, in the direction in which it was. Raises InputError."""
        if not LEAST_M <= metres <= MOST_M:
            raise InputError(InputError.Reason.USAGE, f"{AIR}: {LEAST_M} m to {MOST_M:.0f} m")
        one, other = (self._adapters[name].controller for name in self._scenario.pair)
        (x, y), (to_x, to_y) = one.place_m, other.place_m
        before = math.dist(one.place_m, other.place_m)
        share = metres / before if before else 0.0
        other.place_m = (x + share * (to_x - x), y + share * (to_y - y)) if before else (x + metres, y)

    def cut(self, *, cut: bool) -> None:
        """Lets nothing through, or what got through before."""
        self._cut = cut
        self._apply()

    def reset(self) -> None:
        """As the scenario made it."""
        self._cut, self._loss = False, self._scenario.air_loss
        for host in self._scenario.host:
            if host.radio is not None and host.name in self._adapters:
                self._adapters[host.name].controller.place_m = host.radio.place_m
        self._apply()

    def _apply(self) -> None:
        if self._air is not None:
            self._air.loss = 1.0 if self._cut else self._loss

    def _moved(self) -> bool:
        places = {host.name: host.radio.place_m for host in self._scenario.host if host.radio is not None}
        return any(self._adapters[name].controller.place_m != places[name] for name in self._scenario.pair)

    # the picture

    def link(self) -> TopologyLink | None:
        """The air between the pair as a line to draw; None where one of them has no radio."""
        one, other = (self._adapters.get(name) for name in self._scenario.pair)
        if one is None or other is None or self._air is None:
            return None
        from netstack.radio.virtual_air import FULL_PACKET_S, INTERVAL_S  # noqa: PLC0415

        return TopologyLink(
            name=AIR,
            a=self._scenario.pair[0],
            b=self._scenario.pair[1],
            delay_s=INTERVAL_S / 2,
            jitter_s=INTERVAL_S / 2,
            loss=self._loss,
            bandwidth_bps=LL_PAYLOAD_BYTES * 8 / FULL_PACKET_S,
            mtu_bytes=LL_PAYLOAD_BYTES,
            cut=self._cut or one.fault is not None or other.fault is not None,
            a_to_b=LinkCounters(*one.controller.sent_to(other.controller)),
            b_to_a=LinkCounters(*other.controller.sent_to(one.controller)),
            radio=True,
            distance_m=round(math.dist(one.controller.place_m, other.controller.place_m), 2),
            changed=self._cut or self._loss != self._scenario.air_loss or self._moved(),
        )
