"""How to run a server of one's own: what stands there can be run."""

import re

import typer
from PySide6.QtWidgets import QApplication, QWidget

from app.cli.serve import serve
from app.widgets.own_server import OwnServerDialog
from app.widgets.theme import Choice, Theme
from netstack.config import RESOURCES


def test_it_shows_the_text_and_copies_it(qapp, qtbot):
    parent = QWidget()
    qtbot.addWidget(parent)
    dialog = OwnServerDialog(Theme(qapp, Choice.LIGHT), parent)
    dialog.show()
    copy = next(
        each for each in dialog.children() if getattr(each, "accessibleName", str)() == "Copy everything"
    )
    copy.click()
    assert QApplication.clipboard().text() == (RESOURCES / "run-your-own.md").read_text("utf-8")


def test_every_option_of_serve_that_it_names_exists():
    text = (RESOURCES / "run-your-own.md").read_text("utf-8")
    commands = re.findall(r"peerscope serve ([^\n]*)", text)
    named = {option for command in commands for option in re.findall(r"--[a-z-]+", command)}
    app = typer.Typer()
    app.command()(serve)
    known = {name for each in typer.main.get_command(app).params for name in each.opts}
    assert named
    assert named <= known
