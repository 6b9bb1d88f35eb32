"""The Metrics page's words, from paths and points as they are."""

import msgspec

from app.presenters.metrics import (
    COLUMNS,
    bands,
    fragmentation,
    histogram,
    present,
    series_csv,
    table_text,
    worse_sentence,
)
from app.presenters.series_book import SeriesBook
from app.presenters.tone import Tone
from netstack.model.path import (
    Degradation,
    PathReport,
    PathSeries,
    PathState,
    PlotData,
    ProbeSummary,
    Samples,
)
from netstack.model.session import FragmentStats

NOW_S = 100.0
UDP = PathReport(
    key="1/0", peer="Ana", transport="udp", remote="203.0.113.7:4000", state=PathState.UP, mtu_bytes=1452,
    probes=ProbeSummary(kernel_stamps=True),
)  # fmt: skip
TURN = msgspec.structs.replace(UDP, key="1/2", transport="turn", probes=ProbeSummary())


def seconds(value: float, count: float = 1.0) -> Samples:
    times = tuple(NOW_S - 60 + n for n in range(60))
    return Samples(times, (value,) * 60, (count,) * 60)


def points(rtt_s: float, lost: float = 0.0) -> PathSeries:
    times = tuple(NOW_S - 60 + n / 10 for n in range(600))
    return PathSeries(
        rtt=Samples(times, tuple(rtt_s + (n % 100) * 1e-5 for n in range(600))),
        jitter_out=seconds(0.0002),
        jitter_back=seconds(0.0003),
        loss_out=seconds(lost, 10.0),
        loss_back=seconds(0.0, 10.0),
        sent=seconds(1e6),
        received=seconds(2e6),
        fragments=seconds(3.0, 2.0),
    )


def book(*series: tuple[str, PathSeries]) -> SeriesBook:
    made = SeriesBook()
    made.take(PlotData(NOW_S, dict(series), 1_700_000_000.0))
    return made


def view(paths: tuple[PathReport, ...], given: SeriesBook, **options):
    return present(paths, given, NOW_S - 60, NOW_S, **options)


def test_nothing_yet() -> None:
    seen = view((), SeriesBook())
    assert (seen.empty, seen.headline, seen.rows) == (True, "Nothing is connected.", ())


def test_opening_and_hardly_measured() -> None:
    opening = msgspec.structs.replace(UDP, state=PathState.OPENING)
    seen = view((opening,), SeriesBook())
    assert seen.headline == "Connected; measuring."
    assert seen.figures == ()
    assert seen.rows[0].tone is Tone.UNKNOWN
    assert seen.rows[0].cells[1:10] == ("not measured",) * 9
    assert seen.rows[0].cells[-1] == "0"


def test_the_headline_speaks_of_the_fastest_path() -> None:
    seen = view((TURN, UDP), book(("1/0", points(0.012)), ("1/2", points(0.031, 0.03))))
    assert seen.headline == "UDP to Ana: 12.5\u202fms, nothing lost."
    assert seen.subline == "2 paths open; figures of the last minute"
    assert [figure.value for figure in seen.figures] == [
        "UDP",
        "12.5 / 13.0\u202fms",
        "0 / 0\u202f%",
        "200 / 300\u202fµs",
        "8.00 / 16.0\u202fMbit/s",
    ]
    assert seen.figures[0].color == "udp"
    assert seen.figures[1].note == "floor 12.0\u202fms, n 600, kernel"
    assert seen.chosen == "1/0"
    assert view((TURN, UDP), book(("1/2", points(0.031))), chosen="1/2").chosen == "1/2"


def test_a_row_says_everything_and_loss_warns() -> None:
    row = view((TURN,), book(("1/2", points(0.031, 0.03)))).rows[0]
    assert dict(zip(COLUMNS, row.cells, strict=True)) == {
        "Path": "TURN relay to Ana",
        "Now": "32.0\u202fms",
        "Median": "31.5\u202fms",
        "95 %": "31.9\u202fms",
        "99 %": "32.0\u202fms",
        "Floor": "31.0\u202fms",
        "Jitter": "200 / 300\u202fµs",
        "Lost": "3.00 / 0\u202f%",
        "Throughput": "8.00 / 16.0\u202fMbit/s",
        "Packets": "3.00",
        "n": "600 program",
    }
    assert row.tone is Tone.WARN
    assert (row.color, row.style) == ("turn", "solid")
    assert dict(zip(COLUMNS, row.notes, strict=True))["Lost"] == "18 there and 0 back, of 600 probes"
    assert all(row.notes)


def test_a_focus_judges_its_stretch_alone() -> None:
    quick, slow = points(0.01), points(0.09)
    half = 300
    mixed = msgspec.structs.replace(
        quick, rtt=Samples(quick.rtt.times_s, quick.rtt.values[:half] + slow.rtt.values[half:])
    )
    given = book(("1/0", mixed))
    early = present((UDP,), given, NOW_S - 60, NOW_S - 31, focused=True)
    late = present((UDP,), given, NOW_S - 29, NOW_S, focused=True)
    assert early.headline.startswith("UDP to Ana: 10.")
    assert late.headline.startswith("UDP to Ana: 90.")
    assert "figures of 29.0\u202fs" in late.subline
    nothing = present((UDP,), given, NOW_S - 400, NOW_S - 390, focused=True)
    assert nothing.headline == "Nothing was measured in that stretch."


def test_two_paths_of_one_transport_have_one_colour_and_two_styles() -> None:
    second = msgspec.structs.replace(UDP, key="2/0", peer="Ben")
    rows = view((UDP, second), SeriesBook()).rows
    assert [row.color for row in rows] == ["udp", "udp"]
    assert rows[0].style != rows[1].style


