"""Joining: type or paste a code, see at once whether it is one, and press Join."""

import time
from collections.abc import Callable

from PySide6.QtCore import QStandardPaths, Qt
from PySide6.QtGui import QImageReader
from PySide6.QtWidgets import QFileDialog, QHBoxLayout, QLineEdit, QVBoxLayout, QWidget

from app.presenters.peer_code import CodeView, check_code
from app.presenters.peers import CallView
from app.widgets.buttons import Button
from app.widgets.glyph_lines import GlyphLines
from app.widgets.paste_slip import PasteSlip
from app.widgets.qr_code import QrCode
from app.widgets.text import Card, Text
from app.widgets.text_drop import TextDrop
from app.widgets.theme import Theme

MAX_TYPED = 2048


class JoinCard(Card):
    """`join` gets the code and the ways of its link; `cancel` ends the attempt; `said` gets a word for the status bar."""

    def __init__(
        self,
        theme: Theme,
        join: Callable[[str, tuple[str, ...]], object],
        cancel: Callable[[], object],
        said: Callable[[str], object],
    ) -> None:
        super().__init__(theme, "Join")
        unit = theme.measure.unit
        self._join = join
        self._code = CodeView()
        self._partner_code = ""
        self.entry = QLineEdit()
        self.entry.setObjectName("code")
        self.entry.setPlaceholderText("482915 amber walnut kayak")
        self.entry.setAccessibleName("The code that you were told")
        self.entry.setMaxLength(MAX_TYPED)
        self.entry.setFont(theme.font("body", strong=True))
        self.entry.textChanged.connect(self._check)
        self.entry.returnPressed.connect(self._press)
        self.button = Button(
            theme, "Join", self._press, role="primary", hint="Meet whoever made the code (Enter)"
        )
        self.button.setObjectName("join")
        self._says = Text(theme, size="small", role="muted", wrap=True)
        self._says.setObjectName("code-says")
        self._meant = Button(theme, "", self._take_meant, role="link")
        self._dialog: QFileDialog | None = None
        self._picture = Button(
            theme,
            "From a picture…",
            self._choose,
            role="link",
            hint="A photo or screenshot of a QR code, or a saved invitation; pasting and dropping one works, too",
        )
        self._picture.setObjectName("from-picture")
        row = QHBoxLayout()
        row.setSpacing(unit)
        row.addWidget(self.entry, 1)
        row.addWidget(self.button)
        self._partner = Text(theme, size="small", role="muted", wrap=True)
        self._type_it = Button(theme, "Type it for me", self._type, role="link")
        partner = QHBoxLayout()
        partner.addWidget(self._partner, 1)
        partner.addWidget(self._type_it)
        self._form = QWidget()
        form = QVBoxLayout(self._form)
        form.setContentsMargins(0, 0, 0, 0)
        form.setSpacing(unit)
        form.addWidget(Text(theme, "Somebody made a code and told you.", role="muted", wrap=True))
        form.addLayout(row)
        form.addWidget(self._says)
        form.addWidget(self._meant, 0, Qt.AlignmentFlag.AlignLeft)
        form.addWidget(self._picture, 0, Qt.AlignmentFlag.AlignLeft)
        form.addLayout(partner)

        self._step = Text(theme, wrap=True)
        self._ways = GlyphLines(theme)
        self._slip = PasteSlip(theme, "reply", said)
        self._qr = QrCode()
        self._drop = TextDrop(self, self.entry, self.fill_in, said)
        self._cancel = Button(theme, "Cancel", cancel, icon="stop", hint="Give up (Esc)")
        self._busy = QWidget()
        busy = QVBoxLayout(self._busy)
        busy.setContentsMargins(0, 0, 0, 0)
        busy.setSpacing(unit + 4)
        busy.addWidget(self._step)
        slip = QHBoxLayout()
        slip.setSpacing(2 * unit)
        slip.addWidget(self._slip, 1, Qt.AlignmentFlag.AlignTop)
        slip.addWidget(self._qr, 0, Qt.AlignmentFlag.AlignTop)
        busy.addLayout(slip)
        busy.addWidget(self._ways)
        busy.addWidget(self._cancel, 0, Qt.AlignmentFlag.AlignLeft)
        self.body.addWidget(self._form)
        self.body.addWidget(self._busy)
        self.body.addStretch(1)
        self._check("")

    def show_view(self, call: CallView | None, partner: str, partner_code: str) -> None:
        """Shows the form, or what is done with the code. `partner` is the lab's second person."""
        self._form.setVisible(call is None)
        self._busy.setVisible(call is not None)
        if call is not None:
            self._step.setText(call.says)
            self._slip.show_text(call.reply)
            self._qr.setVisible(bool(call.reply))
            self._qr.show_rows(call.qr)
            self._ways.show_lines(tuple((way.tone, way.name, way.text, "") for way in call.ways))
        self._partner_code = partner_code
        self._partner.setText(f"{partner} reads out: {partner_code}" if partner_code else "")
        self._partner.setVisible(bool(partner_code))
        self._type_it.setVisible(bool(partner_code))

    def fill_in(self, text: str) -> None:
        """A code or a link, as if somebody had typed it; nothing is started."""
        self.entry.setText(" ".join(text.split()))
        self.entry.setCursorPosition(0)
        self.entry.setFocus()

    def _choose(self) -> None:
        if self._dialog is not None:
            return
        folder = QStandardPaths.writableLocation(QStandardPaths.StandardLocation.PicturesLocation)
        patterns = " ".join(
            f"*.{bytes(each.data()).decode()}" for each in QImageReader.supportedImageFormats()
        )
        dialog = self._dialog = QFileDialog(
            self, "A picture of the QR code", folder, f"Pictures and invitations ({patterns} *.txt)"
        )
        dialog.setFileMode(QFileDialog.FileMode.ExistingFile)
        dialog.fileSelected.connect(self._drop.take_file)
        dialog.finished.connect(self._forget)
        dialog.open()

    def _forget(self) -> None:
        if self._dialog is not None:
            self._dialog.deleteLater()
            self._dialog = None

    def clear(self) -> None:
        """Takes back what was typed."""
        self.entry.clear()

    def _type(self) -> None:
        self.fill_in(self._partner_code)

    def _check(self, typed: str) -> None:
        view = self._code = check_code(typed, time.time())
        self._says.setText(view.says)
        self._says.setProperty("role", "problem" if view.problem else "muted")
        self._meant.setText(f"Did you mean {view.meant}?")
        self._meant.setAccessibleName(f"Did you mean {view.meant}?")
        self._meant.setVisible(bool(view.meant))
        self.button.setEnabled(bool(view.code))
        self.entry.setProperty("role", "problem" if view.problem else "")
        for widget in (self.entry, self._says):
            widget.style().polish(widget)

    def _take_meant(self) -> None:
        self.fill_in(self._code.meant)

    def _press(self) -> None:
        if self._code.code:
            self._join(self._code.code, self._code.ways)
