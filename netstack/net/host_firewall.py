"""The firewall of this computer, where a program without special rights, or root, can read it (Linux)."""

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any, Final

from netstack.net.protocol import HostFirewall

COMMAND_S: Final = 3.0
_UFW: Final = Path("/etc/ufw/ufw.conf")
_UFW_POLICY: Final = Path("/etc/default/ufw")
_JUDGED: Final = frozenset({"ip", "inet"})


def read_firewall() -> HostFirewall | None:
    """None where it cannot be read. Blocks for up to 3 s as root: it asks nft."""
    if sys.platform != "linux":
        return None
    if os.geteuid() == 0 and (rules := _nft_rules()) is not None:
        return judge_nft(rules)
    return judge_ufw(_text(_UFW), _text(_UFW_POLICY))


def judge_ufw(settings: str, policy: str) -> HostFirewall | None:
    """Ufw's own files, which everyone may read; None while it is off: another one may be on."""
    if not re.search(r"^\s*ENABLED\s*=\s*[\"']?yes", settings, re.IGNORECASE | re.MULTILINE):
        return None
    word = re.search(r"^\s*DEFAULT_INPUT_POLICY\s*=\s*[\"']?(\w+)", policy, re.IGNORECASE | re.MULTILINE)
    return HostFirewall("ufw", word[1].upper() in {"DROP", "REJECT"} if word else None)


def judge_nft(ruleset: dict[str, Any]) -> HostFirewall:
    """`nft --json list ruleset`: what is not asked for stays out where an input chain ends in drop or reject."""
    entries = [entry for entry in ruleset.get("nftables", ()) if isinstance(entry, dict)]
    chains = [entry["chain"] for entry in entries if "chain" in entry]
    rules = [entry["rule"] for entry in entries if "rule" in entry]
    inputs = [chain for chain in chains if chain.get("hook") == "input" and chain.get("family") in _JUDGED]
    for chain in inputs:
        own = [rule for rule in rules if _place(rule, "chain") == _place(chain, "name")]
        if chain.get("policy") == "drop" or (own and _drops_everything(own[-1].get("expr", ()))):
            return HostFirewall(f"nftables ({chain.get('table')})", True)
    return HostFirewall("nftables", False)


def _place(entry: dict[str, Any], name: str) -> tuple[Any, ...]:
    return entry.get("family"), entry.get("table"), entry.get(name)


def _drops_everything(expressions: Iterable[Any]) -> bool:
    """The rule asks for nothing before it drops."""
    verbs = {next(iter(each), "") for each in expressions if isinstance(each, dict)}
    return bool(verbs & {"drop", "reject"}) and not verbs & {"match", "lookup", "limit", "xt"}


def _nft_rules() -> dict[str, Any] | None:
    try:
        done = subprocess.run(
            ["nft", "--json", "list", "ruleset"],
            capture_output=True,
            text=True,
            timeout=COMMAND_S,
            check=True,
        )
        rules = json.loads(done.stdout)
    except (OSError, subprocess.SubprocessError, ValueError):
        return None
    return rules if isinstance(rules, dict) else None


def _text(path: Path) -> str:
    try:
        return path.read_text("utf-8", errors="replace")
    except OSError:
        return ""
