"""The grid's cells, its sentence and its file."""

import json
from itertools import combinations_with_replacement

import pytest

from app.presenters.lab_grid import KINDS, PAIRS, Route, grid, grid_json
from netstack.model.lab import Cell, GridState, Matrix


def cell(a: str, b: str, route: str, direct: int = 0, connected: int = 20) -> Cell:
    return Cell(
        a=a, b=b, tries=20, direct=direct, connected=connected, route=route, direct_interval=(0.2, 0.6123),
        connected_interval=(0.8389, 1.0), connect_p50_s=0.376 if connected else None,
    )  # fmt: skip


CELLS = (
    cell("open", "open", "direct", direct=20),
    cell("open", "symmetric", "direct", direct=15),
    cell("symmetric", "port-restricted", "relay"),
    cell("udp-blocked", "udp-blocked", "none", connected=0),
)
TRIED = {frozenset((each.a, each.b)): each for each in CELLS}
ALL = tuple(
    TRIED.get(frozenset((a, b))) or cell(a, b, "direct", direct=20)
    for a, b in combinations_with_replacement(KINDS, 2)
)
WHOLE = Matrix(method="aioice", note="How it was done.", seed=0, tries=20, kinds=KINDS, cells=ALL)


def test_it_is_half_a_matrix_of_cells_that_nobody_tried():
    view = grid(GridState())
    assert len(view.cells) == PAIRS == 55
    assert [(each.row, each.column) for each in view.cells[:4]] == [(0, 0), (1, 0), (1, 1), (2, 0)]
    assert {each.route for each in view.cells} == {Route.EMPTY}
    assert (view.running, view.complete, view.progress) == (False, False, 0.0)
    assert view.summary.startswith("Which kinds of NAT reach which?")


def test_a_cell_is_told_with_counts_and_intervals():
    cells = {
        (each.row, each.column): each
        for each in grid(GridState(matrix=WHOLE, cells=CELLS, tries=20, total=55)).cells
    }
    relay = cells[7, 4]
    assert (relay.route, relay.mark, relay.title) == (
        Route.RELAY,
        "",
        "Symmetric, random meets Port-restricted",
    )
    assert [line.replace("\N{NARROW NO-BREAK SPACE}", " ") for line in relay.lines] == [
        "Over a relay",
        "Direct 0 of 20 (20.0 % to 61.2 %)",
        "Connected 20 of 20 (83.9 % to 100 %)",
        "First byte after 376 ms (median, virtual time)",
    ]
    assert cells[7, 0].mark == "75.0\N{NARROW NO-BREAK SPACE}%"
    assert cells[9, 9].lines[-1] == "No try connected"


@pytest.mark.parametrize(
    ("state", "summary"),
    [
        (GridState(running=True, total=55, cells=CELLS), "4 of 55 pairs tried"),
        (
            GridState(total=55, tries=20, cells=CELLS),
            "Cancelled after 4 of 55 pairs: 2 pairs connect directly",
        ),
        (
            GridState(total=55, tries=20, cells=CELLS, matrix=WHOLE),
            "2 pairs connect directly, 1 over a relay, 1 not",
        ),
    ],
)
def test_a_sentence_for_every_state(state, summary):
    view = grid(state)
    assert view.summary.startswith(summary)
    assert view.complete is (state.matrix is not None)


def test_the_file_carries_its_schema():
    assert json.loads(grid_json(WHOLE))["schema"] == "peerscope.lab-matrix/1"