def test_two_paths_of_one_transport_to_one_peer_have_two_names() -> None:
    paths = (
        UDP,
        TURN,
        msgspec.structs.replace(UDP, key="1/4"),
        msgspec.structs.replace(UDP, key="2/0", peer="Ben"),
    )
    names = [row.cells[0] for row in view(paths, SeriesBook()).rows]
    assert names == ["UDP to Ana", "TURN relay to Ana", "UDP to Ana (2)", "UDP to Ben"]


def test_closed_paths_stay_in_the_table_and_leave_the_headline() -> None:
    closed = msgspec.structs.replace(UDP, state=PathState.CLOSED)
    seen = view((closed,), book(("1/0", points(0.012))))
    assert seen.headline == "Nothing is connected."
    assert not seen.empty
    assert seen.rows[0].cells[0] == "UDP to Ana (closed)"


def test_every_band_has_every_shown_path_in_one_colour() -> None:
    given = book(("1/0", points(0.012)), ("1/2", points(0.031)))
    shown = bands((UDP, TURN), given)
    assert [band.key for band in shown] == ["latency", "jitter", "loss", "throughput", "fragments"]
    assert [len(band.curves) for band in shown] == [2, 4, 4, 4, 2]
    there, back = shown[2].curves[:2]
    assert (there.color, back.color) == ("udp", "udp")
    assert there.style != back.style
    assert shown[0].curves[0].series.values[0] * shown[0].curves[0].scale == 12.0
    hidden = bands((UDP, TURN), given, frozenset({"1/0"}))
    assert {curve.color for band in hidden for curve in band.curves} == {"turn"}


def test_the_distribution_holds_every_round_trip() -> None:
    series = points(0.012)
    slowest = msgspec.structs.replace(series, rtt=Samples(series.rtt.times_s, (*series.rtt.values[:-1], 2.0)))
    seen = histogram(UDP, book(("1/0", slowest)), NOW_S - 60, NOW_S)
    assert sum(seen.counts) == 600
    assert len(seen.edges_ms) == len(seen.counts) + 1
    assert seen.edges_ms[-1] < 30  # one straggler does not squeeze the rest
    assert "1 slower, in the last bar (up to 2.00\u202fs)" in seen.note
    assert dict(seen.marks)["p50"] < dict(seen.marks)["p99"]
    assert histogram(UDP, SeriesBook(), 0, 1).counts == ()
    assert histogram(None, SeriesBook(), 0, 1).counts == ()


def test_fragments_have_all_their_figures_and_what_they_stand_on() -> None:
    stats = FragmentStats(
        sent_messages=100, sent_fragmented=40, sent_fragments=180, sent_payload_bytes=80_000, link_bytes=100_000,
        received_fragments=500, completed=99, completed_fragmented=50, duplicates=3, timeouts=1, lost_fragments=2,
        assembly_sum_s=0.05, assembly_max_s=0.004,
    )  # fmt: skip
    told = {
        name: value for name, value, _ in fragmentation(msgspec.structs.replace(UDP, fragmentation=stats))
    }
    assert told["Rate"] == "40.0\u202f%"
    assert told["Packets a message"] == "1.80"
    assert told["Efficiency"] == "80.0\u202f%"
    assert told["Overhead"] == "20.0\u202fkB"
    assert told["Reassembled"] == "99.0\u202f%"
    assert told["Assembly time"] == "1.00\u202fms"
    assert (told["Duplicates"], told["Inconsistent"], told["Timed out"], told["Lost"]) == ("3", "0", "1", "2")
    empty = {
        name: value
        for name, value, _ in fragmentation(msgspec.structs.replace(UDP, fragmentation=FragmentStats()))
    }
    assert empty["Assembly time"] == "not measured"
    assert fragmentation(UDP) == ()


def test_what_got_worse_is_one_sentence() -> None:
    slow = msgspec.structs.replace(UDP, degraded=Degradation("rtt", 0.012, 0.087, 1_700_000_000.0))
    lossy = msgspec.structs.replace(TURN, degraded=Degradation("loss", 0.0, 0.12, 1_700_000_060.0))
    assert worse_sentence((UDP,)) == ""
    assert worse_sentence((slow,)).startswith(
        "UDP to Ana is slower: 87.0\u202fms (12.0\u202fms before) since "
    )
    assert worse_sentence((slow, lossy)).startswith(
        "TURN relay to Ana is losing 12.0\u202f% of its packets (0\u202f% before) since "
    )
    assert worse_sentence((slow, lossy)).endswith(", and 1 other path.")


def test_copy_and_export() -> None:
    assert table_text(view((UDP,), SeriesBook())).splitlines()[0] == "\t".join(COLUMNS)
    series = PathSeries(rtt=Samples((98.0, 99.0), (0.010, 0.020)), loss_out=Samples((99.0,), (0.1,), (10.0,)))
    named = msgspec.structs.replace(UDP, peer='A "na')
    assert series_csv((named,), book(("1/0", series))).splitlines() == [
        "path,series,at_s,value,n",
        '"udp A ""na 203.0.113.7:4000",rtt,1699999998.000,0.01,1',
        '"udp A ""na 203.0.113.7:4000",rtt,1699999999.000,0.02,1',
        '"udp A ""na 203.0.113.7:4000",loss_out,1699999999.000,0.1,10',
    ]
    assert len(series_csv((named,), book(("1/0", series)), 98.5, 99.5).splitlines()) == 3
