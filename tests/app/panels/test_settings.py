"""The Settings page: what is typed holds once it is right, and never before."""

import asyncio
from collections.abc import Iterator

import msgspec
import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QApplication, QLabel, QLineEdit, QPushButton

from app.actions import Actions
from app.panels.settings import SettingsActions, SettingsPage
from app.widgets.choice_box import ChoiceBox
from app.widgets.switch import Switch
from app.widgets.theme import Choice, Theme
from netstack.config import shipped_config
from netstack.core.settings import SettingError
from netstack.model.config import Cap, TurnServer
from netstack.model.settings import Kept, SettingsState
from netstack.model.snapshot import Snapshot

SHIPPED = shipped_config()
RELAY = TurnServer("turn:x.example", "ana")


class Bench:
    def __init__(self, qapp: QApplication) -> None:
        self.asked: list[tuple[object, ...]] = []
        self.refusal: Exception | None = None
        actions = Actions()
        self.page = SettingsPage(
            Theme(qapp, Choice.LIGHT),
            SettingsActions(**{name: actions.add(name, self.work(name)) for name in SettingsActions._fields}),
        )
        self.page.resize(1100, 1400)
        self.page.show()

    def work(self, name: str):
        async def run(*arguments: object) -> None:
            self.asked.append((name, *arguments))
            await asyncio.sleep(0)
            if self.refusal is not None:
                raise self.refusal

        return run

    def show(self, *, passwords: tuple[Kept, ...] = (), undo: str = "", **changes: object) -> None:
        config = msgspec.structs.replace(SHIPPED, **changes)
        state = SettingsState("peerscope.toml", config, SHIPPED, passwords, undo)
        self.page.show_snapshot(Snapshot(settings=state), 0.0)
        QApplication.sendPostedEvents()

    def box(self, name: str, number: int = 0) -> QLineEdit:
        return [
            each
            for each in self.page.findChildren(QLineEdit)
            if each.accessibleName() == name and each.isVisible()
        ][number]

    def button(self, name: str) -> QPushButton:
        return next(
            each
            for each in self.page.findChildren(QPushButton)
            if each.accessibleName() == name and each.isVisible()
        )

    def problems(self) -> list[str]:
        return [
            each.text()
            for each in self.page.findChildren(QLabel)
            if each.objectName() in {"problem", "notice"} and each.isVisible()
        ]

    async def settle(self) -> None:
        for _ in range(30):
            await asyncio.sleep(0)
            QApplication.sendPostedEvents()


@pytest.fixture
def bench(qtbot, qapp) -> Iterator[Bench]:
    bench = Bench(qapp)
    qtbot.addWidget(bench.page)
    yield bench
    for box in bench.page.findChildren(QLineEdit):
        box.blockSignals(True)


def _type(box: QLineEdit, text: str) -> None:
    box.setFocus()
    box.setText(text)
    box.textEdited.emit(text)


async def test_a_number_holds_once_it_is_right(bench) -> None:
    bench.show()
    box = bench.box("Keep diagnoses and sessions for")
    _type(box, "0")
    assert any("1 to 3,650 days" in text for text in bench.problems())
    box.editingFinished.emit()
    await bench.settle()
    assert bench.asked == []
    _type(box, "30")
    assert bench.problems() == []
    box.editingFinished.emit()
    await bench.settle()
    assert bench.asked == [("change", "history_days", 30)]
    bench.show(history_days=30)
    _type(box, "x")
    bench.page.stop()
    assert box.text() == "30"
    assert bench.problems() == []


async def test_a_server_is_added_changed_and_removed(bench) -> None:
    bench.show(stun=("stun:a.example",))
    bench.button("Add to STUN servers").click()
    await bench.settle()
    new = bench.box("STUN servers", 1)
    _type(new, "b c")
    assert bench.problems()
    _type(new, "stun:b.example")
    assert bench.problems() == []
    new.editingFinished.emit()
    await bench.settle()
    assert bench.asked.pop() == ("change", "stun", ("stun:a.example", "stun:b.example"))
    bench.show(stun=("stun:a.example", "stun:b.example"))
    bench.button("Remove").click()
    await bench.settle()
    assert bench.asked.pop() == ("change", "stun", ("stun:b.example",))
    bench.show(stun=("stun:b.example",))
    bench.button("Remove").click()
    await bench.settle()
    assert bench.asked == []
    assert any("One must stay" in text for text in bench.problems())


