"""The NAT x NAT grid with its controls and the cell under the pointer in words."""

from PySide6.QtCore import QSize, Qt, Signal
from PySide6.QtWidgets import QHBoxLayout, QLabel, QProgressBar, QPushButton, QSpinBox, QVBoxLayout, QWidget

from app.presenters.lab_grid import ROUTES, GridCell, GridView, Route
from app.widgets.nat_grid import NatGrid
from app.widgets.text import Card, Columns, Text
from app.widgets.theme import Theme

GLYPH = 16
FEWEST, MOST, USUAL = 1, 1000, 20
STACK_BELOW = 760


class GridCard(Card):
    """`started(tries)`, `cancelled`, `copied` and `exported` tell what was pressed."""

    started = Signal(int)
    cancelled = Signal()
    copied = Signal()
    exported = Signal()

    def __init__(self, theme: Theme) -> None:
        super().__init__(theme, "Every kind of NAT with every other")
        self._theme = theme
        self._view: GridView | None = None
        self.tries = QSpinBox()
        self.tries.setRange(FEWEST, MOST)
        self.tries.setValue(USUAL)
        self.tries.setAlignment(Qt.AlignmentFlag.AlignHCenter)
        self.tries.setSuffix(" tries")
        self.tries.setAccessibleName("Tries of every pair")
        self.tries.setToolTip("More tries take longer and make the intervals narrower")
        self._copy, self._export, self._run = (
            QPushButton(" Copy"),
            QPushButton(" Export"),
            QPushButton(" Fill in"),
        )
        self._copy.setToolTip("Copy the grid as text")
        self._export.setToolTip("Save the grid as JSON")
        self._copy.clicked.connect(self.copied)
        self._export.clicked.connect(self.exported)
        self._run.clicked.connect(self._pressed)
        controls = QHBoxLayout()
        controls.setSpacing(theme.measure.unit)
        for widget in (self.tries, self._run):
            controls.addWidget(widget)
        controls.addStretch(1)
        for widget in (self._copy, self._export):
            controls.addWidget(widget)
        for button in (self._copy, self._export, self._run):
            button.setAutoDefault(False)
            button.setIconSize(QSize(GLYPH, GLYPH))
        self._copy.setAccessibleName("Copy the grid")
        self._export.setAccessibleName("Export the grid")
        self._summary = Text(theme, wrap=True)
        self._progress = QProgressBar()
        self._progress.setRange(0, 1000)
        self._progress.setTextVisible(False)
        self._progress.setAccessibleName("Progress of the grid")
        keep = self._progress.sizePolicy()
        keep.setRetainSizeWhenHidden(True)
        self._progress.setSizePolicy(keep)
        self.grid = NatGrid(theme)
        self.grid.pointed.connect(self._show_cell)

        self._title = Text(theme, strong=True, wrap=True)
        self._glyph = QLabel()
        self._glyph.setFixedSize(GLYPH, GLYPH)
        self._route = Text(theme, strong=True)
        self._lines = Text(theme, wrap=True)
        route = QHBoxLayout()
        route.setSpacing(6)
        route.addWidget(self._glyph)
        route.addWidget(self._route, 1)
        legend = QVBoxLayout()
        legend.setSpacing(4)
        self._legend: list[tuple[QLabel, Route]] = []
        for kind in (Route.DIRECT, Route.RELAY, Route.NONE):
            line, sign = QHBoxLayout(), QLabel()
            sign.setFixedSize(GLYPH, GLYPH)
            line.setSpacing(6)
            line.addWidget(sign)
            line.addWidget(Text(theme, ROUTES[kind][2].capitalize(), size="small", role="muted"), 1)
            legend.addLayout(line)
            self._legend.append((sign, kind))
        self._note = Text(theme, size="small", role="muted", wrap=True)
        self._note.setAlignment(Qt.AlignmentFlag.AlignTop)
        told = QWidget()
        told.setMinimumWidth(220)
        words = QVBoxLayout(told)
        words.setContentsMargins(0, 0, 0, 0)
        words.setSpacing(theme.measure.unit)
        words.addWidget(self._title)
        words.addLayout(route)
        words.addWidget(self._lines)
        words.addSpacing(theme.measure.unit)
        words.addLayout(legend)
        words.addWidget(self._note)
        words.addStretch(1)
        self.body.addWidget(self._summary)
        self.body.addLayout(controls)
        self.body.addWidget(self._progress)
        self.body.addWidget(Columns(theme, ((self.grid, 3), (told, 1)), STACK_BELOW))
        theme.changed.connect(self._dress)
        self._dress()

    def show_view(self, view: GridView, *, busy: bool) -> None:
        """Shows the grid; `busy`: it is being filled in, or about to be."""
        if busy != self._run.property("busy"):
            self._run.setProperty("busy", busy)
            self._dress()
        self.tries.setEnabled(not busy)
        if view == self._view:
            return
        self._view = view
        self._summary.setText(view.summary)
        self._progress.setVisible(view.running)
        self._progress.setValue(round(1000 * view.progress))
        self._copy.setEnabled(view.complete)
        self._export.setEnabled(view.complete)
        self._note.setText(view.note)
        self.grid.show_view(view)

    def focus_chain(self) -> list[QWidget]:
        """What the Tab key stops at."""
        return [self.tries, self._run, self._copy, self._export, self.grid]

    def _pressed(self) -> None:
        if self._run.property("busy"):
            self.cancelled.emit()
        else:
            self.started.emit(self.tries.value())

    def _show_cell(self, cell: GridCell) -> None:
        self._title.setText(cell.title)
        self._route.setText(cell.lines[0])
        self._lines.setText("\n".join(cell.lines[1:]))
        self._lines.setVisible(len(cell.lines) > 1)
        self._sign(self._glyph, cell.route)

    def _sign(self, label: QLabel, route: Route) -> None:
        icon, tone, _ = ROUTES[route]
        label.setPixmap(
            self._theme.pixmap(icon or "unknown", "turn" if route is Route.RELAY else str(tone), GLYPH)
        )

    def _dress(self) -> None:
        busy = bool(self._run.property("busy"))
        self._run.setText(" Cancel" if busy else " Fill in")
        self._run.setAccessibleName("Cancel the grid" if busy else "Fill in the grid")
        self._run.setToolTip(
            "Stop; what is filled in stays" if busy else "Let all 55 pairs meet, in processes of their own"
        )
        self._run.setIcon(self._theme.icon("stop" if busy else "run", size=GLYPH))
        self._copy.setIcon(self._theme.icon("copy", size=GLYPH))
        self._export.setIcon(self._theme.icon("export", size=GLYPH))
        for label, route in self._legend:
            self._sign(label, route)
        if (cell := self.grid.current) is not None:
            self._show_cell(cell)
