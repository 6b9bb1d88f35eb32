"""The Bluetooth page: can this computer do it, who is nearby, what is inside a device, and pairing with it."""

from pathlib import Path
from typing import NamedTuple

from PySide6.QtWidgets import QApplication, QCheckBox, QFileDialog, QHBoxLayout, QLineEdit

from app.actions import Action
from app.presenters.bluetooth import BluetoothView, present, question_view
from app.presenters.bluetooth_rows import (
    Filter,
    arranged,
    export_csv,
    export_json,
    passes,
    row_text,
    sorted_keys,
)
from app.presenters.metrics import fragmentation
from app.widgets.bond_list import BondList
from app.widgets.buttons import Button
from app.widgets.choice_box import ChoiceBox
from app.widgets.device_table import DeviceTable
from app.widgets.fact_table import FactTable
from app.widgets.gatt_tree import GattCalls
from app.widgets.link_card import LinkCalls, LinkCard
from app.widgets.notice import Notice
from app.widgets.page import Page
from app.widgets.pairing_dialog import PairingDialog
from app.widgets.preflight_card import PreflightCard
from app.widgets.text import Card, Text
from app.widgets.theme import Theme
from netstack.model.bluetooth import BleDevice, BleState, PairingQuestion
from netstack.model.snapshot import Snapshot

STRENGTHS = (("Any strength", None), ("Not the weakest", -90), ("Good", -75), ("Next to me", -60))
ORDERS = (("As they came", "came"), ("By name", "name"), ("Strongest first", "signal"))


class BluetoothActions(NamedTuple):
    """What the page can start. `connect` and `unpair` take an address; `read` a handle, `write` a handle, bytes and
    whether the device answers, `notify` a handle and whether; `answer` a question's number and what was said.
    """

    look: Action
    scan: Action
    clear: Action
    connect: Action
    disconnect: Action
    read: Action
    read_all: Action
    write: Action
    notify: Action
    pair: Action
    unpair: Action
    answer: Action


