"""What the stack wrote down: a dock at the foot, filtered by level, to be copied."""

from PySide6.QtCore import Signal
from PySide6.QtWidgets import (
    QApplication,
    QDockWidget,
    QHBoxLayout,
    QMainWindow,
    QPlainTextEdit,
    QPushButton,
    QVBoxLayout,
    QWidget,
)

from app.presenters.log import LEVEL_NAMES, LogView
from app.widgets.choice_box import ChoiceBox
from app.widgets.text import Text
from app.widgets.theme import Theme

LINES = 500


class LogDock(QDockWidget):
    """Follows the newest line while that is in sight. `level_chosen`: another level is wanted."""

    level_chosen = Signal()

    def __init__(self, theme: Theme, parent: QMainWindow) -> None:
        super().__init__("Log", parent)
        self.setObjectName("log")
        self.setFeatures(QDockWidget.DockWidgetFeature.NoDockWidgetFeatures)
        self.setTitleBarWidget(QWidget())
        self._shown: tuple[str, ...] = ()
        self.level = ChoiceBox(theme)
        self.level.setAccessibleName("Least level")
        for key, name in LEVEL_NAMES.items():
            self.level.addItem(name, key)
        self.level.currentIndexChanged.connect(self.level_chosen)
        self.text = QPlainTextEdit()
        self.text.setReadOnly(True)
        self.text.setAccessibleName("Log lines")
        self.text.setMaximumBlockCount(LINES)
        self.text.setFont(theme.font("small"))
        self.text.setPlaceholderText("Nothing was written down at this level.")
        copy, close = QPushButton("Copy"), QPushButton("Close")
        copy.setToolTip("Copy the lines that are shown")
        copy.clicked.connect(self.copy)
        close.clicked.connect(self.hide)
        head = QHBoxLayout()
        head.setSpacing(8)
        head.addWidget(Text(theme, "Log", strong=True))
        head.addStretch(1)
        for widget in (self.level, copy, close):
            head.addWidget(widget)
        whole = QWidget()
        whole.setProperty("role", "dock")
        column = QVBoxLayout(whole)
        column.setContentsMargins(16, 8, 16, 8)
        column.addLayout(head)
        column.addWidget(self.text, 1)
        self.setWidget(whole)
        self.setMinimumHeight(140)

    def show_view(self, view: LogView) -> None:
        """Appends what is new, or begins again when the old lines are others."""
        if view.lines == self._shown:
            return
        bar = self.text.verticalScrollBar()
        at_end = bar.value() >= bar.maximum() - 2
        new = self._new(view.lines)
        if new is None:
            self.text.setPlainText("\n".join(view.lines))
        else:
            for line in new:
                self.text.appendPlainText(line)
        self._shown = view.lines
        if at_end:
            bar.setValue(bar.maximum())

    def copy(self) -> None:
        """Puts the lines that are shown on the clipboard."""
        QApplication.clipboard().setText("\n".join(self._shown))

    def _new(self, lines: tuple[str, ...]) -> tuple[str, ...] | None:
        """The lines that follow those shown; None when they do not continue them."""
        if not self._shown:
            return None
        for start in range(len(lines), 0, -1):
            kept = lines[:start]
            if self._shown[-start:] == kept:
                return lines[start:]
        return None
