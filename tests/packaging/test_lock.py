"""The locks name packages and hashes, satisfy pyproject.toml, and agree with each other."""

import re
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
SYSTEMS = [
    {"sys_platform": platform, "platform_system": system, "python_version": version, "extra": ""}
    for platform, system in (("linux", "Linux"), ("darwin", "Darwin"), ("win32", "Windows"))
    for version in ("3.11", "3.12", "3.13")
]


def text(kind: str) -> str:
    return (ROOT / "packaging" / "lock" / f"{kind}.txt").read_text("utf-8")


def requirements(kind: str) -> list[Requirement]:
    lines = text(kind).replace("\\\n", " ").splitlines()
    return [Requirement(line.split("--hash")[0].strip()) for line in lines]


def pinned(kind: str, system: dict[str, str]) -> dict[str, str]:
    system = {**system, "python_full_version": system["python_version"] + ".0"}
    return {
        canonicalize_name(requirement.name): str(requirement.specifier).removeprefix("==")
        for requirement in requirements(kind)
        if requirement.marker is None or requirement.marker.evaluate(system)
    }


@pytest.mark.parametrize("kind", ["run", "test"])
def test_names_versions_markers_hashes_and_nothing_else(kind: str) -> None:
    line = re.compile(r"[a-z0-9._-]+==[A-Za-z0-9.!]+( ; [^\\]+)? \\|    --hash=sha256:[0-9a-f]{64}( \\)?")
    wrong = [shown for shown in text(kind).splitlines() if not line.fullmatch(shown)]
    assert not wrong


@pytest.mark.parametrize("kind", ["run", "test"])
@pytest.mark.parametrize("system", SYSTEMS, ids=lambda s: f"{s['sys_platform']}-{s['python_version']}")
def test_pyproject_is_satisfied(kind: str, system: dict[str, str]) -> None:
    stated = PROJECT["project"]["dependencies"] + PROJECT["build-system"]["requires"]
    if kind == "test":
        stated = stated + PROJECT["project"]["optional-dependencies"]["test"]
    locked = pinned(kind, system)
    for requirement in map(Requirement, stated):
        if requirement.marker is not None and not requirement.marker.evaluate(system):
            continue
        version = locked.get(canonicalize_name(requirement.name))
        assert version is not None, f"{requirement.name} is not locked"
        assert requirement.specifier.contains(version), f"{requirement} is locked as {version}"


@pytest.mark.parametrize("system", SYSTEMS, ids=lambda s: f"{s['sys_platform']}-{s['python_version']}")
def test_tests_run_on_what_users_run_on(system: dict[str, str]) -> None:
    assert pinned("run", system).items() <= pinned("test", system).items()
