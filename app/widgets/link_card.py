"""The device that is connected: what it is, its strength, what is inside, and what it tells."""

from collections.abc import Callable
from typing import NamedTuple

from PySide6.QtWidgets import QApplication, QHBoxLayout, QPlainTextEdit, QVBoxLayout

from app.presenters.bluetooth import LinkView
from app.widgets.buttons import Button
from app.widgets.gatt_tree import GattCalls, GattTree
from app.widgets.rssi_plot import RssiPlot
from app.widgets.text import Card, Columns, Text
from app.widgets.theme import Theme

STACK_BELOW = 760
LOG_HEIGHT = 168


class LinkCalls(NamedTuple):
    """What the card starts; `pair` and `leave` mean the connected device."""

    pair: Callable[[], object]
    leave: Callable[[], object]
    gatt: GattCalls
    said: Callable[[str], object]


class LinkCard(Card):
    """Changed in place; the log keeps what is selected while nothing new comes."""

    def __init__(self, theme: Theme, calls: LinkCalls) -> None:
        super().__init__(theme)
        self._theme = theme
        self._calls = calls
        self._view: LinkView | None = None
        unit = theme.measure.unit
        self._title = Text(theme, strong=True)
        self._phase = Text(theme, role="muted")
        self.pair = Button(
            theme, "Pair", calls.pair, icon="link", hint="Exchanges keys, so that both know each other again"
        )
        self.leave = Button(theme, "Disconnect", calls.leave)
        self.head.addWidget(self._title)
        self.head.addWidget(self._phase)
        self.head.addStretch(1)
        self.head.addWidget(self.pair)
        self.head.addWidget(self.leave)
        self.whole.insertLayout(0, self.head)

        names, values = Text(theme, role="muted"), Text(theme)
        self._names, self._values = names, values
        facts = QHBoxLayout()
        facts.setSpacing(2 * unit)
        facts.addWidget(names)
        facts.addWidget(values, 1)
        fact_box = Card(theme)
        fact_box.setProperty("role", "")
        fact_box.whole.setContentsMargins(0, 0, 0, 0)
        fact_box.body.addLayout(facts)
        fact_box.body.addStretch(1)
        self._plot = RssiPlot(theme)
        self._plot_note = Text(theme, size="small", role="muted", wrap=True)
        plot_box = Card(theme)
        plot_box.setProperty("role", "")
        plot_box.whole.setContentsMargins(0, 0, 0, 0)
        plot_box.body.setSpacing(2)
        plot_box.body.addWidget(self._plot)
        plot_box.body.addWidget(self._plot_note)
        self.body.addWidget(Columns(theme, ((fact_box, 2), (plot_box, 3)), STACK_BELOW))

        self.gatt = GattTree(theme, calls.gatt)
        self.body.addWidget(self.gatt)
        self._left_out = Text(theme, size="small", role="muted")
        self.body.addWidget(self._left_out)
        self._log_head = Text(theme, "What it tells", strong=True)
        self._copy = Button(
            theme, "Copy", self._copy_log, role="link", hint="Copies the notifications as text"
        )
        head = QHBoxLayout()
        head.addWidget(self._log_head)
        head.addStretch(1)
        head.addWidget(self._copy)
        self._log = QPlainTextEdit()
        self._log.setReadOnly(True)
        self._log.setFixedHeight(LOG_HEIGHT)
        self._log.setLineWrapMode(QPlainTextEdit.LineWrapMode.NoWrap)
        self._log.setAccessibleName("Notifications, newest first")
        self._log.setPlaceholderText("Choose a value that notifies and press Listen.")
        column = QVBoxLayout()
        column.setSpacing(unit)
        column.addLayout(head)
        column.addWidget(self._log)
        self.body.addLayout(column)
        theme.changed.connect(self._dress)

    def show_view(self, view: LinkView) -> None:
        """Shows a device."""
        old, self._view = self._view, view
        self.setAccessibleName(f"{view.title}, {view.phase}")
        self._title.setText(view.title)
        self._phase.setText("pairing" if view.pairing else view.phase)
        self._names.setText("\n".join(name for name, _ in view.facts))
        self._values.setText("\n".join(value for _, value in view.facts))
        self._plot.show_history(view.history)
        self._plot_note.setText(view.history_note)
        self.pair.setText(" Paired" if view.bonded else " Pairing…" if view.pairing else " Pair")
        self.pair.setEnabled(view.open and not view.bonded and not view.pairing)
        self.leave.setText("Disconnect" if view.open else "Cancel" if view.phase == "connecting" else "Close")
        self.gatt.show_services(view.services, enabled=view.open)
        self.gatt.setVisible(bool(view.services))
        self._left_out.setText(view.left_out)
        self._left_out.setVisible(bool(view.left_out))
        if old is None or old.log != view.log:
            self._log.setPlainText("\n".join(view.log))
        self._copy.setEnabled(bool(view.log))
        if old is None or old.tone != view.tone:
            self._dress()

    def _copy_log(self) -> None:
        if self._view is not None:
            QApplication.clipboard().setText("\n".join(self._view.log))
            self._calls.said("Copied the notifications")

    def _dress(self) -> None:
        if self._view is not None:
            tone = "muted" if self._view.tone.value == "unknown" else self._view.tone.value
            self._phase.setStyleSheet(f"color: {self._theme.color(tone).name()}")
