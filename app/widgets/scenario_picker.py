"""The scenarios of the lab by name, each with its sentence; arrows beside it go to the next."""

from PySide6.QtCore import QModelIndex, QPersistentModelIndex, QRect, QSize, Qt, Signal
from PySide6.QtGui import QFontMetrics, QPainter, QPaintEvent, QWheelEvent
from PySide6.QtWidgets import (
    QComboBox,
    QHBoxLayout,
    QPushButton,
    QStyle,
    QStyledItemDelegate,
    QStyleOptionViewItem,
    QWidget,
)

from app.widgets.theme import Theme
from netstack.model.lab import ScenarioLine

STORY = Qt.ItemDataRole.UserRole + 1
LINE = 520


class _TwoLines(QStyledItemDelegate):
    """A title and the sentence beneath it."""

    def __init__(self, theme: Theme) -> None:
        super().__init__()
        self._theme = theme

    def sizeHint(self, _option: QStyleOptionViewItem, _index: QModelIndex | QPersistentModelIndex) -> QSize:  # noqa: N802
        """Two lines and some air."""
        title, story = (QFontMetrics(self._theme.font(size)).height() for size in ("body", "small"))
        return QSize(LINE, title + story + 14)

    def paint(
        self, painter: QPainter, option: QStyleOptionViewItem, index: QModelIndex | QPersistentModelIndex
    ) -> None:
        """Draws them."""
        rect: QRect = option.rect
        state: QStyle.StateFlag = option.state
        if state & QStyle.StateFlag.State_Selected:
            painter.fillRect(rect, self._theme.color("accent", 0.16))
        inner = rect.adjusted(12, 6, -12, -6)
        for size, strong, color, text in (
            ("body", True, "text", index.data(Qt.ItemDataRole.DisplayRole)),
            ("small", False, "muted", index.data(STORY)),
        ):
            font = self._theme.font(size, strong=strong)
            metrics = QFontMetrics(font)
            painter.setFont(font)
            painter.setPen(self._theme.color(color))
            line = metrics.elidedText(text, Qt.TextElideMode.ElideRight, inner.width())
            painter.drawText(inner, Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignTop, line)
            inner.setTop(inner.top() + metrics.height() + 2)


class _Box(QComboBox):
    """With an arrow that says that it opens."""

    def __init__(self, theme: Theme) -> None:
        super().__init__()
        self._theme = theme

    def paintEvent(self, event: QPaintEvent) -> None:  # noqa: N802
        """The arrow over the rest."""
        super().paintEvent(event)
        painter = QPainter(self)
        painter.drawPixmap(
            self.width() - 26, (self.height() - 16) // 2, self._theme.pixmap("chevron", "muted", 16)
        )

    def wheelEvent(self, event: QWheelEvent) -> None:  # noqa: N802
        """Belongs to the page: nobody wants to change the world by scrolling."""
        event.ignore()


class ScenarioPicker(QWidget):
    """`picked(str)`: the name of the scenario that a person chose, or chose again to start over."""

    picked = Signal(str)

    def __init__(self, theme: Theme, scenarios: tuple[ScenarioLine, ...]) -> None:
        super().__init__()
        self._theme = theme
        self.box = _Box(theme)
        self.box.setAccessibleName("Scenario")
        self.box.setFont(theme.font(strong=True))
        self.box.setItemDelegate(_TwoLines(theme))
        self.box.setMaxVisibleItems(len(scenarios) or 1)
        self.box.setMinimumContentsLength(16)
        self.box.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
        self.box.view().setMinimumWidth(LINE)
        for scenario in scenarios:
            self.box.addItem(scenario.title, scenario.name)
            self.box.setItemData(self.box.count() - 1, scenario.story, STORY)
        self.box.activated.connect(self._activated)
        self._previous = self._button("previous", "The scenario before", lambda: self._step(-1))
        self._next = self._button("next", "The next scenario", lambda: self._step(1))
        self._again = QPushButton(" Start over")
        self._again.setToolTip("Build this scenario anew: links, routers and clock as at the beginning")
        self._again.setAutoDefault(False)
        self._again.clicked.connect(lambda: self._activated(self.box.currentIndex()))
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(theme.measure.unit)
        row.addWidget(self.box, 1)
        for button in (self._previous, self._next, self._again):
            row.addWidget(button)
        theme.changed.connect(self._dress)
        self._dress()

    def show_scenario(self, name: str) -> None:
        """Shows which one is open."""
        index = self.box.findData(name)
        if index >= 0 and index != self.box.currentIndex() and not self.box.view().isVisible():
            self.box.setCurrentIndex(index)
        self._previous.setEnabled(self.box.currentIndex() > 0)
        self._next.setEnabled(self.box.currentIndex() < self.box.count() - 1)

    def focus_chain(self) -> list[QWidget]:
        """What the Tab key stops at."""
        return [self.box, self._previous, self._next, self._again]

    def _step(self, by: int) -> None:
        index = self.box.currentIndex() + by
        if 0 <= index < self.box.count():
            self.box.setCurrentIndex(index)
            self._activated(index)

    def _activated(self, index: int) -> None:
        self.picked.emit(self.box.itemData(index))

    def _button(self, icon: str, name: str, pressed: object) -> QPushButton:
        button = QPushButton()
        button.setProperty("icon_name", icon)
        button.setAccessibleName(name)
        button.setToolTip(name)
        button.setAutoDefault(False)
        button.setIconSize(QSize(16, 16))
        button.clicked.connect(pressed)
        return button

    def _dress(self) -> None:
        for button in (self._previous, self._next):
            button.setIcon(self._theme.icon(button.property("icon_name"), size=16))
        self._again.setIcon(self._theme.icon("reboot", size=16))
        self._again.setIconSize(QSize(16, 16))
