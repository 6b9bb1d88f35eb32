"""The failover drill as rows and sentences."""

from typing import Final

from netstack.model.coordinator import DrillCause, DrillResult, Published

WARM_LIMIT_S: Final = 0.25
COLD_LIMIT_S: Final = 1.0
COLUMNS: Final = ("What happens", "Backup", "Silence", "Lost", "Twice", "Late", "Messages")

_CAUSES: Final = {
    DrillCause.DEAD: "the path dies",
    DrillCause.DATA_BLACKHOLE: "data vanishes, pings pass",
    DrillCause.ONE_WAY_LOSS: "one direction dies",
    DrillCause.LOSS_30: "30 % is lost",
    DrillCause.LATENCY_JUMP: "400 ms more each way",
}


def cause_text(cause: DrillCause) -> str:
    """What happens, in words."""
    return _CAUSES[cause]


def within(result: DrillResult) -> bool:
    """The silence was short enough, nothing was lost and nothing came twice."""
    limit_s = WARM_LIMIT_S if result.warm else COLD_LIMIT_S
    return result.blackout_s <= limit_s and not result.lost and not result.duplicated


def drill_row(result: DrillResult) -> tuple[str, ...]:
    """One row of the table, by `COLUMNS`."""
    return (
        cause_text(result.cause),
        "open" if result.warm else "only known",
        f"{result.blackout_s * 1000:.0f} ms",
        str(result.lost),
        str(result.duplicated),
        str(result.late),
        str(result.n),
    )


def drill_headline(results: tuple[DrillResult, ...]) -> str:
    """The answer in a sentence."""
    if not results:
        return "What happens to a game when its path fails?"
    worst = max(results, key=lambda each: each.blackout_s)
    lost, twice = sum(each.lost for each in results), sum(each.duplicated for each in results)
    text = f"The longest silence lasted {worst.blackout_s * 1000:.0f} ms ({cause_text(worst.cause)})"
    return f"{text}; {lost or 'no'} messages lost, {twice or 'none'} delivered twice."


def published_text(published: tuple[Published, ...]) -> str:
    """Others' figures, marked as theirs."""
    others = "; ".join(f"{each.system} {each.blackout_s:g} s ({each.note})" for each in published)
    return f"Published by others, not measured here: {others}."


def drill_lines(results: tuple[DrillResult, ...], published: tuple[Published, ...]) -> list[str]:
    """As plain text."""
    rows = [COLUMNS, *map(drill_row, results)]
    widths = [max(len(row[column]) for row in rows) for column in range(len(COLUMNS))]
    table = [
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows
    ]
    return [drill_headline(results), "", *table, "", published_text(published)]
