"""`peerscope selftest`: does every part of this installation work, here?"""

import pkgutil
import tomllib
from collections.abc import Callable
from importlib import import_module
from json import loads
from time import monotonic
from xml.etree import ElementTree

import app
import netstack
from app.cli.options import ConfigOption
from netstack.config import RESOURCES, load_config


def _modules() -> str:
    """Imports every module: a packaged program lacks the one that nobody named."""
    names = [
        module.name
        for package in (netstack, app)
        for module in pkgutil.walk_packages(package.__path__, f"{package.__name__}.")
    ]
    for name in names:
        import_module(name)
    return f"{len(names)} modules import"


def _resources() -> str:
    """Reads every file of `resources`, by its kind where it has one."""
    readers: dict[str, Callable[[str], object]] = {
        ".toml": tomllib.loads,
        ".json": loads,
        ".svg": ElementTree.fromstring,
    }
    files = [path for path in sorted(RESOURCES.rglob("*")) if path.is_file()]
    if not files:
        raise FileNotFoundError(f"{RESOURCES} holds no file")
    for path in files:
        try:
            content = path.read_bytes()
            if path.suffix in readers:
                readers[path.suffix](content.decode("utf-8"))
        except (OSError, ValueError, SyntaxError) as error:
            raise ValueError(f"{path.relative_to(RESOURCES)}: {error}") from error
    return f"{len(files)} files are readable"


# A part and what proves it: a function that returns what it saw, or raises. Servers are started on loopback
# and asked.
CHECKS: tuple[tuple[str, Callable[[], str]], ...] = (
    ("modules", _modules),
    ("resources", _resources),
)


def selftest(config: ConfigOption = None) -> int:
    """Check that every part of this installation works: imports, resources, embedded servers."""
    load_config(config)
    failed = 0
    for name, check in CHECKS:
        began = monotonic()
        try:
            word, seen = "ok", check()
        except Exception as error:  # whatever it is, it is what this command is here to tell
            word, seen = "FAILED", f"{type(error).__name__}: {error}"
            failed += 1
        print(f"{word:6}  {name:10}  {seen}  ({monotonic() - began:.2f} s)", flush=True)
    return 1 if failed else 0
