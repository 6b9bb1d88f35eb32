"""A button for something that one of the connected peers shall do: one peer is named on it, several are asked for."""

from functools import partial

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QMenu, QPushButton

from app.widgets.theme import Theme


class PeerButton(QPushButton):
    """`chosen(int)`: the conversation's number. `words` holds a place for the name; `anybody` stands in for it."""

    chosen = Signal(int)

    def __init__(self, theme: Theme, words: str, *, anybody: str = "somebody", hint: str = "") -> None:
        super().__init__()
        self._words = words
        self._anybody = anybody
        self._peers: tuple[tuple[int, str], ...] = ()
        self.setAutoDefault(False)
        self.setToolTip(hint)
        self.clicked.connect(self._press)

    def show_peers(self, peers: tuple[tuple[int, str], ...]) -> None:
        """Number and name of each who is connected; hidden while there is nobody."""
        self._peers = peers
        self.setText(self._words.format(peers[0][1] if len(peers) == 1 else self._anybody))
        self.setAccessibleName(self.text())
        self.setVisible(bool(peers))

    def _press(self) -> None:
        if len(self._peers) == 1:
            self.chosen.emit(self._peers[0][0])
        elif self._peers:
            menu = QMenu(self)
            menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
            for number, name in self._peers:
                menu.addAction(name).triggered.connect(partial(self.chosen.emit, number))
            menu.popup(self.mapToGlobal(self.rect().bottomLeft()))
