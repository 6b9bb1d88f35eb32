"""The code entry: what it says to each thing that people type."""

import pytest

from app.presenters.peer_code import HINT, CodeView, check_code

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
    assert check_code(typed) == view


@pytest.mark.parametrize(
    "typed", ["hello!", "4829151 amber walnut kayak", "<b>482915</b>", "peerscope:run?x=1", "https://x"]
)
def test_what_can_never_be_a_code_is_a_problem(typed: str) -> None:
    view = check_code(typed)
    assert view.problem
    assert not view.code
    assert view.says
