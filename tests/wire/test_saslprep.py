import pytest

from netstack.errors import InputError
from netstack.wire.saslprep import saslprep


@pytest.mark.parametrize(
    ("text", "prepared"),
    [
        ("I\u00adX", "IX"),
        ("user", "user"),
        ("USER", "USER"),
        ("\u00aa", "a"),
        ("\u2168", "IX"),
        ("a\u00a0b", "a b"),
    ],
)
def test_the_examples_of_rfc_4013(text, prepared):
    assert saslprep(text) == prepared


@pytest.mark.parametrize("text", ["\u0007", "\u06271", "\u0627a\u0627", "\ue000", "\u0221"])
def test_forbidden_text_is_refused(text):
    with pytest.raises(InputError):
        saslprep(text)


def test_right_to_left_text_is_allowed_when_it_is_pure():
    assert saslprep("\u06271\u0628") == "\u06271\u0628"
