"""What two programs that nobody here wrote say of a NAT: coturn's natdiscovery and Vovida's stun client.

They run in the calling thread, and so in its network namespace.
"""

import subprocess
from typing import NamedTuple

from netstack.model.nat import Filtering, Mapping
from tests.kernel.bed import FULL_SERVER

TIMEOUT_S = 40


class Said(NamedTuple):
    """What they say. None: no answer.

    `mapping` and `filtering` are by RFC 5780 sections 4.3 and 4.4 (it does not tell "no translation" from
    "endpoint-independent"), `hairpin` is by 4.6, `classic` is the verdict of RFC 3489 in Vovida's words.
    """

    mapping: Mapping | None
    filtering: Filtering | None
    hairpin: bool
    classic: str


def ask_all() -> Said:
    """Asks both at the same time."""
    programs = [_start("-m"), _start("-f"), _start("-H"), _popen("stun", FULL_SERVER)]
    mapping, filtering, hairpin, classic = (program.communicate(timeout=TIMEOUT_S)[0] for program in programs)
    mapping_words, filtering_words = _words(mapping, "Mapping"), _words(filtering, "Filtering")
    return Said(
        Mapping(mapping_words) if mapping_words else None,
        Filtering(filtering_words) if filtering_words else None,
        "Received a request" in hairpin,
        next((line for line in classic.splitlines() if line.startswith("Primary: ")), "").strip(),
    )


def mapping_outlives(idle_s: int) -> bool:
    """By RFC 5780 section 4.7: whether a mapping is the same after `idle_s` without traffic."""
    said = _start("-t", "-T", str(idle_s)).communicate(timeout=TIMEOUT_S)[0]
    return "RFC 5780 response 2" in said


def _start(*options: str) -> subprocess.Popen[str]:
    return _popen("turnutils_natdiscovery", *options, FULL_SERVER)


def _popen(*argv: str) -> subprocess.Popen[str]:
    return subprocess.Popen(argv, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)


def _words(said: str, subject: str) -> str | None:
    """`NAT with Address and Port Dependent Filtering!` -> `address-and-port-dependent`."""
    line = next((line for line in said.splitlines() if line.endswith(f" {subject}!")), None)
    if line is None:
        return None
    return line.removeprefix("NAT with ").removesuffix(f" {subject}!").lower().replace(" ", "-")
