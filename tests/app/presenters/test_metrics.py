"""The Metrics page's words and curves, from paths and points as they are."""

import math

import msgspec

from app.presenters.metrics import COLUMNS, plots, present, series_csv, table_text
from app.presenters.tone import Tone
from netstack.model.path import PathReport, PathSeries, PathState, PlotData, ProbeSummary, Samples

GOOD = ProbeSummary(
    n=100, last_s=0.0119, p50_s=0.0121, p99_s=0.0149, floor_s=0.0115, jitter_out_s=0.0002, sent=100, answered=100,
    kernel_stamps=True,
)  # fmt: skip
UDP = PathReport(
    key="1/0", peer="Ana", transport="udp", remote="203.0.113.7:4000", state=PathState.UP, mtu_bytes=1452,
    probes=GOOD, messages=10, fragments=30,
)  # fmt: skip
TURN = msgspec.structs.replace(
    UDP,
    key="1/2",
    transport="turn",
    probes=ProbeSummary(
        n=95,
        last_s=0.03,
        p50_s=0.031,
        p99_s=0.04,
        floor_s=0.03,
        sent=100,
        answered=95,
        lost_out=3,
        lost_back=2,
    ),
)


def test_nothing_yet() -> None:
    view = present(())
    assert view.empty
    assert view.headline == "Nothing is connected."
    assert view.rows == ()


def test_opening_and_hardly_measured() -> None:
    opening = msgspec.structs.replace(
        UDP, state=PathState.OPENING, probes=ProbeSummary(), messages=0, fragments=0
    )
    view = present((opening,))
    assert view.headline == "Connected; measuring."
    assert view.figures == ()
    assert view.rows[0].tone is Tone.UNKNOWN
    assert view.rows[0].cells[2:8] == ("not measured",) * 6
    assert view.rows[0].cells[-1] == "0"


def test_the_headline_speaks_of_the_fastest_path() -> None:
    view = present((TURN, UDP))
    assert view.headline == "UDP to Ana: 12.1\u202fms, nothing lost."
    assert view.subline == "2 paths open; figures of the last minute"
    assert [figure.value for figure in view.figures] == [
        "UDP",
        "12.1\u202fms / 14.9\u202fms",
        "0\u202f% / 0\u202f%",
        "3.00",
    ]
    assert view.figures[0].color == "udp"
    assert view.figures[1].note == "100 probes, stamped by the kernel"


def test_a_row_says_everything_and_loss_warns() -> None:
    row = present((TURN,)).rows[0]
    assert dict(zip(COLUMNS, row.cells, strict=True)) == {
        "Path": "TURN relay to Ana",
        "State": "Up",
        "Last": "30.0\u202fms",
        "Median": "31.0\u202fms",
        "99 %": "40.0\u202fms",
        "Least": "30.0\u202fms",
        "Jitter": "not measured",
        "Lost there / back": "3.00\u202f% / 2.06\u202f%",
        "Packets": "3.00",
        "Probes": "95, program",
    }
    assert row.tone is Tone.WARN
    assert (row.color, row.style) == ("turn", "solid")


def test_two_paths_of_one_transport_have_one_colour_and_two_styles() -> None:
    second = msgspec.structs.replace(UDP, key="2/0", peer="Ben")
    rows = present((UDP, second)).rows
    assert [row.color for row in rows] == ["udp", "udp"]
    assert rows[0].style != rows[1].style


def test_closed_paths_stay_in_the_table_and_leave_the_headline() -> None:
    closed = msgspec.structs.replace(UDP, state=PathState.CLOSED)
    view = present((closed,))
    assert view.headline == "Nothing is connected."
    assert not view.empty
    assert view.rows[0].cells[1] == "Closed"


def test_curves_are_in_the_plots_units_and_break_at_pauses() -> None:
    series = PathSeries(
        rtt=Samples((8.0, 9.0, 9.5, 14.0), (0.010, 0.012, 0.011, 0.020)),
        loss_out=Samples((9.0,), (0.25,)),
        loss_back=Samples((9.0,), (0.0,)),
        fragments=Samples((9.0,), (3.0,)),
    )
    view = plots((UDP,), PlotData(15.0, {"1/0": series}))
    curve = view.latency["1/0"]
    assert curve.ago_s == (7.0, 6.0, 5.5, 5.5, 1.0)
    assert curve.values[:3] == (10.0, 12.0, 11.0)
    assert math.isnan(curve.values[3])
    assert curve.values[4] == 20.0
    assert view.loss["1/0 there"].values == (25.0,)
    assert view.loss["1/0 there"].style != view.loss["1/0 back"].style
    assert view.fragments["1/0"].values == (3.0,)
    assert (
        plots(
            (msgspec.structs.replace(UDP, state=PathState.CLOSED),), PlotData(15.0, {"1/0": series})
        ).latency
        == {}
    )


def test_copy_and_export() -> None:
    assert table_text(present((UDP,))).splitlines()[0] == "\t".join(COLUMNS)
    series = PathSeries(rtt=Samples((8.0,), (0.010,)))
    assert series_csv((UDP,), PlotData(10.0, {"1/0": series})).splitlines() == [
        "path,series,ago_s,value",
        '"udp Ana 203.0.113.7:4000",rtt,2.000,0.01',
    ]
