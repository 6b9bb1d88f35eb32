"""People met before: one click meets again, another forgets, with an undo."""

from collections.abc import Callable
from typing import NamedTuple

from PySide6.QtWidgets import QCheckBox, QHBoxLayout, QVBoxLayout, QWidget

from app.presenters.peers import KnownView
from app.widgets.buttons import Button
from app.widgets.text import Card, Text
from app.widgets.theme import Theme


class KnownCalls(NamedTuple):
    """What the buttons do; `call` and `forget` get the peer."""

    call: Callable[[str], object]
    cancel: Callable[[], object]
    forget: Callable[[str], object]
    undo: Callable[[], object]
    reachable: Callable[[bool], object]


class KnownList(Card):
    """Rows by peer; those that stay are changed in place."""

    def __init__(self, theme: Theme, calls: KnownCalls) -> None:
        super().__init__(theme, "Known peers")
        self._theme = theme
        self._calls = calls
        self._rows: dict[str, _KnownRow] = {}
        self.body.addWidget(
            Text(
                theme,
                "No code is needed: you find each other by a secret that only the two have, while both windows are open.",
                size="small",
                role="muted",
                wrap=True,
            )
        )
        self._column = QVBoxLayout()
        self._column.setSpacing(theme.measure.unit)
        self._undo_text = Text(theme, size="small", role="muted")
        self._undo = Button(theme, "Undo", calls.undo, role="link")
        self._undo_row = QWidget()
        row = QHBoxLayout(self._undo_row)
        row.setContentsMargins(0, 0, 0, 0)
        row.addWidget(self._undo_text)
        row.addWidget(self._undo)
        row.addStretch(1)
        self._reachable = QCheckBox("They may call me while this window is open")
        self._reachable.setObjectName("reachable")
        self._reachable.setToolTip(
            "Waits in mailboxes whose names only the two of you can tell, by the ways you chose to meet.\n"
            "Files are asked about as always."
        )
        self._reachable.toggled.connect(calls.reachable)
        self.body.addLayout(self._column)
        self.body.addWidget(self._reachable)
        self.body.addWidget(self._undo_row)

    def show_known(
        self, known: tuple[KnownView, ...], undo: str, *, busy: bool, reachable: bool | None = True
    ) -> None:
        """Hidden while there is nobody. `busy`: one is called already; `reachable` None: nobody could."""
        self.setVisible(bool(known or undo))
        self._reachable.setVisible(reachable is not None)
        if reachable is not None and self._reachable.isChecked() != reachable:
            self._reachable.blockSignals(True)
            self._reachable.setChecked(reachable)
            self._reachable.blockSignals(False)
        wanted = {view.peer for view in known}
        for peer in [peer for peer in self._rows if peer not in wanted]:
            row = self._rows.pop(peer)
            self._column.removeWidget(row)
            row.deleteLater()
        for place, view in enumerate(known):
            if view.peer not in self._rows:
                self._rows[view.peer] = _KnownRow(self._theme, view.peer, self._calls)
                self._column.insertWidget(place, self._rows[view.peer])
            self._rows[view.peer].show_view(view, busy=busy)
        self._undo_text.setText(undo)
        self._undo_row.setVisible(bool(undo))


class _KnownRow(QWidget):
    def __init__(self, theme: Theme, peer: str, calls: KnownCalls) -> None:
        super().__init__()
        self._name = Text(theme, strong=True)
        self._seen = Text(theme, size="small", role="muted")
        self._connect = Button(theme, "Connect", lambda: calls.call(peer))
        self._cancel = Button(theme, "Cancel", calls.cancel)
        self._forget = Button(theme, "Forget", lambda: calls.forget(peer), role="link")
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(theme.measure.unit)
        row.addWidget(self._name)
        row.addWidget(self._seen, 1)
        for button in (self._connect, self._cancel, self._forget):
            row.addWidget(button)

    def show_view(self, view: KnownView, *, busy: bool) -> None:
        self._name.setText(view.name)
        self._seen.setText(view.state or view.seen)
        self._seen.setToolTip(view.seen_exact)
        self.setAccessibleName(f"{view.name}, {view.state or view.seen}")
        calling = view.state not in {"", "connected"}
        pressed = self._connect.hasFocus()
        self._cancel.setVisible(calling)  # shown before the other is hidden, which hands the focus on
        if pressed and calling:
            self._cancel.setFocus()
        self._connect.setVisible(not calling)
        # Who has just pressed it keeps the focus until there is something to cancel.
        self._connect.setEnabled(view.state != "connected" and (not busy or self._connect.hasFocus()))
        self._forget.setEnabled(not calling)
        for button, word in (
            (self._connect, "Connect to"),
            (self._forget, "Forget"),
            (self._cancel, "Stop calling"),
        ):
            button.setAccessibleName(f"{word} {view.name}")
