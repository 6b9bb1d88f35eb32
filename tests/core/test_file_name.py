"""Names that strangers choose."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from netstack.core.file_name import MAX_BYTES, numbered, safe_name


@pytest.mark.parametrize(
    ("offered", "kept"),
    [
        ("report.pdf", "report.pdf"),
        ("../../etc/passwd", "passwd"),
        ("C:\\Windows\\system32\\evil.dll", "evil.dll"),
        ("/", "file"),
        ("..", "file"),
        ("", "file"),
        ("   ", "file"),
        (".bashrc", "bashrc"),
        ("a\0b\nc\x1b[31m.txt", "abc[31m.txt"),
        ("photo\u202egpj.exe", "photogpj.exe"),
        ("con", "_con"),
        ("NUL.txt", "_NUL.txt"),
        ("com¹.log", "_com¹.log"),
        ("lpt9", "_lpt9"),
        ("trailing. . ", "trailing"),
        ('what<is>this:"?*|', "what_is_this_____"),
        ("Ünïcode 🚀.tar.gz", "Ünïcode 🚀.tar.gz"),
        ("a" * 300 + ".jpeg", "a" * (MAX_BYTES - 5) + ".jpeg"),
    ],
)
def test_names(offered: str, kept: str) -> None:
    assert safe_name(offered) == kept


@given(st.text(max_size=400))
def test_no_name_leaves_its_folder_or_fools_a_reader(offered: str) -> None:
    name = safe_name(offered)
    assert 0 < len(name.encode()) <= MAX_BYTES
    assert not set(name) & set('/\\:*?"<>|\0')
    assert name not in {".", ".."}
    assert name[0] != "."
    assert name[-1] not in ". "
    assert not any(unicodedata.category(char)[0] == "C" for char in name)
    assert safe_name(name) == name


def test_the_next_free_name() -> None:
    assert numbered("report.pdf", 2) == "report (2).pdf"
    assert numbered("README", 3) == "README (3)"
