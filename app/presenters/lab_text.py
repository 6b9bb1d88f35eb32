"""What the lab found out, as plain text."""

import msgspec

from app.presenters.drill import drill_lines
from netstack.model.lab import Cell, Interval, LabRun, Matrix

_LETTERS = {"direct": "D", "relay": "r", "none": "-"}


def run_text(run: LabRun, *, played: bool = False) -> str:
    """A scenario's run: rehearsed in virtual time, or played in real time, with the links as somebody left them."""
    lines = [run.title, run.story, ""]
    for name in run.pair:
        report = run.nat[name]
        lines.append(f"{run.names[name]}: {report.headline}")
        if report.failure_text:
            lines.append(f"  {report.failure_text}")
        lines += [f"  - {advice}" for advice in report.advice]
    lines += [
        "",
        run.sentence,
        f"(connected by {run.connection.method}, seed {run.seed}, {'real' if played else 'virtual'} time)",
    ]
    if run.drill:
        lines += ["", *drill_lines(run.drill, run.published)]
    if played:
        lines.insert(0, f'This is the lab, scenario "{run.scenario}", not a real network.')
    elif not run.as_expected:
        lines.append("This is not what the scenario is meant to show.")
    return "\n".join(lines)


def run_json(run: LabRun) -> str:
    """A scenario's run as `peerscope.lab-run/1`, indented."""
    return msgspec.json.format(msgspec.json.encode(run), indent=2).decode()


def matrix_text(matrix: Matrix) -> str:
    """The grid as a picture of letters, then every pair with its counts."""
    cells = {frozenset((cell.a, cell.b)): cell for cell in matrix.cells}
    width = max(map(len, matrix.kinds))
    lines = [
        f"Every kind of NAT with every other: {matrix.tries} tries each, seed {matrix.seed}",
        matrix.note,
        "D direct, r over a relay, - not at all",
        "",
    ]
    for row, one in enumerate(matrix.kinds):
        letters = (_LETTERS[cells[frozenset((one, other))].route] for other in matrix.kinds[: row + 1])
        lines.append(f"{one:>{width}}  {'  '.join(letters)}")
    lines.append("")
    lines += [_cell(cell, width) for cell in matrix.cells]
    return "\n".join(lines)


def _cell(cell: Cell, width: int) -> str:
    time = "-" if cell.connect_p50_s is None else f"{cell.connect_p50_s:.3f} s"
    return (
        f"{cell.a:<{width}}  {cell.b:<{width}}  {cell.route:<6}  "
        f"direct {_rate(cell.direct, cell.tries, cell.direct_interval)}  "
        f"connected {_rate(cell.connected, cell.tries, cell.connected_interval)}  {time}"
    )


def _rate(count: int, tries: int, interval: Interval) -> str:
    low, high = interval
    return f"{count}/{tries} ({low:.1%} to {high:.1%})"
