from netstack.lab.kinds import KINDS
from netstack.lab.matrix import PAIRS, matrix, wilson


def test_every_unordered_pair_once() -> None:
    assert len({frozenset(pair) for pair in PAIRS}) == len(PAIRS) == 55


def test_wilsons_interval() -> None:
    # Newcombe 1998, table I: 81 of 263 and 0 of 20.
    assert wilson(81, 263) == (0.2553, 0.3662)
    assert wilson(0, 20) == (0.0, 0.1611)
    assert wilson(20, 20) == (0.8389, 1.0)
    assert wilson(0, 0) == (0.0, 1.0)


def test_the_grid_does_not_depend_on_the_workers() -> None:
    told = []
    alone = matrix(2, seed=5, workers=1, progress=lambda done, total: told.append((done, total)))
    assert told[-1] == (55, 55)
    assert alone == matrix(2, seed=5, workers=2)
    assert alone != matrix(2, seed=6, workers=1)
    assert alone.kinds == tuple(KINDS)
    assert [(cell.a, cell.b) for cell in alone.cells] == list(PAIRS)
    assert all(0 <= cell.direct <= cell.connected <= cell.tries == 2 for cell in alone.cells)
