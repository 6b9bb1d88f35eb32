"""Sizes that people type."""

import pytest

from app.presenters.peer_payload import MAX_BYTES, SIZES, parse_size


@pytest.mark.parametrize(
    ("typed", "count"),
    [
        ("0", 0),
        ("17", 17),
        ("100 B", 100),
        ("1.5 MB", 1_500_000),
        ("1,5mb", 1_500_000),
        ("64 KiB", 65_536),
        ("1 GiB", MAX_BYTES),
        ("2 GB", None),
        ("", None),
        ("-1", None),
        ("lots", None),
        ("1e9", None),
        ("9" * 50, None),
    ],
)
def test_sizes(typed: str, count: int | None) -> None:
    assert parse_size(typed) == count


def test_what_is_offered_can_be_read() -> None:
    assert all(parse_size(each) for each in SIZES)
