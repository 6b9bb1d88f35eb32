"""The main window: sidebar, pages, log dock, status bar; it keeps its state between starts."""

import time
from operator import methodcaller

from PySide6.QtCore import QByteArray, QPoint, QSettings, Qt, QTimerEvent, Signal
from PySide6.QtGui import QActionGroup, QCloseEvent, QIcon, QKeyEvent, QKeySequence, QResizeEvent, QShortcut
from PySide6.QtWidgets import (
    QAbstractButton,
    QDockWidget,
    QLabel,
    QMainWindow,
    QMenu,
    QStackedWidget,
    QVBoxLayout,
    QWidget,
)

from app.lag import LagMeter
from app.presenters.lab import banner
from app.presenters.log import log_view
from app.presenters.metrics import worse_sentence
from app.presenters.status import status
from app.presenters.veil import of_report
from app.widgets.buttons import Button
from app.widgets.lab_banner import LabBanner
from app.widgets.log_dock import LogDock
from app.widgets.page import Page
from app.widgets.sidebar import Sidebar
from app.widgets.theme import RESOURCES, Choice, Theme
from netstack.errors import PeerscopeError
from netstack.model.snapshot import Snapshot

TICK_MS = 500
SAID_MS = 5000
COMPACT_BELOW = 900
_THEMES = {
    Choice.SYSTEM: "Like the system",
    Choice.LIGHT: "Light",
    Choice.DARK: "Dark",
    Choice.HIGH_CONTRAST: "High contrast",
}
_PAGE_KEYS = (("F5", "start"), ("Ctrl+R", "start"), ("Esc", "stop"), ("Ctrl+C", "copy"), ("Ctrl+S", "export"))


