"""What the window is started with."""

import pytest
from PySide6.QtCore import QSettings

from app.main import _kept_theme, main
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


def test_a_look_that_was_kept_and_is_none_is_the_systems(tmp_path):
    file = tmp_path / "window.ini"
    file.write_text("[window]\ntheme=purple\n", encoding="utf-8")
    assert _kept_theme(QSettings(str(file), QSettings.Format.IniFormat)) is Choice.SYSTEM
