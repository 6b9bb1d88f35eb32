"""What was pulled in pieces is one series; a stretch of it is judged by its own points alone."""

import pytest

from app.presenters.series_book import SeriesBook
from netstack.model.path import PathSeries, PlotData, Samples


def pulled(now_s: float, times: tuple[float, ...], rtt_s: float = 0.01) -> PlotData:
    seconds = tuple(sorted({float(int(at_s) + 1) for at_s in times if int(at_s) + 1 <= now_s}))
    ones = (1.0,) * len(seconds)
    return PlotData(
        now_s,
        {
            "1/0": PathSeries(
                rtt=Samples(times, (rtt_s,) * len(times)),
                loss_out=Samples(seconds, (0.25,) * len(seconds), (4.0,) * len(seconds)),
                loss_back=Samples(seconds, (0.0,) * len(seconds), (3.0,) * len(seconds)),
                sent=Samples(seconds, (1000.0,) * len(seconds), ones),
                fragments=Samples(seconds, (3.0,) * len(seconds), (2.0,) * len(seconds)),
            )
        },
        1_000_000.0 + now_s,
    )


def test_what_comes_twice_counts_once() -> None:
    book = SeriesBook()
    assert book.since_s is None
    book.take(pulled(10.0, (8.0, 9.0, 9.9)))
    assert book.since_s == 8.5
    book.take(pulled(11.0, (9.0, 9.9, 10.5)))
    series = book.series("1/0", "rtt")
    assert list(series.times) == [8.0, 9.0, 9.9, 10.5]
    assert list(book.series("1/0", "loss_out").times) == [9.0, 10.0, 11.0]


def test_a_stretch_is_judged_alone_with_what_it_stands_on() -> None:
    book = SeriesBook()
    book.take(pulled(30.0, tuple(n / 10 for n in range(300))))
    found = book.stretch("1/0", 10.0, 20.0)
    assert found.n == 101
    assert (found.probes, found.lost_out, found.lost_back) == (44, 11, 0)
    assert (found.loss_out, found.loss_back) == (0.25, 0.0)
    assert found.sent_bps == 8000
    assert (found.fragments, found.messages) == (3.0, 22)
    assert found.jitter_out_s is None
    empty = book.stretch("1/0", 100.0, 200.0)
    assert (empty.n, empty.p50_s, empty.loss_out, empty.sent_bps) == (0, None, None, None)
    assert book.stretch("9/9", 0.0, 1.0).n == 0


def test_the_book_does_not_grow_for_ever() -> None:
    book = SeriesBook()
    for turn in range(2000):
        book.take(pulled(turn * 10.0 + 10, tuple(turn * 10.0 + n for n in range(10))))
    assert len(book.series("1/0", "rtt").times) < 1300


def test_paths_that_are_gone_and_clocks_that_went_back_are_forgotten() -> None:
    book = SeriesBook()
    book.take(pulled(10.0, (9.0,)))
    book.take(PlotData(11.0, {}))
    assert book.paths == {}
    book.take(pulled(12.0, (11.0,)))
    book.take(pulled(2.0, (1.0,)))
    assert list(book.series("1/0", "rtt").times) == [1.0]


def test_times_become_the_walls() -> None:
    book = SeriesBook()
    book.take(pulled(10.0, (9.0,)))
    assert book.wall(7.0) == pytest.approx(1_000_007.0)


def test_the_nearest_value_is_found() -> None:
    book = SeriesBook()
    book.take(pulled(10.0, (8.0, 9.0)))
    series = book.series("1/0", "rtt")
    assert series.at(8.2, 1.0) == 0.01
    assert series.at(5.0, 1.0) is None
