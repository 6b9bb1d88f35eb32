"""What the window is started with."""

import pytest
from PySide6.QtCore import QSettings

from app.main import _kept_servers, _kept_theme, main
from app.widgets.theme import Choice


def test_a_configuration_that_cannot_be_used_is_one_sentence(tmp_path, capsys):
    file = tmp_path / "peerscope.toml"
    file.write_text("stunn = []", encoding="utf-8")
    assert main(["--config", str(file)]) == 2
    said = capsys.readouterr().err
    assert "did you mean stun?" in said
    assert said.count("\n") == 1


def test_a_scenario_that_does_not_exist_is_one_sentence(capsys):
    assert main(["--lab", "nowhere"]) == 2
    assert capsys.readouterr().err.count("\n") == 1


def test_wrong_use_says_how(capsys):
    with pytest.raises(SystemExit) as told:
        main(["--nonsense"])
    assert told.value.code == 2
    assert "usage" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("", ()),
        ("servers=stun:198.51.100.1", ("stun:198.51.100.1",)),
        ("servers=stun:198.51.100.1, stun:, stun:198.51.100.1:3478, stun:b", ("stun:198.51.100.1", "stun:b")),
        ("servers=@Invalid()", ()),
    ],
)
def test_servers_that_were_kept_are_looked_at_again(tmp_path, text, kept):
    file = tmp_path / "window.ini"
    file.write_text(f"[nat]\n{text}\n[window]\ntheme=purple\n", encoding="utf-8")
    settings = QSettings(str(file), QSettings.Format.IniFormat)
    assert _kept_servers(settings) == kept
    assert _kept_theme(settings) is Choice.SYSTEM
