"""A text that is to be carried to somebody by hand: copy it, save it as a file, or show it as a QR code."""

from collections.abc import Callable
from pathlib import Path

from PySide6.QtCore import QStandardPaths
from PySide6.QtWidgets import QApplication, QFileDialog, QHBoxLayout, QLineEdit, QVBoxLayout, QWidget

from app.widgets.buttons import Button
from app.widgets.theme import Theme


class PasteSlip(QWidget):
    """`name` is what it is called ("invitation"), `said` gets a word for the status bar."""

    def __init__(self, theme: Theme, name: str, said: Callable[[str], object]) -> None:
        super().__init__()
        self._name = name
        self._said = said
        self._dialog: QFileDialog | None = None
        self.text = QLineEdit()
        self.text.setObjectName(f"{name}-text")
        self.text.setReadOnly(True)
        self.text.setAccessibleName(f"The {name}")
        self.copy_button = Button(
            theme,
            f"Copy {name}",
            self.copy,
            icon="copy",
            role="primary",
            hint=f"Copy the whole {name} (Ctrl+C)",
        )
        self._save = Button(
            theme, "Save as file", self._choose, icon="export", hint="To send it or carry it on a stick"
        )
        self.row = QHBoxLayout()
        self.row.setSpacing(theme.measure.unit)
        self.row.addWidget(self.copy_button)
        self.row.addWidget(self._save)
        self.row.addStretch(1)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(theme.measure.unit)
        column.addWidget(self.text)
        column.addLayout(self.row)

    def show_text(self, text: str) -> None:
        """Empty hides it."""
        self.setVisible(bool(text))
        if text != self.text.text():
            self.text.setText(text)
            self.text.setCursorPosition(0)

    def copy(self) -> None:
        """Puts the whole text on the clipboard."""
        QApplication.clipboard().setText(self.text.text())
        self._said(f"Copied the {self._name}")

    def save(self, place: str) -> None:
        """Writes it down."""
        try:
            Path(place).write_text(self.text.text() + "\n", "utf-8")
        except OSError as error:
            self._said(f"Not saved: {error.strerror}")
        else:
            self._said(f"Saved {Path(place).name}")

    def _choose(self) -> None:
        if self._dialog is not None:
            return
        folder = QStandardPaths.writableLocation(QStandardPaths.StandardLocation.DownloadLocation)
        dialog = self._dialog = QFileDialog(self, f"Save the {self._name}", folder)
        dialog.setAcceptMode(QFileDialog.AcceptMode.AcceptSave)
        dialog.selectFile(f"peerscope-{self._name}.txt")
        dialog.fileSelected.connect(self.save)
        dialog.finished.connect(self._forget)
        dialog.open()

    def _forget(self) -> None:
        if self._dialog is not None:
            self._dialog.deleteLater()
            self._dialog = None
