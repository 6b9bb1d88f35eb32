import json
import shutil
import subprocess
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from netstack.core.guest_pact import GuestPact, open_note, parse_fragment, proof, seal_note
from netstack.errors import DecodeError
from netstack.model.meeting import Role

ROOT = Path(__file__).parents[2]
VECTORS = json.loads((ROOT / "tests" / "vectors" / "guest.json").read_text("utf-8"))
KEY = bytes.fromhex(VECTORS["key"])


def test_the_vectors_hold_here() -> None:
    pact = parse_fragment(VECTORS["fragment"])
    assert pact == GuestPact(VECTORS["fingerprint"], bytes.fromhex(VECTORS["secret"]))
    assert (pact.fragment, pact.mailbox, pact.key) == (VECTORS["fragment"], VECTORS["mailbox"], KEY)
    body = bytes.fromhex(VECTORS["note_body"])
    assert seal_note(KEY, VECTORS["note_kind"], body).hex() == VECTORS["note"]
    assert open_note(KEY, bytes.fromhex(VECTORS["note"])) == (VECTORS["note_kind"], body)
    for role in Role:
        told = proof(
            KEY,
            role,
            VECTORS["fingerprint"],
            VECTORS["guest_fingerprint"],
            VECTORS["offer"].encode(),
            VECTORS["answer"].encode(),
        )
        assert told.hex() == VECTORS[f"proof_{role.value}"]


def test_the_vectors_hold_in_the_page() -> None:
    """The page's own functions, run by another JavaScript engine than a browser's window; and SHA-256 by FIPS 180-4."""
    node = shutil.which("node")
    if node is None:
        pytest.skip("node is not installed")
    script = ROOT / "tests" / "vectors" / "guest_page.mjs"
    done = subprocess.run([node, str(script)], capture_output=True, text=True, timeout=30, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_a_changed_note_or_another_key_does_not_open() -> None:
    note = bytes.fromhex(VECTORS["note"])
    for at in range(len(note)):
        changed = note[:at] + bytes((note[at] ^ 1,)) + note[at + 1 :]
        with pytest.raises(DecodeError):
            open_note(KEY, changed)
    with pytest.raises(DecodeError):
        open_note(bytes(32), note)


def test_a_proof_is_for_one_role_and_one_connection() -> None:
    one = proof(KEY, Role.HOST, "aa" * 32, "bb" * 32, b"offer", b"answer")
    others = {
        proof(KEY, Role.GUEST, "aa" * 32, "bb" * 32, b"offer", b"answer"),
        proof(KEY, Role.HOST, "ab" * 32, "bb" * 32, b"offer", b"answer"),
        proof(KEY, Role.HOST, "aa" * 32, "bc" * 32, b"offer", b"answer"),
        proof(KEY, Role.HOST, "aa" * 32, "bb" * 32, b"offer!", b"answer"),
        proof(KEY, Role.HOST, "aa" * 32, "bb" * 32, b"offer", b"answer!"),
        proof(bytes(32), Role.HOST, "aa" * 32, "bb" * 32, b"offer", b"answer"),
    }
    assert one not in others
    assert len(others) == 6


@pytest.mark.parametrize("text", ["", "x", "A" * 63, "A" * 65, "A" * 60 + "!!!!", "ä" * 64])
def test_a_link_that_is_not_whole_is_refused(text: str) -> None:
    with pytest.raises(DecodeError):
        parse_fragment(text)


@given(st.binary(max_size=200))
def test_anything_is_a_note_or_an_error(data: bytes) -> None:
    with pytest.raises(DecodeError):
        open_note(KEY, data)
