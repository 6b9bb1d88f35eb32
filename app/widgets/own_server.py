"""How to run a server of one's own, in a window beside: read, and copied from."""

from PySide6.QtCore import QSize, Qt
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QDialog, QHBoxLayout, QTextBrowser, QVBoxLayout, QWidget

from app.widgets.buttons import Button
from app.widgets.theme import Theme
from netstack.config import RESOURCES

SIZE = QSize(760, 680)


class OwnServerDialog(QDialog):
    """Shows `resources/run-your-own.md`; nothing is loaded from outside."""

    def __init__(self, theme: Theme, parent: QWidget) -> None:
        super().__init__(parent)
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.setWindowTitle("Run your own server")
        self.resize(SIZE)
        self._text = (RESOURCES / "run-your-own.md").read_text("utf-8")
        page = QTextBrowser()
        page.setOpenLinks(False)
        page.setAccessibleName("Run your own server")
        page.setMarkdown(self._text)
        unit = theme.measure.unit
        row = QHBoxLayout()
        row.addStretch(1)
        row.addWidget(Button(theme, "Copy everything", self._copy, icon="copy"))
        row.addWidget(Button(theme, "Close", self.close, role="primary"))
        whole = QVBoxLayout(self)
        whole.setContentsMargins(2 * unit, 2 * unit, 2 * unit, 2 * unit)
        whole.setSpacing(unit)
        whole.addWidget(page, 1)
        whole.addLayout(row)

    def _copy(self) -> None:
        QGuiApplication.clipboard().setText(self._text)
