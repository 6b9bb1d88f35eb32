"""The self-test passes where all is well, and says what is not."""

from pathlib import Path

import pytest

from app.cli import run, selftest
from netstack.server.stun import Behaviour, StunServer


def test_it_passes_here(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["selftest"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == len(selftest.CHECKS)
    assert all(line.startswith("ok ") for line in lines)


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("servers.toml", b"stun = ["),
        ("schema.json", b"{"),
        ("icon.svg", b"<svg>"),
        ("words.toml", b"\xff\xfe"),
    ],
)
def test_a_damaged_resource_is_named(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    name: str,
    content: bytes,
) -> None:
    (tmp_path / name).write_bytes(content)
    monkeypatch.setattr(selftest, "RESOURCES", tmp_path)
    assert run(["selftest"]) == 1
    assert f"FAILED  resources    ValueError: {name}" in capsys.readouterr().out


def test_missing_resources_fail(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(selftest, "RESOURCES", tmp_path / "nowhere")
    assert run(["selftest"]) == 1


def test_a_module_that_does_not_import_is_told(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def fail(name: str) -> None:
        raise ImportError(f"no {name}")

    monkeypatch.setattr(selftest, "import_module", fail)
    assert run(["selftest"]) == 1
    assert "FAILED  modules" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("behaviour", "says"), [(Behaviour.LIES, "it saw 192.0.2.66:6666"), (Behaviour.SILENT, "TimeoutError")]
)
def test_a_server_that_answers_wrongly_or_not_at_all_fails(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], behaviour: Behaviour, says: str
) -> None:
    monkeypatch.setattr(selftest, "ANSWER_TIMEOUT_S", 0.2)
    monkeypatch.setattr(selftest, "StunServer", lambda address: StunServer(address, behaviour=behaviour))
    assert run(["selftest"]) == 1
    assert says in capsys.readouterr().out


def test_a_configuration_that_is_not_there_is_2() -> None:
    assert run(["selftest", "--config", "/no/such/file"]) == 2
