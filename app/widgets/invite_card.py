"""The invitation: one button, then a code to read aloud, a link, a QR code, and how each way fares."""

from collections.abc import Callable

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QApplication, QHBoxLayout, QVBoxLayout, QWidget

from app.presenters.peers import InviteView
from app.widgets.buttons import Button
from app.widgets.glyph_lines import GlyphLines
from app.widgets.qr_code import QrCode
from app.widgets.text import Card, Text
from app.widgets.theme import Theme

WORDS = (
    "You get a number and three words. Read them to your friend, who types them; "
    "nobody else can use them, and they are good once."
)


class InviteCard(Card):
    """`begin` and `cancel` are what its buttons start; `said` gets a word for the status bar."""

    def __init__(
        self,
        theme: Theme,
        begin: Callable[[], object],
        cancel: Callable[[], object],
        said: Callable[[str], object],
    ) -> None:
        super().__init__(theme, "Invite")
        self._view: InviteView | None = None
        self._said = said
        unit = theme.measure.unit
        self.begin = Button(
            theme, "Make a code", begin, icon="peers", role="primary", hint="Invite somebody (F5)"
        )
        self.begin.setObjectName("invite")
        self._idle = QWidget()
        idle = QVBoxLayout(self._idle)
        idle.setContentsMargins(0, 0, 0, 0)
        idle.setSpacing(2 * unit)
        idle.addWidget(Text(theme, WORDS, role="muted", wrap=True))
        idle.addWidget(self.begin, 0, Qt.AlignmentFlag.AlignLeft)

        self._says = Text(theme, role="muted", wrap=True)
        self._number = self._code_text(theme)
        self._words = self._code_text(theme)
        self._left = Text(theme, size="small", role="muted")
        self._warning = Text(theme, size="small", role="problem", wrap=True)
        self._ways = GlyphLines(theme)
        self._qr = QrCode()
        self._copy = Button(theme, "Copy code", self.copy, icon="copy", hint="Copy the code (Ctrl+C)")
        self._copy_link = Button(
            theme, "Copy link", self._copy_the_link, icon="link", hint="A link that fills in the code"
        )
        self._cancel = Button(theme, "Cancel", cancel, icon="stop", hint="Withdraw the invitation (Esc)")
        buttons = QHBoxLayout()
        buttons.setSpacing(unit)
        for button in (self._copy, self._copy_link, self._cancel):
            buttons.addWidget(button)
        buttons.addStretch(1)
        words = QVBoxLayout()
        words.setSpacing(unit)
        for widget in (self._says, self._number, self._words, self._left, self._warning):
            words.addWidget(widget)
        words.addStretch(1)
        top = QHBoxLayout()
        top.setSpacing(2 * unit)
        top.addLayout(words, 1)
        top.addWidget(self._qr, 0, Qt.AlignmentFlag.AlignTop)
        self._open = QWidget()
        opened = QVBoxLayout(self._open)
        opened.setContentsMargins(0, 0, 0, 0)
        opened.setSpacing(unit + 4)
        opened.addLayout(top)
        opened.addLayout(buttons)
        opened.addWidget(self._ways)
        self.body.addWidget(self._idle)
        self.body.addWidget(self._open)
        self.body.addStretch(1)

    def show_view(self, view: InviteView) -> None:
        """Shows the invitation, or the button that makes one."""
        if view == self._view:
            return
        focus = QApplication.focusWidget()
        had_focus = focus is not None and self.isAncestorOf(focus)
        self._view = view
        # Shown first, so that the focus is never handed to another card by what is hidden.
        (self._open if view.busy else self._idle).show()
        self._says.setText(view.says)
        has_code = bool(view.parts)
        self._number.setText(" ".join((view.parts[0][:3], view.parts[0][3:])) if has_code else "")
        self._words.setText("  ".join(view.parts[1:]))
        self._number.setAccessibleName(f"The code: {' '.join(view.parts)}" if has_code else "")
        self._left.setText(f"Good for {view.left} minutes more" if has_code else "")
        self._warning.setText(view.warning)
        for widget in (self._number, self._words, self._left, self._qr, self._copy, self._copy_link):
            widget.setVisible(has_code)
        self._warning.setVisible(bool(view.warning))
        self._qr.show_rows(view.qr)
        self._ways.show_lines(tuple((way.tone, way.name, way.text, "") for way in view.ways))
        if had_focus:
            self.focusable().setFocus()
        (self._idle if view.busy else self._open).hide()

    def focusable(self) -> QWidget:
        """Where the focus belongs: the button that makes a code, or one that copies it."""
        return (
            self._copy if self._copy.isVisible() else self._cancel if self._cancel.isVisible() else self.begin
        )

    def copy(self) -> None:
        """Puts the code on the clipboard."""
        if self._view is not None and self._view.code:
            QApplication.clipboard().setText(self._view.code)
            self._said("Copied the code")

    def _copy_the_link(self) -> None:
        if self._view is not None and self._view.link:
            QApplication.clipboard().setText(self._view.link)
            self._said("Copied the link")

    @staticmethod
    def _code_text(theme: Theme) -> Text:
        text = Text(theme, size="headline", strong=True, wrap=True)
        text.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        return text
