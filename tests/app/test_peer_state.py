"""What the window keeps of meeting people between starts."""

import pytest
from PySide6.QtCore import QSettings

from app.peer_window import first_state
from netstack.model.config import Config


@pytest.mark.parametrize(
    ("text", "rendezvous", "name"),
    [("", (), None), ("name=Ana", ("lan",), "Ana"), ("name=@Invalid()", ("mqtt://own.example",), None)],
)
def test_ways_are_the_configurations_and_the_name_is_kept(tmp_path, text, rendezvous, name) -> None:
    file = tmp_path / "window.ini"
    file.write_text(f"[peers]\n{text}\n", encoding="utf-8")
    settings = QSettings(str(file), QSettings.Format.IniFormat)
    state = first_state(Config(rendezvous=rendezvous, brokers=("mqtts://broker.example",)), settings)
    assert state.ways == rendezvous
    assert state.brokers == ("mqtts://broker.example",)
    assert name is None or state.name == name
