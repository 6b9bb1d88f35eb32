import itertools
import random
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from netstack.core.session_code import (
    NAMEPLATES,
    SessionCode,
    daily_nameplate,
    edits,
    parse_session_code,
    suggest,
    word_list,
)
from netstack.model.meeting import MeetingError

R = MeetingError.Reason
CODE = SessionCode("482915", ("amber", "walnut", "kayak"))


def test_the_words_are_short_distinct_and_enough():
    words = word_list()
    assert list(words) == sorted(set(words))
    assert all(word.isascii() and word.isalpha() and word.islower() and 4 <= len(word) <= 8 for word in words)
    assert len(words) ** 3 >= 2**24
    assert NAMEPLATES >= 2**16
    assert len({word[:4] for word in words}) == len(words)
    assert min(edits(one, other) for one, other in itertools.combinations(words, 2)) >= 3


@pytest.mark.parametrize(
    "typed",
    [
        "482915-amber-walnut-kayak",
        " 482915 AMBER Walnut kayak\n",
        "482 915, amber, walnut, kayak.",
        "482915 – amber – walnut – kayak",
        "４８２９１５-ａｍｂｅｒ-walnut-kayak",
        "482-915-amber_walnut_kayak",
    ],
)
def test_case_blanks_and_dashes_do_not_matter(typed):
    assert parse_session_code(typed) == CODE


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("482915-ambre-walnut-kayak", "482915-amber-walnut-kayak"),
        ("482915-amber-walnnt-kayk", "482915-amber-walnut-kayak"),
        ("482915-amber-walnut-kaya", "482915-amber-walnut-kayak"),
    ],
)
def test_a_mistyped_word_is_suggested(typed, meant):
    with pytest.raises(MeetingError) as caught:
        parse_session_code(typed)
    assert caught.value.reason is R.UNKNOWN_WORD
    assert f"did you mean {meant}?" in caught.value.sentence


@pytest.mark.parametrize(
    ("typed", "reason"),
    [
        ("", R.MALFORMED_CODE),
        ("amber-walnut-kayak", R.MALFORMED_CODE),
        ("482915-amber-walnut", R.MALFORMED_CODE),
        ("482915-amber-walnut-kayak-lemon", R.MALFORMED_CODE),
        ("48291-amber-walnut-kayak", R.MALFORMED_CODE),
        ("082915-amber-walnut-kayak", R.MALFORMED_CODE),
        ("4829155-amber-walnut-kayak", R.MALFORMED_CODE),
        ("amber-482915-walnut-kayak", R.MALFORMED_CODE),
        ("٤٨٢٩١٥-amber-walnut-kayak", R.MALFORMED_CODE),
        ("482915-amber-walnut-qqqqqq", R.UNKNOWN_WORD),
        ("482915-amber-walnut-" + "x" * 400, R.MALFORMED_CODE),
    ],
)
def test_what_is_no_code_gets_a_sentence(typed, reason):
    with pytest.raises(MeetingError) as caught:
        parse_session_code(typed)
    assert caught.value.reason is reason


@given(st.text(max_size=80))
def test_any_text_is_a_code_or_a_meeting_error(text):
    with suppress(MeetingError):
        assert parse_session_code(text).nameplate.isdigit()


@given(st.randoms(use_true_random=False))
def test_a_code_that_was_made_reads_back_and_its_typos_are_suggested(source):
    code = SessionCode.make(source.randbytes)
    assert parse_session_code(str(code)) == code
    word = source.choice(code.words)
    at = source.randrange(len(word))
    assert suggest(word[:at] + "q" + word[at + 1 :]) in {word, None}


def test_codes_are_spread_evenly():
    source = random.Random(1)
    codes = [SessionCode.make(source.randbytes) for _ in range(4000)]
    assert len({code.nameplate for code in codes}) > 3970  # 9 collisions expected
    assert len({word for code in codes for word in code.words}) == len(word_list())


def test_the_words_are_not_shown_by_accident():
    assert "amber" not in repr(CODE)
    assert "amber" in str(CODE)


def test_known_peers_meet_elsewhere_each_day():
    names = {daily_nameplate(secret, day) for secret in (b"a" * 32, b"b" * 32) for day in (1, 2)}
    assert len(names) == 4
    assert daily_nameplate(b"a" * 32, 1) in names
