"""Every figure that Peerscope means to beat, measured here and now: what `peerscope bench --all` writes."""

import asyncio
import os
import platform
from collections.abc import Callable, Coroutine
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from netstack.errors import PeerscopeError
from netstack.lab.drill import run_drill
from netstack.lab.figures_line import line_figures
from netstack.lab.figures_loss import loss_figures
from netstack.lab.figures_nat import nat_figures
from netstack.lab.figures_transport import (
    LATENCY_GOALS,
    RATE_GOALS,
    ble_figures,
    crowd_figures,
    relay_load_figures,
    transport_figures,
)
from netstack.model.coordinator import PUBLISHED
from netstack.model.figures import Figure, Figures, Place
from netstack.model.session import TransportKind
from netstack.service.two_ends import KINDS

FAILOVER: Final = "Failover"
FEW: Final = 0.1


def measure_figures(scale: float = 1.0, tell: Callable[[str], None] = lambda _: None) -> Figures:
    """All of them; some minutes at `scale` 1, less and on fewer samples below. What cannot be measured says why."""
    rows: list[Figure] = []

    def run(name: str, work: Callable[[], list[Figure]]) -> None:
        tell(name)
        try:
            rows.extend(work())
        except PeerscopeError as error:
            rows.append(
                Figure(
                    group="Elsewhere",
                    name=name,
                    goal="-",
                    value=f"not measured: {error.sentence}",
                    definition="It failed",
                    place=Place.NOWHERE,
                )
            )

    def on_loop(work: Coroutine[object, object, list[Figure]]) -> list[Figure]:
        return asyncio.run(work)

    run("NAT, in the lab", lambda: nat_figures(max(2, int(25 * scale))))
    run("transports", lambda: on_loop(transport_figures(scale, tell)))
    run("Bluetooth's fragments", lambda: on_loop(ble_figures()))
    run("many allocations", lambda: on_loop(relay_load_figures(1024 if scale >= FEW else 16)))
    run("many sessions", lambda: on_loop(crowd_figures(max(50, int(10_000 * scale * scale)))))
    run("a line, in the lab", lambda: line_figures(max(1 << 20, int(32e6 * scale))))
    run("loss, in the lab", lambda: loss_figures(max(200, int(5000 * scale))))
    run("the failover drill", _drill)
    groups = list(dict.fromkeys(row.group for row in rows))
    rows.sort(key=lambda row: groups.index(row.group))
    return Figures(
        machine=_machine(), taken=datetime.now(UTC).date().isoformat(), rows=(*rows, *_elsewhere())
    )


def _drill() -> list[Figure]:
    others = ", ".join(f"{each.system} {each.blackout_s:g} s" for each in PUBLISHED)
    rows = []
    drilled = run_drill()
    for warm in (True, False):
        results = [each for each in drilled if each.warm is warm]
        worst = max(each.blackout_s for each in results)
        lost, twice = sum(each.lost for each in results), sum(each.duplicated for each in results)
        rows.append(
            Figure(
                group=FAILOVER,
                name=f"Silence, backup {'open' if warm else 'only known'}",
                goal=f"{'0.25' if warm else '1'} s (published by others: {others})",
                value=f"{worst:.3f} s at most; {lost} lost, {twice} delivered twice",
                definition="The longest time in which one side heard nothing new, over five causes: `peerscope lab run failover`",
                place=Place.LAB,
                n=sum(each.n for each in results),
            )
        )
    return rows


def _elsewhere() -> list[Figure]:
    """What this computer cannot say."""
    rows = [
        Figure(
            group="Elsewhere",
            name=name,
            goal=goal,
            value=Place.NOWHERE.value,
            definition=why,
            place=Place.NOWHERE,
        )
        for name, goal, why in (
            (
                "Bluetooth over the air",
                "2.1 Mbit/s, 45 ms",
                "Needs two real radios; above is the lab's radio",
            ),
            ("Power usage", "-", "Needs a meter; the program says “not measured”"),
            ("72 hours on production hardware", "10,000 connections", "Needs the hardware and the days"),
        )
    ]
    if TransportKind.WEBRTC not in KINDS:
        goal = f"{RATE_GOALS['webrtc']}, p99 {LATENCY_GOALS['webrtc']}"
        rows.append(
            Figure(
                group="Elsewhere",
                name="WebRTC",
                goal=goal,
                value=Place.NOWHERE.value,
                definition="This version's benchmark does not open it",
                place=Place.NOWHERE,
            )
        )
    return rows


def _machine() -> str:
    """Processor, cores, how busy they were with all that runs (the load of the last quarter of an hour), system, Python."""
    name = platform.processor() or platform.machine()
    try:
        lines = Path("/proc/cpuinfo").read_text("utf-8").splitlines()
        name = next((line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")), name)
    except OSError:
        pass
    busy = (
        f", {os.getloadavg()[2]:.1f} programs busy on it with this one" if hasattr(os, "getloadavg") else ""
    )
    system = f"{platform.system()} {platform.release()}, Python {platform.python_version()}"
    return f"{name}, {os.cpu_count()} cores{busy}, {system}"
