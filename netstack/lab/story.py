"""Plays a scenario in a running lab, in real time: what can be watched, changed and interrupted meanwhile."""

import asyncio
from collections.abc import Callable

import msgspec

from netstack.lab.ice import AFTER_EVENTS_S, connect_with_aioice
from netstack.lab.lab import Lab
from netstack.lab.loop import LabEndpoints
from netstack.lab.rehearsal import told
from netstack.lab.scenario import EventPart
from netstack.model.lab import LabRun, PairOutcome, StoryState
from netstack.model.nat import NatReport
from netstack.service.nat import NatService
from netstack.tasks import TaskScope

DIRECT_LIMIT_S = 12.0
RELAY_LIMIT_S = 20.0
TICK_S = 0.2
_CHECKS_SHARE = 0.6

Tell = Callable[[StoryState], None]


async def play(lab: Lab, tell: Tell) -> LabRun:
    """Checks one side, then the other, then lets them connect, while the scenario's events happen.

    Unlike a rehearsal it takes the links and routers as they are now, and waits only `DIRECT_LIMIT_S` for a
    direct way. The running loop must be one of the lab's (RuntimeError). Cancelling mends what the events cut.
    """
    if not isinstance(asyncio.get_running_loop(), LabEndpoints):
        raise RuntimeError("the story needs a loop of the lab")
    state = StoryState(running=True)

    def show(**changes: object) -> None:
        nonlocal state
        state = msgspec.structs.replace(state, **changes)
        tell(state)

    scenario = lab.scenario
    try:
        for place, host in enumerate(scenario.pair):
            title = next(part.title or part.name for part in scenario.host if part.name == host)

            def watch(
                done: float, step: str, report: NatReport | None, place: int = place, title: str = title
            ) -> None:
                known = state.nat if report is None else {**state.nat, scenario.pair[place]: report}
                share = _CHECKS_SHARE * (place + done) / len(scenario.pair)
                show(progress=share, step=f"{title}: {step}", nat=known)

            watch(0.0, "looking at the network", None)
            service = NatService(lab.net(host), network=scenario.name)
            report = await service.check(lab.stun_servers, progress=watch)
            show(nat={**state.nat, host: report})
        outcome = await _meet(lab, show)
        run = told(scenario, lab.seed, dict(state.nat), outcome)
        show(progress=1.0, run=run)
        return run
    finally:
        show(running=False, step="")


async def _meet(lab: Lab, show: Callable[..., None]) -> PairOutcome:
    """Without a relay first: one that is there from the start would hide what is possible."""
    low = _CHECKS_SHARE
    outcome = await _try(lab, show, (low, 0.8), "Trying the direct way", DIRECT_LIMIT_S, relay=False)
    if not outcome.connected:
        outcome = await _try(
            lab, show, (0.8, 1.0), "No direct way; trying over a relay", RELAY_LIMIT_S, relay=True
        )
    return outcome


async def _try(
    lab: Lab,
    show: Callable[..., None],
    shares: tuple[float, float],
    step: str,
    limit_s: float,
    *,
    relay: bool,
) -> PairOutcome:
    events = sorted(lab.scenario.event, key=lambda event: event.at_s)
    if events:
        step = f"{step} and going on"
    talk_s = events[-1].at_s + AFTER_EVENTS_S if events else 0.0
    cut: set[str] = set()

    async def happen() -> None:
        began_s = lab.world.now()
        for event in events:
            await asyncio.sleep(began_s + event.at_s - lab.world.now())
            lab.carry_out(event)
            if event.action != "reboot":
                (cut.add if event.action == "cut" else cut.discard)(event.target)

    async def tick() -> None:
        began_s, (low, high) = lab.world.now(), shares
        while True:
            passed_s = lab.world.now() - began_s
            share = min(1.0, passed_s / (talk_s or limit_s))
            show(progress=low + (high - low) * share, step=step + _until_next(events, passed_s))
            await asyncio.sleep(TICK_S)

    try:
        async with TaskScope("story") as tasks:
            tasks.start(happen(), "events")
            tasks.start(tick(), "progress")
            return await connect_with_aioice(lab, relay=relay, talk_s=talk_s, limit_s=limit_s)
    finally:
        for name in sorted(cut):
            lab.cut_link(name, cut=False)


def _until_next(events: list[EventPart], passed_s: float) -> str:
    """How long until something happens, once the two have had time to meet."""
    following = next((event for event in events if event.at_s > passed_s), None)
    if following is None:
        return ""
    what = {"cut": "a link breaks", "mend": "it is mended", "reboot": "a router restarts"}[following.action]
    return f"; {what} in {following.at_s - passed_s:.0f} s"
