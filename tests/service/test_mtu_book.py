"""Packet sizes outlive the program for the hour that they hold."""

import json

import pytest

from netstack.core.mtu_search import CACHE_S
from netstack.service.mtu_book import FILE, MtuBook

PATH = "udp 192.0.2.1"


def test_a_size_is_there_after_a_start_and_ages_meanwhile(tmp_path):
    book = MtuBook(tmp_path, 100.0, 1_000_000.0)
    book.cache.put(PATH, 1472, 100.0)
    book.store(160.0, 1_000_060.0)
    again = MtuBook(tmp_path, 5.0, 1_000_100.0)  # the clock began anew
    assert again.cache.get(PATH, 5.0) == 1472
    assert again.cache.get(PATH, 5.0 + CACHE_S - 101.0) == 1472
    assert again.cache.get(PATH, 5.0 + CACHE_S - 99.0) is None


def test_what_has_become_old_is_neither_written_nor_read(tmp_path):
    book = MtuBook(tmp_path, 0.0, 1_000_000.0)
    book.cache.put(PATH, 1472, 0.0)
    book.store(CACHE_S, 1_000_000.0 + CACHE_S)
    assert json.loads((tmp_path / FILE).read_text()) == []
    book.store(1.0, 1_000_001.0)
    assert MtuBook(tmp_path, 0.0, 1_000_000.0 + CACHE_S + 1).cache.get(PATH, 0.0) is None
    assert (
        MtuBook(tmp_path, 0.0, 999_000.0).cache.get(PATH, 0.0) is None
    )  # from the future: a clock was changed


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{",
        '[{"path": 1}]',
        '[{"path": "udp 192.0.2.1", "mtu_bytes": 70000, "found_at_s": 1000}]',
        '[{"path": "udp 192.0.2.1", "mtu_bytes": -5, "found_at_s": 1000}]',
    ],
)
def test_a_broken_or_lying_file_is_no_file(tmp_path, text):
    (tmp_path / FILE).write_text(text)
    assert MtuBook(tmp_path, 0.0, 1001.0).cache.get(PATH, 0.0) is None


def test_a_folder_that_cannot_be_written_is_no_failure(tmp_path):
    (tmp_path / "file").write_text("in the way")
    book = MtuBook(tmp_path / "file", 0.0, 1000.0)
    book.cache.put(PATH, 1472, 0.0)
    book.store(1.0, 1001.0)
