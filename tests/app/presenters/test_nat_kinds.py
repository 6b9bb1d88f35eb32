"""Every kind of NAT that the lab knows has its words, and they agree with what a check would say."""

import tomllib
from pathlib import Path

import pytest

from app.presenters.lab_grid import KINDS as ORDER
from app.presenters.nat_kinds import kind_words
from app.presenters.tone import Tone
from netstack.lab.kinds import KINDS

EXPECTED = tomllib.loads((Path(__file__).parents[2] / "expectations" / "nat.toml").read_text("utf-8"))["nat"]


@pytest.mark.parametrize("kind", KINDS)
def test_a_kind_is_called_what_its_diagnosis_says(kind):
    words = kind_words(kind)
    assert words.word.lower() == EXPECTED[kind]["verdict"]
    if (mapping := EXPECTED[kind].get("mapping")) not in (None, "none", "unknown"):
        assert mapping.replace("address-and-port", "address- and port") in words.term
    assert words.plain.endswith(".")


def test_the_grid_knows_every_kind():
    assert tuple(KINDS) == ORDER
    assert len({kind_words(kind).short for kind in ORDER}) == len(ORDER)


def test_an_unknown_kind_is_called_by_its_name():
    assert (kind_words("new").word, kind_words("new").tone) == ("new", Tone.UNKNOWN)
