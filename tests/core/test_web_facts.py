"""What an empty web page, or something in its place, proves."""

import pytest

from netstack.core.web_facts import WebAnswer, judge, web_facts
from netstack.wire.http import HttpResponse

URL = "http://web.example/generate_204"
NOON = "Sat, 28 Nov 2026 12:00:00 GMT"
NOON_S = 1795867200.0


def answer(status, at_s=NOON_S, **headers):
    return judge(URL, HttpResponse(status, headers, b""), at_s, at_s + 0.2)


def test_the_empty_page_disproves_a_login_and_tells_the_time():
    right = answer(204, NOON_S + 0.5, date=NOON)
    assert right.portal is False
    assert right.clock_off_s == pytest.approx(0.1)
    assert answer(204, NOON_S + 3600, date=NOON).clock_off_s == pytest.approx(3599.6)


@pytest.mark.parametrize("status", [200, 301, 302, 307, 511])
def test_anything_in_its_place_is_a_login_page_whose_clock_is_not_believed(status):
    page = answer(status, date=NOON, location="http://login.example/\x1b[2J<b>")
    assert (page.portal, page.clock_off_s) == (True, None)
    assert page.text.isprintable()


@pytest.mark.parametrize("status", [403, 404, 500, 503])
def test_a_server_in_trouble_proves_nothing(status):
    assert answer(status).portal is None


@pytest.mark.parametrize("date", [None, "", "yesterday", "Sat, 99 Nov 2026 12:00:00 GMT"])
def test_a_date_that_is_none_tells_no_time(date):
    headers = {} if date is None else {"date": date}
    assert answer(204, **headers).clock_off_s is None


def test_one_right_answer_outweighs_a_page_and_silence_says_nothing():
    right, page, silent = WebAnswer(URL, False), WebAnswer(URL, True), WebAnswer(URL)
    assert web_facts([right, page])["portal"] is False
    assert web_facts([page, silent])["portal"] is True
    assert web_facts([silent])["portal"] is None
    assert web_facts([])["portal"] is None


def test_clocks_that_differ_prove_nothing():
    ahead, right = WebAnswer(URL, False, 3600.0), WebAnswer(URL, False, 0.1)
    assert web_facts([ahead, right])["clock_off_s"] is None
    assert (
        web_facts([WebAnswer(URL, False, -3600.0), WebAnswer(URL, False, -3601.0)])["clock_off_s"] == 3600.5
    )
