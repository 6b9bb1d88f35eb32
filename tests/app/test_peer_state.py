"""What the window keeps of meeting people between starts."""

import pytest
from PySide6.QtCore import QSettings

from app.peer_window import first_state
from netstack.model.config import Config


@pytest.mark.parametrize(
    ("text", "rendezvous", "ways", "name"),
    [
        ("", (), (), None),
        ("ways=lan\nname=Ana", (), ("lan",), "Ana"),
        ("ways=wss://meet.example, lan", (), ("wss://meet.example:443", "lan"), None),
        ("ways=https://nonsense, ", (), (), None),
        ("ways=lan", ("mqtt://own.example",), ("mqtt://own.example",), None),
    ],
)
def test_the_configuration_goes_before_what_was_chosen(tmp_path, text, rendezvous, ways, name) -> None:
    file = tmp_path / "window.ini"
    file.write_text(f"[peers]\n{text}\n", encoding="utf-8")
    settings = QSettings(str(file), QSettings.Format.IniFormat)
    state = first_state(Config(rendezvous=rendezvous, brokers=("mqtts://broker.example",)), settings)
    assert state.ways == ways
    assert state.brokers == ("mqtts://broker.example",)
    assert name is None or state.name == name
