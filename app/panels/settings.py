"""The Settings page: everything that can be chosen, checked while it is typed and used at once."""

from collections import deque
from typing import NamedTuple

from PySide6.QtWidgets import QFileDialog, QFrame, QHBoxLayout, QWidget

from app.actions import Action
from app.presenters.settings import CardView, SettingsView, present
from app.widgets.buttons import Button
from app.widgets.notice import Notice
from app.widgets.page import Page
from app.widgets.setting_row import RowCalls, SettingRow
from app.widgets.text import Card, Text
from app.widgets.theme import Theme
from netstack.model.snapshot import Snapshot

TOML = "Settings (*.toml)"
MAX_WAITING = 32


class SettingsActions(NamedTuple):
    """What the page starts. `change` takes a key and a value, `reset` a key, `password` an entry's number, the password
    and whether it may stand in the file; `export` and `take` a path.
    """

    change: Action
    reset: Action
    undo: Action
    password: Action
    look: Action
    again: Action
    export: Action
    take: Action


class SettingsPage(Page):
    """Cards of settings; each change holds when the cursor leaves its box, and Undo takes it back."""

    key = "settings"
    title = "Settings"
    icon = "settings"

    def __init__(self, theme: Theme, actions: SettingsActions) -> None:
        super().__init__(theme)
        self._theme = theme
        self._actions = actions
        self._snapshot = Snapshot()
        self._view: SettingsView | None = None
        self._rows: dict[str, SettingRow] = {}
        self._waiting: deque[tuple[Action, tuple[object, ...]]] = deque()
        self._refused: tuple[int, str] | None = None
        self._looked = False
        self._dialog: QFileDialog | None = None
        self._undo = Button(theme, "Undo", self.undo, icon="undo", hint="Take the last change back (Ctrl+Z)")
        self._undo.setShortcut("Ctrl+Z")
        self._import = Button(
            theme, "Import", self.ask_import, icon="import", hint="Take over settings of a file"
        )
        self._export = Button(
            theme, "Export", self.export, icon="export", hint="Save the settings without passwords (Ctrl+S)"
        )
        for button in (self._undo, self._import, self._export):
            self.buttons.addWidget(button)
        self._notice = Notice(theme)
        self._in_file = Button(theme, "Keep it in the settings file", self._keep_in_file)
        self._again = Button(theme, "Read the file again", lambda: self._start(actions.again))
        ways_out = QHBoxLayout()
        ways_out.setContentsMargins(0, 0, 0, 0)
        ways_out.addWidget(self._in_file)
        ways_out.addWidget(self._again)
        ways_out.addStretch(1)
        self._ways_out = QWidget()
        self._ways_out.setLayout(ways_out)
        self.content.addWidget(self._notice)
        self.content.addWidget(self._ways_out)
        for action in actions:
            action.changed.connect(self._go_on)
        self._refresh()
        self.content.addStretch(1)

    def show_snapshot(self, snapshot: Snapshot, now_s: float) -> None:
        """Shows what holds."""
        changed = (
            snapshot.settings is not self._snapshot.settings or snapshot.peers is not self._snapshot.peers
        )
        self._snapshot = snapshot
        if not self._looked and self.isVisible() and snapshot.settings.config.turn:
            self._looked = True
            self._start(self._actions.look)
        if changed:
            self._refresh()

    def undo(self) -> None:
        """Takes the last change back."""
        self._start(self._actions.undo)

    def stop(self) -> None:
        """Escape takes back what was typed and does not hold."""
        self._refused = None
        for row in self._rows.values():
            row.take_back()

    def export(self) -> None:
        """Asks for a file and writes the settings to it, without passwords."""
        self._ask(QFileDialog.AcceptMode.AcceptSave, "Export the settings", self.export_to)

    def ask_import(self) -> None:
        """Asks for a file and takes its settings over."""
        self._ask(QFileDialog.AcceptMode.AcceptOpen, "Import settings", self.import_from)

    def export_to(self, path: str) -> None:
        """Writes the settings to `path`."""
        self._start(self._actions.export, path)
        self.said.emit("Exported without passwords")

    def import_from(self, path: str) -> None:
        """Takes over the settings of `path`; Undo brings the old ones back."""
        self._start(self._actions.take, path)

    def _ask(self, mode: QFileDialog.AcceptMode, title: str, chosen: object) -> None:
        if self._dialog is not None:
            return
        dialog = self._dialog = QFileDialog(self, title, "peerscope.toml", TOML)
        dialog.setAcceptMode(mode)
        dialog.setDefaultSuffix("toml")
        dialog.fileSelected.connect(chosen)
        dialog.finished.connect(self._forget_dialog)
        dialog.open()

    def _forget_dialog(self) -> None:
        if self._dialog is not None:
            self._dialog.deleteLater()
            self._dialog = None

    def _password(self, number: int, password: str) -> None:
        self._refused = (number, password) if password else None
        self._start(self._actions.password, number, password, False)

    def _keep_in_file(self) -> None:
        if self._refused is not None:
            number, password = self._refused
            self._refused = None
            self._start(self._actions.password, number, password, True)

    def _start(self, action: Action, *arguments: object) -> None:
        """One after the other: an action does nothing while it runs, and no change may be lost."""
        if len(self._waiting) < MAX_WAITING:
            self._waiting.append((action, arguments))
        self._go_on()

    def _go_on(self) -> None:
        if not any(action.busy for action in self._actions):
            if self._waiting:
                action, arguments = self._waiting.popleft()
                for each in self._actions:
                    each.failure = ""
                action.run(*arguments)
                return
            if any(action.failure for action in self._actions):
                self._view = None
            elif self._refused is not None and not self._actions.password.failure:
                self._refused = None
        self._refresh()

    def _refresh(self) -> None:
        failure = next((action.failure for action in self._actions if action.failure), "")
        self._notice.say(failure)
        refused = self._refused is not None and bool(self._actions.password.failure)
        self._in_file.setVisible(refused)
        self._again.setVisible(bool(failure) and not refused)
        self._ways_out.setVisible(bool(failure))
        view = present(self._snapshot.settings, self._snapshot.peers.known)
        if view == self._view:
            return
        self._view = view
        self.headline.setText(view.headline)
        self.subline.setText(view.subline)
        self.summary = f"{self.title}: {view.headline}"
        self.titled.emit()
        self._undo.setEnabled(bool(view.undo))
        self._undo.setToolTip(f"Take back: {view.undo} (Ctrl+Z)" if view.undo else "Nothing to take back")
        if not self._rows:
            for card in view.cards:
                self.content.addWidget(self._card(card))
        for card in view.cards:
            for row in card.rows:
                self._rows[row.key].show_row(row)

    def _card(self, view: CardView) -> Card:
        card = Card(self._theme, view.title)
        card.body.setSpacing(2 * self._theme.measure.unit)
        card.body.addWidget(Text(self._theme, view.blurb, role="muted", wrap=True))
        calls = RowCalls(
            lambda key, value: self._start(self._actions.change, key, value),
            lambda key: self._start(self._actions.reset, key),
            self._password,
        )
        for row in view.rows:
            rule = QFrame()
            rule.setProperty("role", "rule")
            rule.setFixedHeight(1)
            card.body.addWidget(rule)
            self._rows[row.key] = SettingRow(self._theme, row, calls)
            card.body.addWidget(self._rows[row.key])
        return card
