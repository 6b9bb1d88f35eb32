"""Two days beside each other: what changed stands out, what stayed is pale."""

from PySide6.QtCore import QSize, Qt
from PySide6.QtWidgets import QGridLayout, QLabel, QWidget

from app.presenters.history import ChangeView, DetailView
from app.widgets.text import Text
from app.widgets.theme import Theme

GLYPH = 14


class ComparisonGrid(QWidget):
    """Fact, before, now; with one day alone the middle is empty."""

    def __init__(self, theme: Theme) -> None:
        super().__init__()
        self._theme = theme
        self._view = DetailView()
        self._grid = QGridLayout(self)
        self._grid.setContentsMargins(0, 0, 0, 0)
        self._grid.setHorizontalSpacing(16)
        self._grid.setVerticalSpacing(6)
        self._widgets: list[QWidget] = []
        theme.changed.connect(self._fill)

    def show_view(self, view: DetailView) -> None:
        """Another one."""
        if view != self._view:
            self._view = view
            self._fill()

    def minimumSizeHint(self) -> QSize:  # noqa: N802
        """It can be narrow."""
        return QSize(240, super().minimumSizeHint().height())

    def _fill(self) -> None:
        for widget in self._widgets:
            self._grid.removeWidget(widget)
            widget.hide()
            widget.deleteLater()
        self._widgets = []
        view = self._view
        two = any(line.before for line in view.lines)
        if view.before:
            for column, words in ((2, view.before), (3, view.after)):
                self._put(Text(self._theme, words, size="small", role="muted"), 0, column)
        for number, line in enumerate(view.lines, 1):
            self._line(number, line, two)
        for column, stretch in ((0, 0), (1, 2), (2, 4 if two else 0), (3, 5)):
            self._grid.setColumnStretch(column, stretch)

    def _line(self, number: int, line: ChangeView, two: bool) -> None:
        theme = self._theme
        if line.changed:
            glyph = QLabel()
            glyph.setPixmap(theme.pixmap("next", "accent", GLYPH))
            glyph.setFixedWidth(GLYPH)
            self._put(glyph, number, 0)
        role = "" if line.changed else "muted"
        self._put(Text(theme, line.fact, role="muted"), number, 1)
        if two:
            self._put(Text(theme, line.before, role="muted", wrap=True), number, 2)
        after = Text(theme, line.after, role=role if two else "", strong=line.changed, wrap=True)
        after.setAccessibleName(f"{line.fact}: {line.before + ' then, ' if line.before else ''}{line.after}")
        self._put(after, number, 3)

    def _put(self, widget: QWidget, row: int, column: int) -> None:
        self._grid.addWidget(widget, row, column, Qt.AlignmentFlag.AlignTop)
        self._widgets.append(widget)
