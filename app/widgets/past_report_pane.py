"""A diagnosis of an earlier day: a button that opens it, then its text with Copy and Export."""

from collections.abc import Callable
from typing import NamedTuple

from PySide6.QtGui import QFontDatabase
from PySide6.QtWidgets import QHBoxLayout, QPlainTextEdit, QVBoxLayout, QWidget

from app.presenters.past_report import PastReport
from app.widgets.buttons import Button
from app.widgets.theme import Theme

HIGH = 380


class PastReportCalls(NamedTuple):
    """What the buttons do."""

    toggle: Callable[[], object]
    copy: Callable[[], object]
    export: Callable[[], object]


class PastReportPane(QWidget):
    """Hidden while no single diagnosis is marked."""

    def __init__(self, theme: Theme, calls: PastReportCalls) -> None:
        super().__init__()
        self._open = Button(theme, "Open the report", calls.toggle, hint="As it was told then")
        self._copy = Button(theme, "Copy", calls.copy, icon="copy", hint="Copy it as text (Ctrl+C)")
        self._export = Button(theme, "Export", calls.export, icon="export", hint="Save it as JSON")
        self._text = QPlainTextEdit()
        self._text.setObjectName("old-report")
        self._text.setAccessibleName("The report")
        self._text.setReadOnly(True)
        self._text.setTabChangesFocus(True)
        self._text.setFixedHeight(HIGH)
        fixed = QFontDatabase.systemFont(QFontDatabase.SystemFont.FixedFont)
        fixed.setPixelSize(theme.font("small").pixelSize())
        # By a style sheet: the window's own names the family of every widget.
        self._text.setStyleSheet(f"font-family: '{fixed.family()}'; font-size: {fixed.pixelSize()}px;")
        row = QHBoxLayout()
        for button in (self._open, self._copy, self._export):
            row.addWidget(button)
        row.addStretch(1)
        whole = QVBoxLayout(self)
        whole.setContentsMargins(0, 0, 0, 0)
        whole.setSpacing(theme.measure.unit)
        whole.addLayout(row)
        whole.addWidget(self._text)

    def show_report(self, past: PastReport | None, *, offered: bool) -> None:
        """`offered`: there is one to be opened."""
        self.setVisible(offered)
        self._open.setText("Close the report" if past is not None else "Open the report")
        self._open.setAccessibleName(self._open.text())
        for widget in (self._text, self._copy, self._export):
            widget.setVisible(past is not None)
        if past is not None:
            text = f"{past.note}\n\n{past.text}" if past.note else past.text
            if self._text.toPlainText() != text:
                self._text.setPlainText(text)
