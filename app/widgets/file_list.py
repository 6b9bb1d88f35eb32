"""Files on their way: what each does, a bar, and the buttons that fit."""

from collections.abc import Callable
from typing import NamedTuple

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QHBoxLayout, QProgressBar, QPushButton, QVBoxLayout, QWidget

from app.presenters.peer_talk import FileView
from app.presenters.tone import Tone
from app.widgets.buttons import Button
from app.widgets.text import Text
from app.widgets.theme import Theme


class FileCalls(NamedTuple):
    """What the buttons do, each with the file's number: `answer` and `pause` with whether, `reveal` with its place."""

    answer: Callable[[int, bool], object]
    pause: Callable[[int, bool], object]
    cancel: Callable[[int], object]
    reveal: Callable[[str], object]


class FileList(QWidget):
    """Rows by number; those that stay are changed in place."""

    def __init__(self, theme: Theme, calls: FileCalls) -> None:
        super().__init__()
        self._theme = theme
        self._calls = calls
        self._rows: dict[int, _FileRow] = {}
        self._column = QVBoxLayout(self)
        self._column.setContentsMargins(0, 0, 0, 0)
        self._column.setSpacing(theme.measure.unit)

    def show_files(self, files: tuple[FileView, ...]) -> None:
        """The newest first, as it is what somebody looks for."""
        wanted = {file.number for file in files}
        for number in [number for number in self._rows if number not in wanted]:
            row = self._rows.pop(number)
            self._column.removeWidget(row)
            row.deleteLater()
        for file in files:
            if file.number not in self._rows:
                self._rows[file.number] = _FileRow(self._theme, file.number, self._calls)
                self._column.insertWidget(0, self._rows[file.number])
            self._rows[file.number].show_file(file)
        self.setVisible(bool(files))

    def focus_chain(self) -> list[QWidget]:
        """What the Tab key may stop at, the newest file first."""
        return [button for row in reversed(self._rows.values()) for button in row.buttons]


class _FileRow(QWidget):
    def __init__(self, theme: Theme, number: int, calls: FileCalls) -> None:
        super().__init__()
        self._theme = theme
        self._view: FileView | None = None
        self._name = Text(theme, strong=True, wrap=True)
        self._what = Text(theme, size="small", wrap=True)
        self._bar = QProgressBar()
        self._bar.setRange(0, 1000)
        self._bar.setTextVisible(False)

        def place() -> str:
            return "" if self._view is None else self._view.place

        self._buttons: dict[str, QPushButton] = {
            "asks": Button(theme, "Accept", lambda: calls.answer(number, True), role="primary"),
            "refuses": Button(theme, "Refuse", lambda: calls.answer(number, False)),
            "can_pause": Button(theme, "Pause", lambda: calls.pause(number, True), role="link"),
            "can_resume": Button(theme, "Resume", lambda: calls.pause(number, False), role="link"),
            "can_cancel": Button(theme, "Cancel", lambda: calls.cancel(number), role="link"),
            "place": Button(theme, "Show in folder", lambda: calls.reveal(place()), role="link"),
        }
        buttons = QHBoxLayout()
        buttons.setSpacing(theme.measure.unit)
        for button in self._buttons.values():
            buttons.addWidget(button)
        buttons.addStretch(1)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(4)
        for widget in (self._name, self._what, self._bar):
            column.addWidget(widget)
        column.addLayout(buttons)
        theme.changed.connect(self._dress)

    @property
    def buttons(self) -> list[QPushButton]:
        return list(self._buttons.values())

    def show_file(self, view: FileView) -> None:
        if view == self._view:
            return
        self._view = view
        self._name.setText(view.name)
        self._what.setText(view.what)
        self.setAccessibleName(f"{view.name}: {view.what}")
        self._bar.setVisible(view.share is not None)
        self._bar.setValue(round(1000 * (view.share or 0.0)))
        self._bar.setAccessibleName(f"Progress of {view.name}")
        for name, button in self._buttons.items():
            shown = view.asks if name == "refuses" else bool(getattr(view, name))
            button.setVisible(shown)
            button.setAccessibleName(f"{button.text().strip()} {view.name}")
        self._dress()

    def _dress(self) -> None:
        tone = Tone.UNKNOWN if self._view is None else self._view.tone
        self._what.setStyleSheet(
            f"color: {self._theme.color('muted' if tone is Tone.UNKNOWN else tone).name()}"
        )
        self._what.setAlignment(Qt.AlignmentFlag.AlignLeft)
