"""dev.py chooses rightly between window, terminal and tests, and its verdict on the stages is honest."""

import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from types import ModuleType

import pytest

DEV = Path(__file__).parents[2] / "packaging" / "dev.py"


@pytest.fixture
def dev(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """The module, with nothing to set up."""
    import dev

    monkeypatch.setattr(dev.environment, "prepare", lambda _: None)
    monkeypatch.setattr(dev.system_packages, "install", lambda _: [])
    return dev


class StartedError(Exception):
    """In place of a process that is replaced."""


@pytest.fixture
def start(dev: ModuleType, monkeypatch: pytest.MonkeyPatch) -> object:
    def execv(path: str, command: Sequence[str]) -> None:
        raise StartedError(list(command[1:]))

    monkeypatch.setattr(os, "execv", execv)

    def start(*args: str, display: bool) -> list[str]:
        monkeypatch.setattr("app.display.has_display", lambda: display)
        with pytest.raises(StartedError) as started:
            dev.main(["run", *args])
        return list(started.value.args[0])

    return start


@pytest.mark.skipif(os.name != "posix", reason="only on systems that replace a process")
class TestRun:
    def test_with_a_display_it_is_the_window(self, start: object) -> None:
        assert start("--lab", "home", display=True) == ["--lab", "home"]

    def test_without_a_display_it_says_so_and_goes_on(
        self, start: object, capsys: pytest.CaptureFixture[str]
    ) -> None:
        assert start("--lab", "home", display=False) == ["nat", "--lab", "home"]
        assert "no display" in capsys.readouterr().out

    def test_a_command_needs_no_display(self, start: object, capsys: pytest.CaptureFixture[str]) -> None:
        assert start("nat", "--fresh", display=False) == ["nat", "--fresh"]
        assert capsys.readouterr().out == ""


def test_arguments_go_to_pytest(dev: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[object] = []
    monkeypatch.setattr(dev.stages, "run_pytest", lambda args: calls.append(args) or 3)
    monkeypatch.setattr(dev.stages, "run_all", lambda sweeps, **_: calls.append(sweeps) or 4)
    assert [
        dev.main(["test", *args]) for args in ((), ("--all",), ("--all", "-k", "x"), ("tests/wire",))
    ] == [4, 4, 3, 3]
    assert calls == [False, True, ["--all", "-k", "x"], ["tests/wire"]]


@pytest.mark.parametrize("args", [[], ["tset"], ["setup", "everything"]])
def test_wrong_use_is_said(args: list[str]) -> None:
    run = subprocess.run(
        [sys.executable, DEV, *args], capture_output=True, text=True, timeout=20, check=False
    )
    assert run.returncode != 0
    assert "Traceback" not in run.stderr
    assert run.stderr


class TestStages:
    @pytest.fixture
    def run(self, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> object:
        import stages

        monkeypatch.setattr(stages, "RESULTS", tmp_path / "results")
        monkeypatch.setattr(stages, "IN_CI", False)
        monkeypatch.setattr(stages, "PYTEST", [sys.executable, "-m", "pytest"])

        def run(*commands: list[str], needs: str = "") -> int:
            here = [stages.Stage(f"stage {n}", [command], needs) for n, command in enumerate(commands)]
            monkeypatch.setattr(stages, "STAGES", here)
            return stages.run_all(sweeps=False, set_up_s=0.0)

        return run

    def test_all_stages_run_and_one_failure_is_the_verdict(
        self, run: object, capfd: pytest.CaptureFixture[str]
    ) -> None:
        bad = [sys.executable, "-c", "raise SystemExit(3)"]
        good = [sys.executable, "-c", "print('still here')"]
        assert run(bad, good) == 1
        out = capfd.readouterr().out
        assert "still here" in out
        assert "stage 0 failed" in out
        assert out.splitlines()[-1] == "1 passed, 1 failed, 0 skipped"

    def test_tests_are_counted_one_by_one(
        self, run: object, tmp_path: Path, capfd: pytest.CaptureFixture[str]
    ) -> None:
        (tmp_path / "pytest.ini").write_text("[pytest]\n")
        file = tmp_path / "test_it.py"
        file.write_text(
            "import pytest\ndef test_a(): pass\ndef test_b(): assert 0\n"
            "def test_c(): pytest.skip('only on Mars')\n"
        )
        pytest_here = [sys.executable, "-m", "pytest", "-c", str(tmp_path / "pytest.ini"), str(file)]
        assert run(pytest_here) == 1
        assert capfd.readouterr().out.splitlines()[-1] == "1 passed, 1 failed, 1 skipped"

    def test_a_stage_without_a_test_fails(self, run: object, tmp_path: Path) -> None:
        (tmp_path / "pytest.ini").write_text("[pytest]\n")
        assert run([sys.executable, "-m", "pytest", "-c", str(tmp_path / "pytest.ini"), str(tmp_path)]) == 1

    @pytest.mark.parametrize(("in_ci", "code"), [(False, 0), (True, 1)])
    def test_what_cannot_run_is_said_and_fails_only_in_ci(
        self,
        run: object,
        monkeypatch: pytest.MonkeyPatch,
        capfd: pytest.CaptureFixture[str],
        in_ci: bool,
        code: int,
    ) -> None:
        import stages

        monkeypatch.setattr(stages, "IN_CI", in_ci)
        monkeypatch.setattr(stages, "_missing", lambda _: "it needs a telescope")
        assert run([sys.executable, "-c", "print('never')"], needs="display") == code
        out = capfd.readouterr().out
        assert "it needs a telescope" in out
        assert "never" not in out
