"""The paths as a table that is the plots' legend: a line in the curve's look before each name."""

from PySide6.QtCore import QAbstractTableModel, QModelIndex, QPersistentModelIndex, QRectF, QSize, Qt
from PySide6.QtGui import QPainter, QPen, QPixmap
from PySide6.QtWidgets import QHeaderView, QTableView

from app.presenters.metrics import COLUMNS, HINTS, LOSS_COLUMN, MetricsRow
from app.widgets.live_plot import STYLES
from app.widgets.theme import Theme

ROW = 32
SAMPLE_WIDTH, SAMPLE_HEIGHT = 26, 12
_Index = QModelIndex | QPersistentModelIndex


class PathModel(QAbstractTableModel):
    """Rows as the presenter gives them."""

    def __init__(self, theme: Theme) -> None:
        super().__init__()
        self._theme = theme
        self.rows: tuple[MetricsRow, ...] = ()

    def show_rows(self, rows: tuple[MetricsRow, ...]) -> None:
        """Changes cells in place while the paths are the same, so that nothing jumps."""
        if rows == self.rows:
            return
        same = [row.key for row in rows] == [row.key for row in self.rows]
        if not same:
            self.beginResetModel()
        self.rows = rows
        if same:
            self.dataChanged.emit(self.index(0, 0), self.index(len(rows) - 1, len(COLUMNS) - 1))
        else:
            self.endResetModel()

    def rowCount(self, _parent: _Index = QModelIndex()) -> int:  # noqa: N802, B008
        """One a path."""
        return len(self.rows)

    def columnCount(self, _parent: _Index = QModelIndex()) -> int:  # noqa: N802, B008
        """One a figure."""
        return len(COLUMNS)

    def headerData(  # noqa: N802
        self, section: int, orientation: Qt.Orientation, role: int = Qt.ItemDataRole.DisplayRole
    ) -> object:
        """Names, and what they mean on hover."""
        if orientation is not Qt.Orientation.Horizontal:
            return None
        if role == Qt.ItemDataRole.DisplayRole:
            return COLUMNS[section]
        if role == Qt.ItemDataRole.ToolTipRole:
            return HINTS[section]
        if role == Qt.ItemDataRole.TextAlignmentRole:
            return _alignment(section)
        return None

    def data(self, index: _Index, role: int = Qt.ItemDataRole.DisplayRole) -> object:
        """A cell's text, and the curve's look in the first column."""
        row, column = self.rows[index.row()], index.column()
        if role == Qt.ItemDataRole.DisplayRole:
            return row.cells[column]
        if role == Qt.ItemDataRole.TextAlignmentRole:
            return _alignment(column)
        if role == Qt.ItemDataRole.DecorationRole and column == 0:
            return self._sample(row)
        if role == Qt.ItemDataRole.ToolTipRole:
            return f"{COLUMNS[column]}: {row.cells[column]}\n{HINTS[column]}"
        if role == Qt.ItemDataRole.ForegroundRole and column == LOSS_COLUMN and row.tone.value == "warn":
            return self._theme.color("warn")
        return None

    def _sample(self, row: MetricsRow) -> QPixmap:
        pixmap = QPixmap(QSize(SAMPLE_WIDTH, SAMPLE_HEIGHT))
        pixmap.fill(Qt.GlobalColor.transparent)
        painter = QPainter(pixmap)
        painter.setPen(QPen(self._theme.color(row.color), 2, STYLES[row.style]))
        middle = QRectF(pixmap.rect()).center().y()
        painter.drawLine(0, round(middle), SAMPLE_WIDTH, round(middle))
        painter.end()
        return pixmap


class PathTable(QTableView):
    """Grows with its rows; it never scrolls by itself."""

    def __init__(self, theme: Theme) -> None:
        super().__init__()
        self._model = PathModel(theme)
        self.setModel(self._model)
        self.setAccessibleName("Paths")
        self.setShowGrid(False)
        self.setWordWrap(False)
        self.setEditTriggers(QTableView.EditTrigger.NoEditTriggers)
        self.setSelectionBehavior(QTableView.SelectionBehavior.SelectRows)
        self.setVerticalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setIconSize(QSize(SAMPLE_WIDTH, SAMPLE_HEIGHT))
        self.verticalHeader().hide()
        self.verticalHeader().setDefaultSectionSize(ROW)
        header = self.horizontalHeader()
        header.setHighlightSections(False)
        header.setSectionResizeMode(QHeaderView.ResizeMode.ResizeToContents)
        header.setSectionResizeMode(0, QHeaderView.ResizeMode.Stretch)
        theme.changed.connect(self.viewport().update)

    def show_rows(self, rows: tuple[MetricsRow, ...]) -> None:
        """Shows these paths."""
        self._model.show_rows(rows)
        height = self.horizontalHeader().sizeHint().height() + ROW * max(1, len(rows)) + 4
        if self.height() != height:
            self.setFixedHeight(height)


def _alignment(column: int) -> Qt.AlignmentFlag:
    side = Qt.AlignmentFlag.AlignLeft if column < 2 else Qt.AlignmentFlag.AlignRight
    return side | Qt.AlignmentFlag.AlignVCenter
