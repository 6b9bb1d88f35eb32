"""`peerscope history`: what was found out on earlier days, and what has changed since."""

from typing import Annotated

import msgspec
import typer

from app.cli.options import ConfigOption, Format, FormatOption
from app.cli.terminal import console, fail, print_json
from app.presenters.history_text import comparison_text, history_text
from app.presenters.past_report import past_report
from app.presenters.veil import Veil
from netstack.config import history_path, load_config
from netstack.core.history_facts import compare, since_fine
from netstack.errors import InputError, PeerscopeError
from netstack.model.history import Comparison, ComparisonReport, HistoryReport, Run, RunKind
from netstack.observe.history_reader import HistoryReader


def history(
    output: FormatOption = Format.TEXT,
    kind: Annotated[
        RunKind | None, typer.Option("--kind", help="Only diagnoses of this kind; no sessions.")
    ] = None,
    limit: Annotated[int, typer.Option(min=1, max=10_000, help="At most so many of each.")] = 50,
    changed: Annotated[
        tuple[int, int] | None,
        typer.Option("--compare", metavar="EARLIER LATER", help="What changed between two diagnoses."),
    ] = None,
    fine: Annotated[
        bool, typer.Option("--since-fine", help="What changed since it was fine the last time.")
    ] = False,
    show: Annotated[
        int | None, typer.Option("--show", metavar="NUMBER", help="One diagnosis, as it was told then.")
    ] = None,
    lab: Annotated[bool, typer.Option("--lab", help="The lab's history, which is kept apart.")] = False,
    config: ConfigOption = None,
) -> int:
    """Shows diagnoses and sessions of earlier days, newest first."""
    network = "lab" if lab else "real"
    try:
        load_config(config)
        reader = HistoryReader(history_path(lab=lab))
        if show is not None:
            body = reader.body(show)
            if body is None:
                raise InputError(
                    InputError.Reason.USAGE, f"there is no diagnosis {show}, or it was too large to keep"
                )
            run = _by_id(reader.runs(limit=10_000), show)
            past = past_report(run.kind, body.decode(), Veil(()), lifted=True)
            print(past.json if output is Format.JSON else "\n\n".join(filter(None, (past.note, past.text))))
            return 0
        if changed is not None or fine:
            runs = reader.runs(kind=kind, limit=10_000)
            result: Comparison | None
            if changed is not None:
                result = compare(_by_id(runs, changed[0]), _by_id(runs, changed[1]))
            else:
                result = since_fine([run for run in runs if run.kind is runs[0].kind])
            if result is None:
                raise InputError(
                    InputError.Reason.USAGE, "there is no earlier diagnosis of that kind that was fine"
                )
            if output is Format.JSON:
                print_json(msgspec.to_builtins(ComparisonReport(comparison=result)))
            else:
                console().print(comparison_text(result), highlight=False, markup=False)
            return 1 if result.changes else 0
        report = HistoryReport(
            network=network,
            runs=reader.runs(kind=kind, limit=limit),
            sessions=() if kind else reader.sessions(limit=limit),
            size_bytes=reader.size_bytes(),
        )
    except PeerscopeError as error:
        empty = ComparisonReport() if changed is not None or fine else HistoryReport(network=network)
        fail(error, empty if output is Format.JSON else None)
    if output is Format.JSON:
        print_json(msgspec.to_builtins(report))
    else:
        console().print(history_text(report), highlight=False, markup=False)
    return 0


def _by_id(runs: tuple[Run, ...], number: int) -> Run:
    for run in runs:
        if run.id == number:
            return run
    raise InputError(InputError.Reason.USAGE, f"there is no diagnosis {number}")
