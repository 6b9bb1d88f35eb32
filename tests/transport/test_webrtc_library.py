"""What WebRTC costs who does not use it: nothing; and who does: no FFmpeg."""

import subprocess
import sys

import pytest

OPEN = """
import asyncio, sys
{first}
from netstack.transport.webrtc_channels import Certificate
Certificate.make()
print("aiortc" in sys.modules, "av" in sys.modules)
"""


def run(script: str) -> str:
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def test_without_pyav() -> None:
    assert run(OPEN.format(first="")) == "True False"


def test_with_a_pyav_that_somebody_else_has_imported() -> None:
    pytest.importorskip("av")
    assert run(OPEN.format(first="import av")) == "True True"


@pytest.mark.parametrize(
    "what", ["netstack.node", "netstack.lab.node", "app.cli", "app.cli.join", "app.main"]
)
def test_nothing_is_loaded_before_it_is_used(what: str) -> None:
    assert (
        run(
            f"import sys, {what}; print([name for name in ('aiortc', 'aioice', 'av') if name in sys.modules])"
        )
        == "[]"
    )


def test_a_node_that_runs_has_not_loaded_it() -> None:
    script = (
        "import asyncio, sys\n"
        "from netstack.node import Node\nfrom netstack.config import shipped_config\n"
        "from netstack.net.system import SystemNet\n"
        "async def main():\n"
        "    node = Node(SystemNet(), shipped_config())\n"
        "    await node.start()\n    await node.close()\n"
        "asyncio.run(main())\nprint([n for n in ('aiortc', 'aioice', 'av') if n in sys.modules])"
    )
    assert run(script) == "[]"
