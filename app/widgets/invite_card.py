"""The invitation: a code to read aloud, a link, a QR code, and how each way fares; or a text to be carried by hand."""

from collections.abc import Callable
from typing import NamedTuple

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QApplication, QHBoxLayout, QLineEdit, QVBoxLayout, QWidget

from app.presenters.peers import InviteView
from app.widgets.buttons import Button
from app.widgets.glyph_lines import GlyphLines
from app.widgets.paste_slip import PasteSlip
from app.widgets.qr_code import QrCode
from app.widgets.text import Card, Text
from app.widgets.text_drop import TextDrop
from app.widgets.theme import Theme

WORDS = (
    "You get a number and three words. Read them to your friend, who types them; "
    "nobody else can use them, and they are good once."
)


MAX_REPLY = 2048


class InviteCalls(NamedTuple):
    """What its buttons start: `begin` a code, `by_hand` an invitation without a server, `reply` what came back."""

    begin: Callable[[], object]
    by_hand: Callable[[], object]
    reply: Callable[[str], object]
    cancel: Callable[[], object]
    said: Callable[[str], object]


class InviteCard(Card):
    """`calls.said` gets a word for the status bar."""

    def __init__(self, theme: Theme, calls: InviteCalls) -> None:
        super().__init__(theme, "Invite")
        self._view: InviteView | None = None
        self._said = calls.said
        self._calls = calls
        unit = theme.measure.unit
        self.begin = Button(
            theme, "Make a code", calls.begin, icon="peers", role="primary", hint="Invite somebody (F5)"
        )
        self.begin.setObjectName("invite")
        self._idle = QWidget()
        idle = QVBoxLayout(self._idle)
        idle.setContentsMargins(0, 0, 0, 0)
        idle.setSpacing(2 * unit)
        idle.addWidget(Text(theme, WORDS, role="muted", wrap=True))
        self._by_hand = Button(
            theme,
            "Without any server",
            calls.by_hand,
            role="link",
            hint="Makes a text, file or QR code that you send yourself, and that is answered by another",
        )
        self._by_hand.setObjectName("by-hand")
        starts = QHBoxLayout()
        starts.setSpacing(unit)
        starts.addWidget(self.begin)
        starts.addWidget(self._by_hand)
        starts.addStretch(1)
        idle.addLayout(starts)

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
        self._cancel = Button(
            theme, "Cancel", calls.cancel, icon="stop", hint="Withdraw the invitation (Esc)"
        )
        self._slip = PasteSlip(theme, "invitation", calls.said)
        self.reply = QLineEdit()
        self.reply.setObjectName("reply")
        self.reply.setPlaceholderText("Paste the reply here, or drop its file or picture")
        self.reply.setAccessibleName("The reply that came back")
        self.reply.setMaxLength(MAX_REPLY)
        self.reply.textChanged.connect(self._look_at_reply)
        self.reply.returnPressed.connect(self._press)
        self._connect = Button(theme, "Connect", self._press, hint="Take the reply (Enter)")
        self._connect.setObjectName("take-reply")
        self._connect.setEnabled(False)
        self._answer = QWidget()
        answer = QHBoxLayout(self._answer)
        answer.setContentsMargins(0, 0, 0, 0)
        answer.setSpacing(unit)
        answer.addWidget(self.reply, 1)
        answer.addWidget(self._connect)
        TextDrop(self, self.reply, self._take_drop, calls.said)
        buttons = QHBoxLayout()
        buttons.setSpacing(unit)
        for button in (self._copy, self._copy_link, self._cancel):
            buttons.addWidget(button)
        buttons.addStretch(1)
        words = QVBoxLayout()
        words.setSpacing(unit)
        for widget in (self._says, self._number, self._words, self._slip, self._left, self._warning):
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
        opened.addWidget(self._answer)
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
        self._left.setText(f"Good for {view.left} minutes more" if has_code or view.paste else "")
        self._slip.show_text(view.paste)
        self._answer.setVisible(bool(view.paste))
        if not view.paste:
            self.reply.clear()
        self._warning.setText(view.warning)
        self._warning.setProperty("role", "muted" if view.paste else "problem")
        self._warning.style().polish(self._warning)
        for widget in (self._number, self._words, self._copy, self._copy_link):
            widget.setVisible(has_code)
        self._left.setVisible(has_code or bool(view.paste))
        self._qr.setVisible(has_code or bool(view.paste))
        self._warning.setVisible(bool(view.warning))
        self._qr.show_rows(view.qr)
        self._ways.show_lines(tuple((way.tone, way.name, way.text, "") for way in view.ways))
        if had_focus:
            self.focusable().setFocus()
        (self._idle if view.busy else self._open).hide()

    def focusable(self) -> QWidget:
        """Where the focus belongs: the button that makes a code, or one that copies it."""
        for widget in (self._copy, self._slip.copy_button, self._cancel):
            if widget.isVisible():
                return widget
        return self.begin

    def _look_at_reply(self, text: str) -> None:
        self._connect.setEnabled(bool(text.strip()))

    def _press(self) -> None:
        if self.reply.text().strip():
            self._calls.reply(self.reply.text())

    def _take_drop(self, text: str) -> None:
        if self._answer.isVisible():
            self.reply.setText(" ".join(text.split()))
            self._press()

    def copy(self) -> None:
        """Puts the code, or the invitation, on the clipboard."""
        if self._view is not None and self._view.paste:
            self._slip.copy()
        elif self._view is not None and self._view.code:
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
