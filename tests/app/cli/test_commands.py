"""The command line: one sentence for wrong use, exit codes, no window, nothing loaded unasked."""

import subprocess
import sys
from enum import StrEnum
from types import SimpleNamespace

import pytest
import typer

import app.cli
from app.__main__ import in_the_terminal, wants_window
from netstack.errors import InputError


@pytest.mark.parametrize(
    ("arguments", "window"),
    [
        ([], True),
        (["peerscope:join?code=1"], True),
        (["--lab"], True),
        (["--lab", "home"], True),
        (["--config", "x.toml"], True),
        (["nat"], False),
        (["no-such-command"], False),
        (["--help"], False),
        (["--version"], False),
    ],
)
def test_options_alone_are_the_windows(arguments: list[str], window: bool) -> None:
    assert wants_window(arguments) is window


@pytest.mark.parametrize(
    ("arguments", "options"),
    [
        ([], []),
        (["--lab"], ["--lab", "home"]),
        (["--lab", "cgnat"], ["--lab", "cgnat"]),
        (["--lab", "--config", "x.toml"], ["--lab", "home", "--config", "x.toml"]),
    ],
)
def test_the_windows_options_go_to_the_terminal_too(arguments: list[str], options: list[str]) -> None:
    assert in_the_terminal(arguments) == ["nat", *options]


def test_every_command_has_its_help_and_none_loads_qt() -> None:
    script = (
        "import sys; from app.cli import run\n"
        "code = run(['--help'])\n"
        "heavy = {'PySide6', 'shiboken6', 'qasync', 'pyqtgraph', 'numpy'} & set(sys.modules)\n"
        "assert not heavy, heavy\n"
        "sys.exit(code)\n"
    )
    run = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, timeout=30, check=False
    )
    assert run.returncode == 0, run.stderr
    for name in app.cli.COMMANDS:
        assert name in run.stdout


def test_only_the_command_that_is_asked_for_is_loaded(monkeypatch: pytest.MonkeyPatch) -> None:
    loaded: list[str] = []

    def load(name: str) -> SimpleNamespace:
        loaded.append(name)
        return SimpleNamespace(two=lambda: 0)

    monkeypatch.setattr(app.cli, "import_module", load)
    monkeypatch.setattr(app.cli, "COMMANDS", ("one", "two"))
    assert app.cli.run(["two"]) == 0
    assert loaded == ["app.cli.two"]


class TestExitCode:
    @pytest.fixture
    def run(self, monkeypatch: pytest.MonkeyPatch) -> object:
        def run(command: object, *arguments: str) -> int:
            monkeypatch.setattr(app.cli, "import_module", lambda _: SimpleNamespace(**{"try": command}))
            monkeypatch.setattr(app.cli, "COMMANDS", ("try",))
            return app.cli.run(["try", *arguments])

        return run

    @pytest.mark.parametrize("code", [0, 1, 2])
    def test_it_is_what_the_command_returns(self, run: object, code: int) -> None:
        def command() -> int:
            return code

        assert run(command) == code

    def test_an_error_of_ours_is_its_sentence_and_2(
        self, run: object, capsys: pytest.CaptureFixture[str]
    ) -> None:
        def command() -> int:
            raise InputError(InputError.Reason.SERVER, "stun:")

        assert run(command) == 2
        assert capsys.readouterr().err == InputError(InputError.Reason.SERVER, "stun:").sentence + "\n"

    def test_wrong_use_is_2(self, run: object, capsys: pytest.CaptureFixture[str]) -> None:
        class Size(StrEnum):
            BIG = "big"

        def command(size: Size) -> int:
            return 0

        assert run(command, "small") == 2
        assert "small" in capsys.readouterr().err

    def test_commands_of_a_command_have_it_too(self, run: object) -> None:
        group = typer.Typer()

        @group.command()
        def scan() -> int:
            return 1

        @group.command()
        def inspect() -> int:
            raise InputError(InputError.Reason.FILE)

        assert run(group, "scan") == 1
        assert run(group, "inspect") == 2

    def test_ctrl_c_is_130(self, run: object) -> None:
        def command() -> int:
            raise KeyboardInterrupt

        assert run(command) == 130


def test_no_display_is_one_sentence_and_2() -> None:
    run = subprocess.run(
        [sys.executable, "-m", "app"],
        env={"PATH": ""},
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    if sys.platform == "linux":
        assert run.returncode == 2
        assert run.stderr.count("\n") == 1
        assert "peerscope nat" in run.stderr
