"""A guest by browser: one button, then a link and its picture, how far the page may be trusted, and who is here."""

from collections.abc import Callable
from typing import NamedTuple

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QApplication, QHBoxLayout, QVBoxLayout, QWidget

from app.presenters.guests import GuestsView
from app.widgets.buttons import Button
from app.widgets.choice_box import ChoiceBox
from app.widgets.glyph_lines import GlyphLines
from app.widgets.qr_code import QrCode
from app.widgets.text import Card, Text
from app.widgets.theme import Theme


class GuestCalls(NamedTuple):
    """What its buttons start: `begin` takes the server that serves the page, empty for this computer."""

    begin: Callable[[str], object]
    cancel: Callable[[], object]
    save: Callable[[], object]
    said: Callable[[str], object]


class GuestCard(Card):
    """`calls.said` gets a word for the status bar."""

    def __init__(self, theme: Theme, calls: GuestCalls) -> None:
        super().__init__(theme, "Invite a guest by browser")
        self._calls = calls
        self._view: GuestsView | None = None
        unit = theme.measure.unit
        self.begin = Button(
            theme, "Make a guest link", self._begin, icon="link", hint="For a friend without Peerscope"
        )
        self.begin.setObjectName("invite-guest")
        self._places = ChoiceBox(theme)
        self._places.setAccessibleName("Where the guest finds the page")
        self._idle_says = Text(theme, role="muted", wrap=True)
        self._idle = QWidget()
        idle = QVBoxLayout(self._idle)
        idle.setContentsMargins(0, 0, 0, 0)
        idle.setSpacing(2 * unit)
        idle.addWidget(self._idle_says)
        starts = QHBoxLayout()
        starts.setSpacing(unit)
        starts.addWidget(self.begin)
        starts.addWidget(self._places)
        starts.addStretch(1)
        idle.addLayout(starts)

        self._says = Text(theme, wrap=True)
        self._link = Text(theme, strong=True, wrap=True)
        self._link.setObjectName("guest-link")
        self._left = Text(theme, size="small", role="muted")
        self._others = Text(theme, size="small", role="muted", wrap=True)
        self._trust = Text(theme, size="small", role="muted", wrap=True)
        self._warning = Text(theme, size="small", role="problem", wrap=True)
        self._ways = GlyphLines(theme)
        self._qr = QrCode()
        self._copy = Button(
            theme, "Copy link", self.copy, icon="copy", role="primary", hint="Copy the whole link"
        )
        self._save = Button(
            theme,
            "Save page as a file…",
            calls.save,
            icon="export",
            hint="A file that your friend opens: it needs no trust in the network",
        )
        self._cancel = Button(theme, "Cancel", calls.cancel, icon="stop", hint="Withdraw the link (Esc)")
        buttons = QHBoxLayout()
        buttons.setSpacing(unit)
        for button in (self._copy, self._save, self._cancel):
            buttons.addWidget(button)
        buttons.addStretch(1)
        words = QVBoxLayout()
        words.setSpacing(unit)
        for widget in (self._says, self._link, self._left, self._others, self._trust, self._warning):
            words.addWidget(widget)
        words.addLayout(buttons)
        words.addWidget(self._ways)
        words.addStretch(1)
        self._open = QWidget()
        opened = QHBoxLayout(self._open)
        opened.setContentsMargins(0, 0, 0, 0)
        opened.setSpacing(2 * unit)
        opened.addLayout(words, 1)
        opened.addWidget(self._qr, 0, Qt.AlignmentFlag.AlignTop)
        self._here = GlyphLines(theme)
        self.body.addWidget(self._idle)
        self.body.addWidget(self._open)
        self.body.addWidget(self._here)

    def show_view(self, view: GuestsView) -> None:
        """Shows the link, or the button that makes one; nothing where no guest can come."""
        if view == self._view:
            return
        places_changed = self._view is None or self._view.places != view.places
        focus = QApplication.focusWidget()
        had_focus = focus is not None and self.isAncestorOf(focus)
        self._view = view
        self.setVisible(view.possible)
        (self._open if view.busy else self._idle).show()
        if places_changed:
            self._places.clear()
            for label, via in view.places:
                self._places.addItem(label, via)
        self._places.setVisible(len(view.places) > 1)
        self._idle_says.setText(view.says if not view.busy else "")
        self._says.setText(view.says)
        self._link.setText(view.shown)
        self._left.setText(f"Good for {view.left} minutes more")
        self._others.setText(view.others)
        self._trust.setText(view.trust)
        self._warning.setText(view.warning)
        has_link = bool(view.link)
        for widget in (self._link, self._left, self._trust, self._qr, self._copy, self._save):
            widget.setVisible(has_link)
        self._others.setVisible(bool(view.others))
        self._warning.setVisible(bool(view.warning))
        self._qr.show_rows(view.qr)
        self._ways.show_lines(tuple((way.tone, way.name, way.text, "") for way in view.ways))
        self._here.show_lines(tuple((guest.tone, guest.text, "", "") for guest in view.guests))
        self._here.setVisible(bool(view.guests))
        if had_focus:
            (self._copy if has_link else self._cancel if view.busy else self.begin).setFocus()
        (self._idle if view.busy else self._open).hide()

    def copy(self) -> None:
        """Puts the link on the clipboard."""
        if self._view is not None and self._view.link:
            QApplication.clipboard().setText(self._view.link)
            self._calls.said("Copied the guest's link")

    def _begin(self) -> None:
        via = self._places.currentData()
        self._calls.begin(via if isinstance(via, str) else "")
