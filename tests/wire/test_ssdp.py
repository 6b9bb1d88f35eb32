import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from netstack.errors import DecodeError
from netstack.model.address import Address
from netstack.wire import ssdp

ANSWER = (
    b"HTTP/1.1 200 OK\r\nCACHE-CONTROL: max-age=120\r\nST: urn:schemas-upnp-org:device:InternetGatewayDevice:1\r\n"
    b"USN: uuid:1::x\r\nEXT:\r\nSERVER: Debian/12 UPnP/1.1 MiniUPnPd/2.3.1\r\n"
    b"LOCATION: http://192.0.2.1:5000/rootDesc.xml\r\n\r\n"
)


def test_an_answer_gives_its_target_and_its_location():
    assert ssdp.decode_answer(ANSWER) == (ssdp.TARGETS[0], "http://192.0.2.1:5000/rootDesc.xml")


def test_the_group_may_wait_a_second_and_a_gateway_need_not():
    assert b"MX: 1\r\n" in ssdp.encode_search(ssdp.TARGETS[0], ssdp.GROUP)
    asked = ssdp.encode_search(ssdp.TARGETS[1], Address("192.0.2.1", 1900))
    assert asked.startswith(b"M-SEARCH * HTTP/1.1\r\nHOST: 192.0.2.1:1900\r\n")
    assert b"MX:" not in asked
    assert asked.endswith(b"\r\n\r\n")


@given(st.binary(max_size=200) | st.binary(max_size=200).map(lambda tail: b"HTTP/1.1 200 OK\r\n" + tail))
def test_any_bytes_give_a_value_or_a_decode_error(data):
    with contextlib.suppress(DecodeError):
        ssdp.decode_answer(data)


@pytest.mark.parametrize(
    ("url", "address", "path"),
    [
        ("http://192.0.2.1:5000/rootDesc.xml", Address("192.0.2.1", 5000), "/rootDesc.xml"),
        ("http://192.0.2.1", Address("192.0.2.1", 80), "/"),
        ("http://192.0.2.1:80/ctl?x=1", Address("192.0.2.1", 80), "/ctl?x=1"),
        ("http://[2001:db8::1]:5000/d", Address("2001:db8::1", 5000), "/d"),
    ],
)
def test_a_url_is_an_address_and_a_path(url, address, path):
    assert ssdp.read_http_url(url) == (address, path)


@pytest.mark.parametrize(
    "url",
    [
        "https://192.0.2.1/",
        "ftp://192.0.2.1/",
        "http://router.example/",
        "http://user@192.0.2.1/",
        "http://192.0.2.1:0/",
        "http://192.0.2.1:99999/",
        "http://192.0.2.1/\r\nHost: x",
        "http://192.0.2.1/a b",
        "http://[::1/",
        "http://192.0.2.1/" + "a" * 1024,
        "",
    ],
)
def test_other_urls_are_refused(url):
    with pytest.raises(DecodeError):
        ssdp.read_http_url(url)


@given(st.text(max_size=60) | st.text(max_size=60).map(lambda tail: "http://" + tail))
def test_any_text_is_a_url_or_a_decode_error(url):
    with contextlib.suppress(DecodeError):
        ssdp.read_http_url(url)
