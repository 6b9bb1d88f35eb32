"""The devices that this computer is paired with; unpairing asks once more, because it cannot be undone from here."""

from collections.abc import Callable

from PySide6.QtWidgets import QHBoxLayout, QVBoxLayout, QWidget

from app.presenters.bluetooth import BondRow
from app.widgets.buttons import Button
from app.widgets.text import Card, Text
from app.widgets.theme import Theme


class BondList(Card):
    """`unpair` gets the address of the device to forget."""

    def __init__(self, theme: Theme, unpair: Callable[[str], object]) -> None:
        super().__init__(theme, "Paired devices")
        self._theme = theme
        self._unpair = unpair
        self._rows: tuple[BondRow, ...] = ()
        self._widgets: list[QWidget] = []
        self._empty = Text(theme, "None. Connect to a device and press Pair.", role="muted", wrap=True)
        self.body.addWidget(self._empty)
        self._column = QVBoxLayout()
        self._column.setSpacing(theme.measure.unit)
        self.body.addLayout(self._column)

    def show_rows(self, rows: tuple[BondRow, ...]) -> None:
        """Shows these."""
        if rows == self._rows:
            return
        self._rows = rows
        for widget in self._widgets:
            widget.hide()
            widget.deleteLater()
        self._widgets = [self._row(row) for row in rows]
        for widget in self._widgets:
            self._column.addWidget(widget)
        self._empty.setVisible(not rows)

    def _row(self, row: BondRow) -> QWidget:
        whole = QWidget()
        line = QHBoxLayout(whole)
        line.setContentsMargins(0, 0, 0, 0)
        line.setSpacing(self._theme.measure.unit)
        words = QVBoxLayout()
        words.setSpacing(0)
        words.addWidget(Text(self._theme, row.name, strong=True))
        if row.note:
            words.addWidget(Text(self._theme, row.note, size="small", role="muted"))
        line.addLayout(words, 1)
        ask = Button(
            self._theme, "Unpair", lambda: self._ask(ask, sure, keep), hint=f"Forgets the keys of {row.name}"
        )
        sure = Button(self._theme, "Yes, unpair", lambda: self._unpair(row.address), role="primary")
        keep = Button(self._theme, "Keep", lambda: self._keep(ask, sure, keep))
        for button in (ask, keep, sure):
            line.addWidget(button)
        self._keep(ask, sure, keep)
        return whole

    @staticmethod
    def _ask(ask: Button, sure: Button, keep: Button) -> None:
        ask.hide()
        sure.show()
        keep.show()
        keep.setFocus()

    @staticmethod
    def _keep(ask: Button, sure: Button, keep: Button) -> None:
        ask.show()
        sure.hide()
        keep.hide()
