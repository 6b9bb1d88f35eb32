import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from netstack.errors import DecodeError
from netstack.wire.upnp_xml import parse


def test_names_lose_their_prefix_and_texts_their_blanks():
    root = parse(b'<?xml version="1.0"?><s:a xmlns:s="urn:x"><b> x &amp; y </b><b>2</b></s:a>')
    assert (root.name, root.text_of("b"), root.text_of("c")) == ("a", "x & y", "")
    assert [element.name for element in root.descendants()] == ["a", "b", "b"]


BOMB = b'<!DOCTYPE a [<!ENTITY x "xxxxxxxx"><!ENTITY y "&x;&x;&x;">]><a>&y;</a>'


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (BOMB, DecodeError.Reason.MALFORMED),
        (b'<!DOCTYPE a SYSTEM "file:///etc/passwd"><a/>', DecodeError.Reason.MALFORMED),
        (b"<a>" * 40 + b"</a>" * 40, DecodeError.Reason.OVERSIZED),
        (b"<a>" + b"<b/>" * 5000 + b"</a>", DecodeError.Reason.OVERSIZED),
        (b"<a>" + b" " * 65_536 + b"</a>", DecodeError.Reason.OVERSIZED),
        (b"<a>", DecodeError.Reason.MALFORMED),
        (b"", DecodeError.Reason.MALFORMED),
        (b'<?xml version="1.0" encoding="x-none"?><a/>', DecodeError.Reason.MALFORMED),
    ],
)
def test_what_is_dangerous_or_broken_is_refused(data, reason):
    with pytest.raises(DecodeError) as caught:
        parse(data)
    assert caught.value.reason is reason


@given(st.binary(max_size=100) | st.text("<>/ab!&;= \"'?[]", max_size=60).map(str.encode))
def test_any_bytes_give_a_value_or_a_decode_error(data):
    with contextlib.suppress(DecodeError):
        parse(data)
