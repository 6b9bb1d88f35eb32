"""Plays a scenario in a running lab, in real time: what can be watched, changed and interrupted meanwhile."""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager

import msgspec

from netstack.lab.lab import Lab
from netstack.lab.loop import LabEndpoints
from netstack.lab.meet import connect, talk_s_of
from netstack.lab.rehearsal import told
from netstack.lab.scenario import EventPart
from netstack.model.lab import LabRun, PairOutcome, StoryState
from netstack.model.nat import NatReport
from netstack.service.nat import NatService
from netstack.tasks import TaskScope

LIMIT_S = 20.0
TICK_S = 0.2
_CHECKS_SHARE = 0.6

Tell = Callable[[StoryState], None]


async def play(lab: Lab, tell: Tell) -> LabRun:
    """Checks one side, then the other, then lets them connect, while the scenario's events happen.

    Unlike a rehearsal it takes the links and routers as they are now, and gives up after `LIMIT_S`. The running loop must be one of the lab's (RuntimeError). Cancelling mends what the events cut.
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
    """They connect and, where something happens, go on talking until some time after the last of it."""
    events = sorted(lab.scenario.event, key=lambda event: event.at_s)
    talk_s = talk_s_of(lab.scenario)
    cut: set[str] = set()

    async def happen() -> None:
        began_s = lab.world.now()
        for event in events:
            await asyncio.sleep(began_s + event.at_s - lab.world.now())
            lab.carry_out(event)
            if event.action != "reboot":
                (cut.add if event.action == "cut" else cut.discard)(event.target)

    step = "They meet and go on" if events else "Letting the two connect"
    try:
        async with (
            TaskScope("story") as tasks,
            _ticking(lab, show, (_CHECKS_SHARE, 1.0), step, talk_s or LIMIT_S, events),
        ):
            tasks.start(happen(), "events")
            return await connect(lab, talk_s=talk_s)
    finally:
        for name in sorted(cut):
            lab.cut_link(name, cut=False)


@asynccontextmanager
async def _ticking(
    lab: Lab,
    show: Callable[..., None],
    shares: tuple[float, float],
    step: str,
    takes_s: float,
    events: Sequence[EventPart] = (),
) -> AsyncIterator[None]:
    """Tells how far it is while the body runs, `takes_s` at most."""

    async def tick() -> None:
        began_s, (low, high) = lab.world.now(), shares
        while True:
            passed_s = lab.world.now() - began_s
            share = min(1.0, passed_s / takes_s)
            show(progress=low + (high - low) * share, step=step + _until_next(events, passed_s))
            await asyncio.sleep(TICK_S)

    async with TaskScope("story") as tasks:
        tasks.start(tick(), "progress")
        yield


def _until_next(events: Sequence[EventPart], passed_s: float) -> str:
    """How long until something happens, once the two have had time to meet."""
    following = next((event for event in events if event.at_s > passed_s), None)
    if following is None:
        return ""
    what = {"cut": "a link breaks", "mend": "it is mended", "reboot": "a router restarts"}[following.action]
    return f"; {what} in {following.at_s - passed_s:.0f} s"
