"""Every figure has a row with ours, its definition and n; few samples here, as only the rows are looked at."""

import pytest

from app.presenters.figures_text import figures_markdown
from netstack.lab.figures_line import line_figures
from netstack.lab.figures_loss import loss_figures
from netstack.lab.figures_nat import nat_figures
from netstack.model.figures import Figure, Figures, Place, mbit_text


def test_what_is_measured_in_the_lab_has_its_definition_and_n():
    rows = [*nat_figures(1), *loss_figures(120)]
    assert {row.group for row in rows} == {"NAT", "Fragments and loss"}
    for row in rows:
        assert row.value
        assert row.definition
        assert row.n is not None
        assert row.place in {Place.LAB, Place.PROCESS}
    by_name = {row.name: row for row in rows}
    assert by_name["Classification accuracy"].n == 4
    assert by_name["Retransmission success"].value.startswith("100.00% arrived")


def test_a_relay_costs_a_line_little():
    *_, relayed = line_figures(1 << 21)
    assert float(relayed.value.rstrip("%")) > 90


def test_the_page():
    rows = (
        Figure(group="A", name="x | y", goal="1", value="2", definition="what", place=Place.LAB, n=1000),
        Figure(group="B", name="z", goal="-", value=Place.NOWHERE, definition="why", place=Place.NOWHERE),
    )
    page = figures_markdown(Figures(machine="a machine", taken="2026-11-28", rows=rows))
    assert "| x \\| y | 1 | **2** | 1,000 | lab, virtual time | what |" in page
    assert "| z | - | **cannot be measured here** |  | cannot be measured here | why |" in page
    assert [line for line in page.splitlines() if line.startswith("## ")] == ["## A", "## B"]


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_all_of_them():
    from netstack.lab.figures import measure_figures

    figures = measure_figures(0.02)
    assert len(figures.rows) > 35
    assert {row.place for row in figures.rows} == set(Place)


@pytest.mark.parametrize(
    ("bits_per_s", "text"), [(1_004e6, "1,000 Mbit/s"), (1_318e6, "1,320 Mbit/s"), (0.4561e6, "0.456 Mbit/s")]
)
def test_a_throughput_is_written_without_an_exponent(bits_per_s, text):
    assert mbit_text(bits_per_s) == text