async def test_what_is_being_typed_stays_while_other_things_change(bench) -> None:
    bench.show(stun=("stun:a.example",))
    _type(bench.box("STUN servers"), "stun:half")
    bench.show(stun=("stun:a.example",), hide_address=True)
    assert bench.box("STUN servers").text() == "stun:half"
    assert bench.page.findChild(Switch).isChecked()
    bench.page.stop()
    assert bench.box("STUN servers").text() == "stun:a.example"


async def test_no_change_is_lost_while_another_is_written(bench) -> None:
    bench.show()
    switch = bench.page.findChild(Switch)
    switch.click()
    box = bench.box("Keep at most")
    _type(box, "50")
    box.editingFinished.emit()
    await bench.settle()
    assert bench.asked == [("change", "hide_address", True), ("change", "history_megabytes", 50)]


async def test_a_refusal_is_told_and_what_holds_is_shown_again(bench, expected_logs) -> None:
    expected_logs("change failed")
    bench.show()
    bench.refusal = SettingError(SettingError.Reason.CHANGED)
    bench.page.findChild(Switch).click()
    await bench.settle()
    assert any("read it again" in text for text in bench.problems())
    assert not bench.page.findChild(Switch).isChecked()
    bench.refusal = None
    bench.button("Read the file again").click()
    await bench.settle()
    assert bench.asked[-1] == ("again",)
    assert bench.problems() == []


async def test_a_password_leaves_its_box_and_may_go_into_the_file_when_asked(bench, expected_logs) -> None:
    expected_logs("password failed")
    bench.show(turn=(RELAY,), passwords=(Kept.NOWHERE,))
    await bench.settle()
    assert bench.asked == [("look",)]
    box = bench.box("Relays (TURN): Password")
    assert box.echoMode() is QLineEdit.EchoMode.Password
    bench.refusal = SettingError(SettingError.Reason.KEYRING)
    box.setText("hush")
    box.editingFinished.emit()
    await bench.settle()
    assert box.text() == ""
    assert bench.asked[-1] == ("password", 0, "hush", False)
    bench.refusal = None
    bench.button("Keep it in the settings file").click()
    await bench.settle()
    assert bench.asked[-1] == ("password", 0, "hush", True)
    bench.show(turn=(RELAY,), passwords=(Kept.FILE,))
    assert box.placeholderText() == "kept in the settings file"
    bench.button("Forget").click()
    await bench.settle()
    assert bench.asked[-1] == ("password", 0, "", False)


async def test_a_limit_is_chosen_and_typed(bench) -> None:
    bench.show()
    bench.button("Add to Speed limits").click()
    await bench.settle()
    over = next(
        each
        for each in bench.page.findChildren(ChoiceBox)
        if each.accessibleName() == "Speed limits: Over" and each.isVisible()
    )
    over.setCurrentIndex(over.findData("turn"))
    over.activated.emit(over.currentIndex())
    box = bench.box("Speed limits: At most")
    _type(box, "2.5")
    box.editingFinished.emit()
    await bench.settle()
    assert bench.asked == [("change", "cap", (Cap(2_500_000, "", "turn"),))]


async def test_undo_reset_and_files(bench, tmp_path) -> None:
    bench.show()
    assert not bench.button("Undo").isEnabled()
    bench.show(hide_address=True, undo="Hide my address")
    bench.button("Undo").click()
    bench.button("Reset Hide my address").click()
    bench.page.export_to(str(tmp_path / "a.toml"))
    bench.page.import_from(str(tmp_path / "b.toml"))
    await bench.settle()
    assert bench.asked == [
        ("undo",),
        ("reset", "hide_address"),
        ("export", str(tmp_path / "a.toml")),
        ("take", str(tmp_path / "b.toml")),
    ]


async def test_every_box_has_a_name_and_can_be_reached(bench) -> None:
    bench.show(turn=(RELAY,), cap=(Cap(1_000_000),), passwords=(Kept.UNKNOWN,))
    for kind in (QLineEdit, QPushButton, ChoiceBox, Switch):
        for each in bench.page.findChildren(kind):
            assert each.accessibleName(), each
            assert each.focusPolicy() != Qt.FocusPolicy.NoFocus
