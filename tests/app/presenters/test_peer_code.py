"""The code entry: what it says to each thing that people type."""

import pytest

from app.presenters.peer_code import HINT, CodeView, check_code, is_invitation
from netstack.core.paste_invitation import PasteInvitation

CODE = "482915-amber-walnut-kayak"


@pytest.mark.parametrize(
    ("typed", "view"),
    [
        ("", CodeView(says=HINT)),
        ("4829", CodeView(says=HINT)),
        ("482915 amb", CodeView(says=HINT)),
        ("482915 amber walnut", CodeView(says=HINT)),
        (CODE, CodeView(CODE, says="That is a whole code.")),
        ("  482 915  Amber WALNUT kayak ", CodeView(CODE, says="That is a whole code.")),
        (
            "482915 amber walnut kayk",
            CodeView(says="One of the words is not one that session codes use.", problem=True, meant=CODE),
        ),
        (
            "482915-amber-walnut-xyzzyplugh",
            CodeView(says="One of the words is not one that session codes use. (xyzzyplugh)", problem=True),
        ),
        ("peerscope:jo", CodeView(says=HINT)),
        (
            f"peerscope:join?code={CODE}&via=wss://meet.example:443&via=lan",
            CodeView(
                CODE,
                ("wss://meet.example:443", "lan"),
                f"From a link: {CODE}. It meets by wss://meet.example:443 or lan. "
                "Nothing happens before you press Join.",
            ),
        ),
        (
            f"peerscope:join?code={CODE}",
            CodeView(CODE, (), f"From a link: {CODE}. Nothing happens before you press Join."),
        ),
    ],
)
def test_what_is_typed(typed: str, view: CodeView) -> None:
    assert check_code(typed, 1000.0) == view


def test_a_whole_invitation_may_be_pasted_with_its_line_breaks() -> None:
    text = PasteInvitation.make(b"k" * 16, b"addresses", 1000.0).text
    view = check_code(f" {text[:40]}\n{text[40:]}", 1060.0)
    assert view.code == text
    assert is_invitation(view.code)
    assert "9 more minutes" in view.says
    assert check_code(text, 1601.0).problem
    assert check_code(text[:-5], 1000.0).problem
    reply = PasteInvitation.make(b"k" * 16, b"", 1000.0).reply(b"", b"n" * 12)
    assert "where the invitation was made" in check_code(reply, 1000.0).says


@pytest.mark.parametrize(
    "typed", ["hello!", "4829151 amber walnut kayak", "<b>482915</b>", "peerscope:run?x=1", "https://x"]
)
def test_what_can_never_be_a_code_is_a_problem(typed: str) -> None:
    view = check_code(typed, 1000.0)
    assert view.problem
    assert not view.code
    assert view.says
