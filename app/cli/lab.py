"""`peerscope lab`: the virtual internet - its scenarios, a run of one, the grid of all NAT kinds."""

from contextlib import nullcontext
from typing import Annotated

import msgspec
import typer

from app.cli.options import ConfigOption, Format, FormatOption
from app.cli.terminal import console, fail, print_json
from app.presenters.lab_text import matrix_text, run_text
from netstack.config import load_config
from netstack.errors import PeerscopeError
from netstack.lab.drill import SCENARIO as DRILLED
from netstack.lab.drill import run_drill
from netstack.lab.kinds import KINDS
from netstack.lab.matrix import matrix as fill_in
from netstack.lab.meet import METHOD, NOTE
from netstack.lab.rehearsal import rehearse
from netstack.lab.scenario import NAMES, load_scenario
from netstack.model.coordinator import PUBLISHED, DrillCause, DrillResult
from netstack.model.lab import Cell, LabRun, Matrix, PairOutcome, ScenarioLine, ScenarioList

lab = typer.Typer(
    no_args_is_help=True,
    help="The virtual internet: try NATs, firewalls and bad links without a network.",
)

Seed = Annotated[int, typer.Option(help="Everything random comes from it; the same seed, the same result.")]


@lab.command("list")
def list_scenarios(output: FormatOption = Format.TEXT, config: ConfigOption = None) -> int:
    """Lists the scenarios."""
    try:
        load_config(config)
        scenarios = [load_scenario(name) for name in NAMES]
    except PeerscopeError as error:
        fail(error, ScenarioList(scenarios=()) if output is Format.JSON else None)
    if output is Format.JSON:
        lines = (ScenarioLine(name=s.name, title=s.title, story=s.story) for s in scenarios)
        print_json(msgspec.to_builtins(ScenarioList(scenarios=tuple(lines))))
    else:
        for scenario in scenarios:
            console().print(f"{scenario.name:<24}{scenario.title}", highlight=False, markup=False)
    return 0


@lab.command()
def run(
    scenario: Annotated[str, typer.Argument(help="A name from `peerscope lab list`.")],
    seed: Seed = 0,
    output: FormatOption = Format.TEXT,
    config: ConfigOption = None,
) -> int:
    """Runs a scenario: what each side's NAT check says, and whether the two can connect; `failover` drills, too."""
    watched = console(stderr=True).is_terminal and output is Format.TEXT
    try:
        load_config(config)
        result = rehearse(load_scenario(scenario), seed=seed)
        if scenario == DRILLED:
            result = msgspec.structs.replace(result, drill=_drill(seed, watched), published=PUBLISHED)
    except PeerscopeError as error:
        fail(error, _nothing_ran(scenario, seed) if output is Format.JSON else None)
    if output is Format.JSON:
        print_json(msgspec.to_builtins(result))
    else:
        console().print(run_text(result), highlight=False, markup=False)
    return 0 if result.connection.connected else 1


def _drill(seed: int, watched: bool) -> tuple[DrillResult, ...]:
    total = 2 * len(DrillCause)
    with console(stderr=True).status("Drilling the failover") if watched else nullcontext() as status:
        count = 0

        def tell(_: DrillResult) -> None:
            nonlocal count
            count += 1
            if status is not None:
                status.update(f"Drilling the failover: {count} of {total}")

        return run_drill(seed=seed, done=tell)


@lab.command()
def matrix(
    tries: Annotated[int, typer.Option(min=1, max=100_000, help="Tries of every pair.")] = 20,
    seed: Seed = 0,
    workers: Annotated[
        int | None, typer.Option(min=1, max=256, help="Processes to use; the result is the same.")
    ] = None,
    output: FormatOption = Format.TEXT,
    config: ConfigOption = None,
) -> int:
    """Lets every kind of NAT meet every other, and prints the grid."""
    out = console(stderr=True)
    watched = out.is_terminal and output is Format.TEXT
    try:
        load_config(config)
        with out.status("Filling in the grid") if watched else nullcontext() as status:

            def tell(_: Cell, done: int, total: int) -> None:
                if status is not None:
                    status.update(f"Filling in the grid: {done} of {total} pairs")

            grid = fill_in(tries, seed, workers=workers, progress=tell)
    except PeerscopeError as error:
        empty = Matrix(method=METHOD, note=NOTE, seed=seed, tries=tries, kinds=tuple(KINDS), cells=())
        fail(error, empty if output is Format.JSON else None)
    except KeyboardInterrupt:
        raise typer.Exit(130) from None
    if output is Format.JSON:
        print_json(msgspec.to_builtins(grid))
    else:
        console().print(matrix_text(grid), highlight=False, markup=False)
    return 0


def _nothing_ran(scenario: str, seed: int) -> LabRun:
    return LabRun(
        scenario=scenario,
        title="",
        story="",
        seed=seed,
        pair=("", ""),
        names={},
        nat={},
        connection=PairOutcome(method=METHOD, connected=False, direct=False),
        sentence="",
        as_expected=False,
    )
