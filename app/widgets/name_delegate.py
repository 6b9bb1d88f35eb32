"""Paints a name with a smaller note beneath it."""

from PySide6.QtCore import QModelIndex, QPersistentModelIndex, QRectF, Qt
from PySide6.QtGui import QPainter
from PySide6.QtWidgets import QStyle, QStyledItemDelegate, QStyleOptionViewItem

from app.widgets.theme import Theme

NOTE_ROLE = Qt.ItemDataRole.UserRole + 2
ICON_SPACE = 34


class NameDelegate(QStyledItemDelegate):
    """The display text is the name, `NOTE_ROLE` the note, the decoration an icon before both."""

    def __init__(self, theme: Theme) -> None:
        super().__init__()
        self._theme = theme

    def paint(
        self, painter: QPainter, option: QStyleOptionViewItem, index: QModelIndex | QPersistentModelIndex
    ) -> None:
        """The cell's ground and icon, then the two lines."""
        self.initStyleOption(option, index)
        note = index.data(NOTE_ROLE)
        name, option.text = option.text, ""
        style = option.widget.style()
        style.drawControl(QStyle.ControlElement.CE_ItemViewItem, option, painter, option.widget)
        area = QRectF(option.rect).adjusted(ICON_SPACE, 4, -8, -4)
        upper = QRectF(area.left(), area.top(), area.width(), area.height() / (2 if note else 1))
        painter.save()
        font = self._theme.font(strong=True)
        painter.setFont(font)
        painter.setPen(index.data(Qt.ItemDataRole.ForegroundRole) or self._theme.color("text"))
        left = Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter
        elide = Qt.TextElideMode.ElideRight
        painter.drawText(upper, left, painter.fontMetrics().elidedText(name, elide, int(area.width())))
        if note:
            painter.setFont(self._theme.font("small"))
            painter.setPen(self._theme.color("muted"))
            text = painter.fontMetrics().elidedText(note, elide, int(area.width()))
            painter.drawText(upper.translated(0, upper.height()), left, text)
        painter.restore()
