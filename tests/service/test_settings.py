"""The settings desk: checked, written, used; and what is never overwritten or shown."""

import os
import stat
from pathlib import Path

import keyring
import pytest

from netstack.config import load_config
from netstack.core.settings import SettingError
from netstack.errors import InputError, PeerscopeError
from netstack.model.config import Cap, Config, TurnServer
from netstack.model.settings import Kept, SettingsState
from netstack.service.settings import SettingsDesk
from tests.service.test_turn_login import Memory

ANA = TurnServer("turn:192.0.2.7", "ana")


def mode_of(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


class Bed:
    def __init__(self, path: Path, text: str = "") -> None:
        self.path = path
        if text:
            path.write_text(text, "utf-8")
        self.states: list[SettingsState] = []
        self.used: list[frozenset[str]] = []
        self.refusal: PeerscopeError | None = None
        config = load_config(path) if text else load_config()
        self.desk = SettingsDesk(config, path, self.states.append, self._use)

    async def _use(self, _config: Config, keys: frozenset[str]) -> None:
        self.used.append(keys)
        if self.refusal is not None:
            raise self.refusal

    @property
    def state(self) -> SettingsState:
        return self.states[-1]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "deep" / "peerscope.toml"


@pytest.fixture
def bed(tmp_path: Path) -> Bed:
    return Bed(tmp_path / "peerscope.toml", '# mine\nstun = ["stun:192.0.2.1"]\n')


async def test_a_change_is_written_used_shown_and_taken_back(path: Path) -> None:
    bed = Bed(path)
    await bed.desk.change("hide_address", True)
    assert load_config(path).hide_address
    assert mode_of(path) == 0o600
    assert bed.used == [{"hide_address"}]
    assert bed.state.config.hide_address
    assert bed.state.undo == "Hide my address"
    await bed.desk.undo()
    assert not load_config(path).hide_address
    assert bed.state.undo == ""
    await bed.desk.undo()
    assert len(bed.used) == 2


async def test_nonsense_is_neither_written_nor_used(bed: Bed) -> None:
    before = bed.path.read_bytes()
    with pytest.raises(InputError):
        await bed.desk.change("stun", ("stuns:x",))
    assert bed.path.read_bytes() == before
    assert bed.used == []
    await bed.desk.change("stun", ("stun:192.0.2.1",))
    assert bed.used == []


async def test_what_others_wrote_meanwhile_is_never_overwritten(bed: Bed) -> None:
    bed.path.write_text('# theirs\nstun = ["stun:192.0.2.9"]\n', "utf-8")
    with pytest.raises(SettingError) as caught:
        await bed.desk.change("hide_address", True)
    assert caught.value.reason is SettingError.Reason.CHANGED
    assert "# theirs" in bed.path.read_text("utf-8")
    await bed.desk.read_again()
    assert bed.state.config.stun == ("stun:192.0.2.9",)
    assert bed.used == [{"stun"}]
    await bed.desk.change("hide_address", True)
    assert load_config(bed.path).hide_address


async def test_a_file_keeps_its_mode_until_it_holds_a_password(bed: Bed) -> None:
    bed.path.chmod(0o644)
    await bed.desk.change("turn", (ANA,))
    assert mode_of(bed.path) == 0o644
    await bed.desk.set_password(0, "hush", in_file=True)
    assert mode_of(bed.path) == 0o600
    assert load_config(bed.path).turn[0].password == "hush"
    assert bed.state.passwords == (Kept.FILE,)
    assert "hush" not in repr(bed.states)
    assert all(server.password == "" for state in bed.states for server in state.config.turn)


async def test_an_edited_server_keeps_its_password_and_a_new_one_gets_none(bed: Bed) -> None:
    await bed.desk.change("turn", (TurnServer(ANA.url, "ana", "hush"),))
    await bed.desk.change("turn", (TurnServer("turn:192.0.2.8", "ana"),))
    assert [each.password for each in bed.desk.config.turn] == ["hush"]
    await bed.desk.change("turn", (TurnServer("turn:192.0.2.9", "bob"), TurnServer("turn:192.0.2.8", "ana")))
    assert [each.password for each in bed.desk.config.turn] == ["", "hush"]


async def test_a_password_goes_into_the_keyring(bed: Bed) -> None:
    before, memory = keyring.get_keyring(), Memory()
    keyring.set_keyring(memory)
    try:
        await bed.desk.change("turn", (ANA,))
        assert bed.state.passwords == (Kept.UNKNOWN,)
        await bed.desk.set_password(0, "hush")
        assert list(memory.kept.values()) == ["hush"]
        assert bed.state.passwords == (Kept.KEYRING,)
        assert bed.used[-1] == {"turn"}
        await bed.desk.look_for_passwords()
        assert bed.state.passwords == (Kept.KEYRING,)
        await bed.desk.set_password(0, "")
        assert memory.kept == {}
        assert bed.state.passwords == (Kept.NOWHERE,)
    finally:
        keyring.set_keyring(before)
    assert "hush" not in bed.path.read_text("utf-8")


async def test_a_keyring_that_refuses_is_told_and_nothing_is_written(bed: Bed) -> None:
    await bed.desk.change("turn", (ANA,))
    with pytest.raises(SettingError) as caught:
        await bed.desk.set_password(0, "hush")
    assert caught.value.reason is SettingError.Reason.KEYRING
    assert "hush" not in caught.value.sentence + bed.path.read_text("utf-8")


async def test_what_goes_out_comes_back_without_passwords(bed: Bed, tmp_path: Path) -> None:
    await bed.desk.change("turn", (TurnServer(ANA.url, "ana", "hush"),))
    await bed.desk.change("cap", (Cap(2_000_000),))
    out = tmp_path / "out.toml"
    await bed.desk.export_to(out)
    assert "hush" not in out.read_text("utf-8")
    await bed.desk.reset("cap")
    await bed.desk.import_from(out)
    assert bed.desk.config.cap == (Cap(2_000_000),)
    assert bed.desk.config.turn[0].password == "hush"
    assert bed.state.undo == "Import of out.toml"
    await bed.desk.undo()
    assert bed.desk.config.cap == ()


@pytest.mark.parametrize(
    "content", [b"\xff", b"stun = [", b"nonsense = 1", b'stun = ["x y"]', b"#" * (1 << 20) + b"\n"]
)
async def test_a_file_that_cannot_be_used_changes_nothing(bed: Bed, tmp_path: Path, content: bytes) -> None:
    given = tmp_path / "given.toml"
    given.write_bytes(content)
    with pytest.raises(InputError):
        await bed.desk.import_from(given)
    assert bed.used == []
    assert bed.state.undo == ""


async def test_a_folder_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    (tmp_path / "blocked").write_text("a file, no folder", "utf-8")
    bed = Bed(tmp_path / "blocked" / "peerscope.toml")
    with pytest.raises(PeerscopeError):
        await bed.desk.change("hide_address", True)
    assert not bed.desk.config.hide_address


@pytest.mark.skipif(os.name != "posix", reason="only on POSIX")
async def test_a_link_to_the_file_stays_one(bed: Bed, tmp_path: Path) -> None:
    link = tmp_path / "link.toml"
    link.symlink_to(bed.path)
    linked = Bed(link)
    await linked.desk.read_again()
    await linked.desk.change("hide_address", True)
    assert link.is_symlink()
    assert load_config(bed.path).hide_address


async def test_what_cannot_be_used_is_told_and_can_be_taken_back(bed: Bed) -> None:
    bed.refusal = InputError(InputError.Reason.USAGE, "the port is taken")
    with pytest.raises(InputError):
        await bed.desk.change("metrics", "127.0.0.1:9464")
    bed.refusal = None
    await bed.desk.undo()
    assert bed.state.config.metrics == ""
