"""The configuration file: where it is found, and what is said of a bad one."""

import os
from pathlib import Path

import pytest

from netstack.config import load_config, user_config_path
from netstack.errors import InputError


def _write(folder: Path, text: str) -> Path:
    path = folder / "peerscope.toml"
    path.write_text(text, "utf-8")
    return path


def test_defaults_name_three_servers_or_more() -> None:
    assert len(load_config().stun) >= 3


def test_a_file_replaces_what_it_names_and_keeps_the_rest(tmp_path: Path) -> None:
    config = load_config(_write(tmp_path, 'rendezvous = ["lan"]\n[[turn]]\nurl = "turn:203.0.113.10"\n'))
    assert config.rendezvous == ("lan",)
    assert config.turn[0].url == "turn:203.0.113.10"
    assert len(config.stun) >= 3


def test_the_environment_names_the_file_and_the_option_wins(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "other").mkdir()
    monkeypatch.setenv("PEERSCOPE_CONFIG", str(_write(tmp_path, 'stun = ["stun:203.0.113.1"]')))
    assert load_config().stun == ("stun:203.0.113.1",)
    given = _write(tmp_path / "other", 'stun = ["stun:203.0.113.2"]')
    assert load_config(given).stun == ("stun:203.0.113.2",)


def test_the_users_own_file_is_read(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(
        "netstack.config.user_config_path", lambda: _write(tmp_path, 'stun = ["stun:203.0.113.3"]')
    )
    assert load_config().stun == ("stun:203.0.113.3",)
    assert user_config_path().name == "peerscope.toml"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("stnu = []", "did you mean stun?"),
        ('[[turn]]\nurl = "turn:x"\nuser = "u"', "did you mean turn.username?"),
        ("stun = 3", "stun"),
        ("stun = [", "peerscope.toml"),
        ("zzz = 1", "known: "),
    ],
)
def test_a_bad_file_is_named_with_what_to_change(tmp_path: Path, text: str, said: str) -> None:
    with pytest.raises(InputError, match="cannot be used") as caught:
        load_config(_write(tmp_path, text))
    assert said in caught.value.sentence
    assert "peerscope.toml" in caught.value.sentence


def test_a_missing_and_a_binary_file(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="No such file"):
        load_config(tmp_path / "none.toml")
    (tmp_path / "binary.toml").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(InputError, match="not UTF-8"):
        load_config(tmp_path / "binary.toml")


@pytest.mark.skipif(os.name != "posix", reason="file modes are POSIX")
def test_a_password_that_others_may_read_is_warned_of(tmp_path: Path) -> None:
    path = _write(tmp_path, '[[turn]]\nurl = "turn:x"\nusername = "u"\npassword = "secret"\n')
    path.chmod(0o644)
    warnings: list[str] = []
    load_config(path, warn=warnings)
    assert "chmod 600" in warnings[0]
    assert "secret" not in warnings[0]
    path.chmod(0o600)
    warnings.clear()
    load_config(path, warn=warnings)
    assert not warnings