class BluetoothPage(Page):
    """The list keeps its order until another one is asked for; dialogs ask what a pairing wants to know."""

    key = "bluetooth"
    title = "Bluetooth"
    icon = "bluetooth"

    def __init__(self, theme: Theme, actions: BluetoothActions) -> None:
        super().__init__(theme)
        self._theme = theme
        self._actions = actions
        self._snapshot = Snapshot()
        self._view: BluetoothView | None = None
        self._filter = Filter()
        self._order: tuple[str, ...] = ()
        self._looked = False
        self._shown_state: BleState | None = None
        self._answered = 0
        self.dialog: PairingDialog | None = None
        self._files: QFileDialog | None = None
        unit = theme.measure.unit

        self._copy = Button(theme, "Copy", self.copy, icon="copy", hint="Copies the selected device (Ctrl+C)")
        self._export = Button(
            theme, "Export", self.export, icon="export", hint="Saves the list as CSV or JSON (Ctrl+S)"
        )
        self.run = Button(theme, "Scan", self._toggle, icon="run", role="primary", hint="Looks around (F5)")
        self.run.setMinimumWidth(112)
        for button in (self._copy, self._export, self.run):
            self.buttons.addWidget(button)
        self._notice = Notice(theme)
        self.preflight = PreflightCard(theme)
        self._again = Button(theme, "Look again", actions.look.run, hint="Looks at every step again")
        self.preflight.head.addWidget(self._again)

        self.search = QLineEdit()
        self.search.setPlaceholderText("Filter by name, address, service or maker")
        self.search.setAccessibleName("Filter")
        self.search.setClearButtonEnabled(True)
        self.search.textChanged.connect(lambda _: self._filtered())
        self.strength = ChoiceBox(theme)
        self.strength.setAccessibleName("Least strength")
        for words, least in STRENGTHS:
            self.strength.addItem(words, least)
        self.strength.currentIndexChanged.connect(lambda _: self._filtered())
        self.order = ChoiceBox(theme)
        self.order.setAccessibleName("Order")
        self.order.setToolTip("Sorts once; afterwards every row keeps its place")
        for words, by in ORDERS:
            self.order.addItem(words, by)
        self.order.activated.connect(lambda _: self._sort())
        self.hide_known = QCheckBox("Hide known")
        self.hide_known.setToolTip(
            "Hides paired devices and all that are in the list now, so that newcomers stand out"
        )
        self.hide_known.toggled.connect(self._hide_known)
        self.connect_button = Button(
            theme, "Connect", self._connect, icon="link", hint="Connects and looks inside (Return)"
        )
        row = QHBoxLayout()
        row.setSpacing(unit)
        row.addWidget(self.search, 1)
        for part in (self.hide_known, self.strength, self.order, self.connect_button):
            row.addWidget(part)
        self.table = DeviceTable(theme)
        self.table.chosen.connect(lambda _: self._enable())
        self.table.opened.connect(lambda _: self._connect())
        self.table.copied.connect(lambda _: self.copy())
        self._empty = Text(theme, role="muted", wrap=True)
        self.nearby = Card(theme, "Nearby")
        self._count = Text(theme, size="small", role="muted")
        self._clear = Button(theme, "Clear", actions.clear.run, role="link", hint="Empties the list")
        self.nearby.head.addWidget(self._count)
        self.nearby.head.addWidget(self._clear)
        self.nearby.body.addLayout(row)
        self.nearby.body.addWidget(self.table)
        self.nearby.body.addWidget(self._empty)

        self.link = LinkCard(
            theme,
            LinkCalls(
                pair=actions.pair.run,
                leave=self._leave,
                gatt=GattCalls(actions.read.run, actions.read_all.run, actions.write.run, actions.notify.run),
                said=self.said.emit,
            ),
        )
        self.bonds = BondList(theme, actions.unpair.run)
        self.fragments = Card(theme, "Sessions over Bluetooth")
        self._fragment_facts = FactTable(theme)
        self.fragments.body.addWidget(self._fragment_facts)
        self.fragments.hide()
        for widget in (self._notice, self.preflight, self.link, self.fragments, self.nearby, self.bonds):
            self.content.addWidget(widget)
        self.content.addStretch(1)
        for action in actions:
            action.changed.connect(self._refresh)
        theme.changed.connect(self._redress)
        self._refresh()

    def show_snapshot(self, snapshot: Snapshot, now_s: float) -> None:
        """List, device, question."""
        self._snapshot = snapshot
        path = next((each for each in snapshot.paths if each.transport == "ble"), None)
        self._fragment_facts.show_facts(fragmentation(path))
        self.fragments.setVisible(path is not None and path.fragmentation is not None)
        if snapshot.version and not self._looked and self.isVisible():
            self._looked = True
            self._actions.look.run()
        if snapshot.bluetooth is not self._shown_state:
            self._refresh()

    def start(self) -> None:
        """F5 begins to look around."""
        self._actions.scan.run()

    def stop(self) -> None:
        """Escape ends what runs."""
        for action in (self._actions.connect, self._actions.pair, self._actions.scan):
            if action.busy:
                action.cancel()
                return

    def copy(self) -> None:
        """The selected device, or all that are shown, as text."""
        rows = () if self._view is None else self._view.rows
        chosen = [row for row in rows if row.key == self.table.selected()] or list(rows)
        if chosen:
            QApplication.clipboard().setText("\n\n".join(map(row_text, chosen)))
            self.said.emit("Copied the device" if len(chosen) == 1 else f"Copied {len(chosen)} devices")

    def export(self) -> None:
        """Asks where, and writes what is shown with its history: CSV, or JSON where the name ends so."""
        if self._files is not None or not self._shown():
            return
        files = self._files = QFileDialog(self, "Save the devices")
        files.setAcceptMode(QFileDialog.AcceptMode.AcceptSave)
        files.setNameFilters(["Strengths as a table (*.csv)", "Everything (*.json)"])
        files.setDefaultSuffix("csv")
        files.filterSelected.connect(lambda name: files.setDefaultSuffix("json" if "json" in name else "csv"))
        files.fileSelected.connect(self.save)
        files.finished.connect(self._forget_files)
        files.open()

    def save(self, path: str) -> None:
        """Writes the devices that are shown."""
        devices = self._shown()
        text = export_json(devices) if path.endswith(".json") else export_csv(devices)
        try:
            Path(path).write_text(text, encoding="utf-8")
        except OSError as error:
            self._notice.say(f"The file could not be written: {error.strerror or error}.")
            return
        self.said.emit(f"Saved {len(devices)} devices")

    def _shown(self) -> tuple[BleDevice, ...]:
        devices = arranged(self._snapshot.bluetooth.devices, self._order)
        return tuple(device for device in devices if passes(device, self._filter))

    def _forget_files(self) -> None:
        if self._files is not None:
            self._files.deleteLater()
            self._files = None

    def _toggle(self) -> None:
        if self._actions.scan.busy:
            self._actions.scan.cancel()
        else:
            self.start()

    def _connect(self) -> None:
        if address := self.table.selected():
            self._actions.connect.run(address)

    def _leave(self) -> None:
        if self._actions.connect.busy:
            self._actions.connect.cancel()
        else:
            self._actions.disconnect.run()

    def _filtered(self) -> None:
        self._filter = Filter(
            text=self.search.text(),
            least_dbm=self.strength.currentData(),
            hide_known=self.hide_known.isChecked(),
            hidden=self._filter.hidden,
        )
        self._refresh()

    def _hide_known(self, hide: bool) -> None:
        hidden = frozenset(each.address for each in self._snapshot.bluetooth.devices) if hide else frozenset()
        self._filter = Filter(self._filter.text, self._filter.least_dbm, hide, hidden)
        self._refresh()

    def _sort(self) -> None:
        self._order = sorted_keys(self._snapshot.bluetooth.devices, self.order.currentData())
        self._refresh()

    def _refresh(self) -> None:
        state = self._shown_state = self._snapshot.bluetooth
        view = present(state, self._filter, self._order)
        scanning = self._actions.scan.busy
        self.run.setText(" Stop" if scanning else " Scan")
        self.run.setAccessibleName(self.run.text().strip())
        self.run.show_as("" if scanning else "primary", "stop" if scanning else "run")
        self._ask(state.question)
        self._notice.say(view.failure or self._unexpected(view))
        self._again.setEnabled(not self._actions.look.busy)
        if view != self._view:
            self._show(view)
        self._enable()

    def _show(self, view: BluetoothView) -> None:
        renamed = self._view is None or self._view.headline != view.headline
        self._view = view
        self.headline.setText(view.headline)
        self.subline.setText(view.subline)
        self.preflight.show_lines(view.checks)
        self.preflight.setVisible(view.known and not view.usable)
        self.nearby.setVisible(view.usable)
        self.bonds.setVisible(view.usable)
        self.bonds.show_rows(view.bonds)
        self.table.show_rows(view.rows)
        self.table.setVisible(bool(view.rows))
        self._empty.setText(view.empty)
        self._empty.setVisible(not view.rows)
        shown = len(view.rows)
        self._count.setText("" if shown == view.heard else f"{shown} of {view.heard} shown")
        if view.link is not None:
            self.link.show_view(view.link)
        self.link.setVisible(view.link is not None)
        if renamed:
            self.summary = f"{self.title}: {view.headline}"
            self.titled.emit()

    def _unexpected(self, view: BluetoothView) -> str:
        """Failures that the state does not tell: of this program, or of what was typed."""
        if not view.usable:
            return ""
        return next((action.failure for action in self._actions if action.failure and not action.busy), "")

    def _enable(self) -> None:
        view = self._view
        usable = view is not None and view.usable
        rows = view is not None and bool(view.rows)
        self.run.setEnabled(usable or self._actions.scan.busy or view is None or not view.known)
        self.connect_button.setEnabled(bool(self.table.selected()) and not self._actions.connect.busy)
        self._copy.setEnabled(rows)
        self._export.setEnabled(rows)
        self._clear.setVisible(rows)

    def _ask(self, question: PairingQuestion | None) -> None:
        if self.dialog is not None and (question is None or question.number != self.dialog.view.number):
            self.dialog.withdraw()
            self._forget_dialog()
        if question is not None and self.dialog is not None:
            self.dialog.show_view(question_view(question))
        elif question is not None and question.number != self._answered:
            self.dialog = PairingDialog(self._theme, question_view(question), self._tell, self.window())
            self.dialog.show()

    def _tell(self, number: int, answer: int | bool) -> None:
        self._answered = number
        self._actions.answer.run(number, answer)
        self._forget_dialog()

    def _forget_dialog(self) -> None:
        if self.dialog is not None:
            self.dialog.deleteLater()
            self.dialog = None

    def _redress(self) -> None:
        self._view = None
        self._refresh()