class Window(QMainWindow):
    """Shows snapshots on its pages. `closing` is emitted once the user closes it."""

    closing = Signal()

    def __init__(self, theme: Theme, settings: QSettings) -> None:
        super().__init__()
        self._theme = theme
        self._settings = settings
        self._snapshot = Snapshot()
        self._pages: list[Page] = []
        self._engine_lag, self._window_lag = LagMeter(), LagMeter()
        self.setWindowTitle("Peerscope")
        self.setWindowIcon(QIcon(str(RESOURCES / "icons" / "peerscope.svg")))
        self.setMinimumWidth(560)  # the height follows from the sidebar
        self.resize(1280, 860)

        self._stack = QStackedWidget()
        self._banner = LabBanner(theme)
        self._banner.left.connect(self.close)
        middle = QWidget()
        column = QVBoxLayout(middle)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        column.addWidget(self._banner)
        column.addWidget(self._stack, 1)
        self.setCentralWidget(middle)
        self._sidebar = Sidebar(theme)
        self._sidebar.chosen.connect(self.open_page)
        side = QDockWidget("Pages", self)
        side.setObjectName("pages")
        side.setFeatures(QDockWidget.DockWidgetFeature.NoDockWidgetFeatures)
        side.setTitleBarWidget(QWidget())
        side.setWidget(self._sidebar)
        self.addDockWidget(Qt.DockWidgetArea.LeftDockWidgetArea, side)
        self.setCorner(Qt.Corner.BottomLeftCorner, Qt.DockWidgetArea.LeftDockWidgetArea)
        self.log = LogDock(theme, self)
        self.log.level_chosen.connect(self._show_log)
        self.log.hide()
        self.addDockWidget(Qt.DockWidgetArea.BottomDockWidgetArea, self.log)

        self._log_button = self._sidebar.add_foot("Log", "log")
        self._log_button.setCheckable(True)
        self._log_button.setToolTip("Show what the stack writes down (Ctrl+L)")
        self._log_button.toggled.connect(self.log.setVisible)
        self.log.visibilityChanged.connect(self._log_toggled)
        self._view_button = self._sidebar.add_foot("View", "view")
        self._view_button.setToolTip("Light, dark, high contrast")
        self._menu = self._view_menu()
        self._view_button.clicked.connect(self._open_menu)

        self._network, self._engine, self._own = QLabel(), QLabel(), QLabel()
        self._worse = Button(
            theme, "", self._open_metrics, icon="warn", role="link", hint="See it on the Metrics page"
        )
        self._worse.setObjectName("worse")
        self._worse.hide()
        self._network.setToolTip("Where the stack sends its packets")
        self._engine.setToolTip("How late the engine's loop woke up at worst in the last ten seconds")
        self._own.setToolTip("How late the window's loop woke up at worst in the last ten seconds")
        bar = self.statusBar()
        bar.setSizeGripEnabled(False)
        bar.addWidget(self._network)
        bar.addWidget(self._worse)
        bar.addPermanentWidget(self._engine)
        bar.addPermanentWidget(self._own)
        for label in (self._network, self._engine, self._own):
            label.setFont(theme.font("small"))

        for keys, name in _PAGE_KEYS:
            QShortcut(QKeySequence(keys), self, lambda call=methodcaller(name): call(self._page))
        QShortcut(QKeySequence("Ctrl+L"), self, self._log_button.click)
        QShortcut(QKeySequence("Ctrl+Q"), self, self.close)
        self._due_s = time.monotonic() + TICK_MS / 1000
        self._tick = self.startTimer(TICK_MS, Qt.TimerType.PreciseTimer)

    @property
    def _page(self) -> Page:
        return self._pages[self._stack.currentIndex()]

    def add_page(self, page: Page) -> None:
        """Adds a page to the sidebar; Ctrl and its number open it."""
        self._pages.append(page)
        self._stack.addWidget(page)
        self._sidebar.add_page(page.title, page.icon)
        page.titled.connect(self._retitle)
        page.said.connect(lambda text: self.statusBar().showMessage(text, SAID_MS))
        number = len(self._pages)
        QShortcut(QKeySequence(f"Ctrl+{number}"), self, lambda: self.open_page(number - 1))

    def open_page(self, index: int) -> None:
        """Brings a page to the front."""
        self._stack.setCurrentIndex(index)
        self._sidebar.choose(index)
        self._page.show_snapshot(self._snapshot, time.monotonic())
        self._page.setFocus()
        self._retitle()

    def bring(self, page: Page) -> None:
        """Brings a page to the front that was added before."""
        self.open_page(self._pages.index(page))

    def restore(self, first: str = "") -> None:
        """Takes up the state of the last start; call it after the pages were added.

        The page whose key is `first` comes to the front when there is none to take up.
        """
        if isinstance(geometry := self._settings.value("window/geometry"), QByteArray):
            self.restoreGeometry(geometry)
        if isinstance(state := self._settings.value("window/state"), QByteArray):
            self.restoreState(state)
        level = self.log.level.findData(self._settings.value("log/level"))
        self.log.level.setCurrentIndex(max(0, level))
        keys = [page.key for page in self._pages]
        wanted = (self._settings.value("window/page"), first)
        self.open_page(next((keys.index(key) for key in wanted if key in keys), 0))

    def show_snapshot(self, snapshot: Snapshot) -> None:
        """Shows the newest state."""
        if snapshot.engine_lag_s not in (None, self._snapshot.engine_lag_s):
            self._engine_lag.add(snapshot.engine_lag_s)
        old, self._snapshot = self._snapshot, snapshot
        if snapshot.log is not old.log:
            self._show_log()
        self._banner.say(banner(snapshot))
        if snapshot.paths is not old.paths:
            self._say_worse(worse_sentence(snapshot.paths))
        self._page.show_snapshot(snapshot, time.monotonic())

    def show_failure(self, error: PeerscopeError) -> None:
        """The engine did not start: says so, and stays open for the log."""
        self.statusBar().showMessage(error.sentence)

    def keyPressEvent(self, event: QKeyEvent) -> None:  # noqa: N802
        """Enter presses the button that has the focus, as people expect; Qt itself takes the space bar alone."""
        focus = self.focusWidget()
        if event.key() in {Qt.Key.Key_Return, Qt.Key.Key_Enter} and isinstance(focus, QAbstractButton):
            focus.animateClick()
        else:
            super().keyPressEvent(event)

    def resizeEvent(self, event: QResizeEvent) -> None:  # noqa: N802
        """Makes the sidebar narrow when the window is."""
        self._sidebar.set_compact(event.size().width() < COMPACT_BELOW)
        super().resizeEvent(event)

    def timerEvent(self, _event: QTimerEvent) -> None:  # noqa: N802
        """Measures the lag, and keeps relative times true."""
        now_s = time.monotonic()
        self._window_lag.add(now_s - self._due_s)
        self._due_s = now_s + TICK_MS / 1000
        view = status(self._snapshot, self._engine_lag.worst_s, self._window_lag.worst_s)
        self._network.setText(view.network)
        self._engine.setText(view.engine_lag)
        self._own.setText(view.window_lag)
        self._page.show_snapshot(self._snapshot, time.monotonic())

    def closeEvent(self, event: QCloseEvent) -> None:  # noqa: N802
        """Keeps the state, and leaves the rest to whoever listens to `closing`."""
        self.killTimer(self._tick)
        self._settings.setValue("window/geometry", self.saveGeometry())
        self._settings.setValue("window/state", self.saveState())
        self._settings.setValue("window/page", self._page.key)
        self._settings.setValue("window/theme", str(self._theme.choice))
        self._settings.setValue("log/level", self.log.level.currentData())
        self._settings.sync()
        event.accept()
        self.closing.emit()

    def _say_worse(self, sentence: str) -> None:
        """A watched peer got worse: a quiet line below every page, until it is well again."""
        if sentence != self._worse.text().strip():
            self._worse.setText(f" {sentence}")
            self._worse.setAccessibleName(sentence)
        self._worse.setVisible(bool(sentence))

    def _open_metrics(self) -> None:
        place = next((n for n, page in enumerate(self._pages) if page.key == "metrics"), None)
        if place is not None:
            self.open_page(place)

    def _retitle(self) -> None:
        self.setWindowTitle(f"{self._page.summary} - Peerscope")

    def _view_menu(self) -> QMenu:
        menu = QMenu(self)
        group = QActionGroup(menu)
        group.triggered.connect(lambda action: self._theme.choose(action.data()))
        for choice, text in _THEMES.items():
            action = menu.addAction(text)
            action.setData(choice)
            action.setCheckable(True)
            action.setChecked(choice is self._theme.choice)
            group.addAction(action)
        return menu

    def _open_menu(self) -> None:
        size = self._menu.sizeHint()
        self._menu.popup(self._view_button.mapToGlobal(QPoint(8, -size.height())))

    def _show_log(self) -> None:
        veil = of_report(self._snapshot.nat.report)
        self.log.show_view(log_view(self._snapshot.log, self.log.level.currentData(), veil))

    def _log_toggled(self, visible: bool) -> None:
        self._log_button.setChecked(visible)
        if visible:
            self._show_log()
