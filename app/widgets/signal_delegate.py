"""Paints a signal's last minute as a line, with its newest value beside it."""

from collections.abc import Sequence

from PySide6.QtCore import QModelIndex, QPersistentModelIndex, QPointF, QRectF, QSize, Qt
from PySide6.QtGui import QColor, QPainter, QPen, QPolygonF
from PySide6.QtWidgets import QStyle, QStyledItemDelegate, QStyleOptionViewItem

from app.widgets.theme import Theme

HISTORY_ROLE = Qt.ItemDataRole.UserRole + 1
WEAKEST_DBM, STRONGEST_DBM = -100.0, -30.0
LINE_WIDTH, VALUE_WIDTH, GAP = 84, 68, 8


def signal_points(history: Sequence[tuple[float, float]], span_s: float, area: QRectF) -> QPolygonF:
    """(seconds ago, dBm) as points in `area`: now at the right edge, -100 dBm at the bottom, -30 dBm at the top.

    Of a long history some are left out, never the newest: a point for two pixels is all that can be seen.
    """
    points = QPolygonF()
    step = max(1, round(2 * len(history) / area.width()))
    for ago_s, rssi_dbm in history[(len(history) - 1) % step :: step]:
        if ago_s <= span_s:
            share = (rssi_dbm - WEAKEST_DBM) / (STRONGEST_DBM - WEAKEST_DBM)
            height = min(1.0, max(0.0, share)) * area.height()
            points.append(QPointF(area.right() - ago_s / span_s * area.width(), area.bottom() - height))
    return points


class SignalDelegate(QStyledItemDelegate):
    """Wants (seconds ago, dBm) pairs in `HISTORY_ROLE`; the display text is the newest value."""

    def __init__(self, theme: Theme, span_s: float = 60.0) -> None:
        super().__init__()
        self._theme = theme
        self._span_s = span_s

    def sizeHint(self, option: QStyleOptionViewItem, index: QModelIndex | QPersistentModelIndex) -> QSize:  # noqa: N802
        """Room for the line and the value."""
        return QSize(LINE_WIDTH + VALUE_WIDTH + 3 * GAP, super().sizeHint(option, index).height())

    def paint(
        self, painter: QPainter, option: QStyleOptionViewItem, index: QModelIndex | QPersistentModelIndex
    ) -> None:
        """The cell's ground, the line, the value."""
        self.initStyleOption(option, index)
        text, option.text = option.text, ""
        style = option.widget.style()
        style.drawControl(QStyle.ControlElement.CE_ItemViewItem, option, painter, option.widget)
        rect = QRectF(option.rect).adjusted(GAP, 0, -GAP, 0)
        painter.save()
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        area = QRectF(rect.left(), rect.center().y() - 9, LINE_WIDTH, 18)
        painter.setPen(QPen(self._theme.color("line"), 1))
        painter.drawLine(area.bottomLeft(), area.bottomRight())
        points = signal_points(index.data(HISTORY_ROLE) or (), self._span_s, area)
        ink = QColor(self._theme.color("ble"))
        painter.setPen(QPen(ink, 1.5))
        if points.size() > 1:
            painter.drawPolyline(points)
        if not points.isEmpty():
            painter.setBrush(ink)
            painter.drawEllipse(points.last(), 1.8, 1.8)
        painter.setPen(self._theme.color("text"))
        value = QRectF(rect.right() - VALUE_WIDTH, rect.top(), VALUE_WIDTH, rect.height())
        painter.drawText(value, Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter, text)
        painter.restore()
