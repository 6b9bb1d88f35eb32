"""The figures as a page of the documentation."""

from itertools import groupby

from netstack.model.figures import Figure, Figures

HEAD = """# Figures

Written by `peerscope bench --all`; do not edit. Every figure that Peerscope means to beat, and ours by the same definition as far as
one computer can say. Goals are claims of others, not measured here; a goal of a real network is not beaten by a figure of
loopback or of the lab: the column “where” says what each one is worth.
"""


def figures_markdown(figures: Figures) -> str:
    """A table a group."""
    parts = [HEAD, f"Machine: {figures.machine}. Taken {figures.taken}."]
    for group, rows in groupby(figures.rows, key=lambda row: row.group):
        parts += [
            "",
            f"## {group}",
            "",
            "| what | goal | ours | n | where | definition |",
            "|---|---|---|---|---|---|",
        ]
        parts += [_line(row) for row in rows]
    return "\n".join(parts) + "\n"


def _line(row: Figure) -> str:
    n = "" if row.n is None else f"{row.n:,}"
    cells = (row.name, row.goal, f"**{row.value}**", n, row.place.value, row.definition)
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"
